//! The integration tests: one binary, one world.

mod hard_cases;
mod hard_cases_more;
mod storm;
mod storms;
mod world;
