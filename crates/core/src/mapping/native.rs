//! Turning decided values back into native properties.
