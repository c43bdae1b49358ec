//! What could lose, invent or damage a batch, risk by risk.

#![allow(clippy::unwrap_used, reason = "a helper fails like the test that calls it")]

mod corruption;
mod crashes;
mod disk_full;
mod failures;
mod golden;
mod latency;
mod lifetimes;
mod real_disk;
mod retention;
mod rules_change;
mod segments;
mod small_file_system;
mod snapshots;
mod support;
mod torn_tail;
