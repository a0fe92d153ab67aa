//! Reading both sides as comparable values.
