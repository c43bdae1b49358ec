//! The tests of the whole house, in one binary so that it links once. Each module is about one thing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and its helpers too"
)]

mod bad_input;
mod browser;
mod exchange;
mod hostile;
mod page;
mod program;
mod restart;
mod tidy;
mod trading;
