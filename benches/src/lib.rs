//! Order flows for the benches.

pub mod flow;
