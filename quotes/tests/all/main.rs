//! The comparison shopper against what a person with all the time in the world would find.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, and its helpers too")]

mod brute;
mod market;
mod naive;
mod worked;
