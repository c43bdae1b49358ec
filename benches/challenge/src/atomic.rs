//! What the ring is made of, so that a model checker can put something else in its place.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};

/// So many reports are pushed before they are published.
pub(crate) const STRIDE: u64 = 32;
