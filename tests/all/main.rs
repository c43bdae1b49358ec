//! The tests of the whole house, in one binary so that it links once. Each module is about one thing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and its helpers too"
)]

mod bad_input;
mod bad_network;
mod browser;
mod desk;
mod exchange;
mod full_disk;
mod hostile;
mod keys;
mod kill;
mod kinds;
mod load;
mod load_memory;
mod page;
mod program;
mod proxy;
mod public;
mod replay;
mod restart;
mod sessions;
mod small_file_system;
mod threads;
mod tidy;
mod trading;
mod windows;
