//! The tests of the engine, in one binary so that it links once: the rules one by one, in the small examples of
//! docs/matching.md, and random streams of commands against a naive reference.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and its helpers too"
)]

mod auction_prices;
mod auctions;
mod bands;
mod blocks;
mod blocks_at_rest;
mod cascades;
mod checked;
mod checks;
mod classic_defects;
mod conditions;
mod core_book;
mod desk;
mod documented;
mod fortnight;
mod funds;
mod generator;
mod halts;
mod icebergs;
mod keys;
mod lasting;
mod limits;
mod market;
mod mass_cancel;
mod met;
mod orders;
mod pending;
mod phases;
mod public_book;
mod random;
mod reference;
mod replace;
mod saved;
mod self_trade;
mod stops;
