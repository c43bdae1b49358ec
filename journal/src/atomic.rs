//! What [`Room`](crate::room::Room) is made of. `tests/model` has a model checker's in its place.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
