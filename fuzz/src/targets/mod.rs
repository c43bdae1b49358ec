//! What is tried: one file for each kind of input.

mod book;
mod conversation;
mod framing;
mod golden;
mod journal;
mod market;
mod messages;
mod numbers;
mod raw_journal;
mod records;
mod script;
mod server;
mod snapshot;
mod state;
mod symbols;
mod times;

use crate::Target;

/// Every target.
pub static TARGETS: [Target; 18] = [
    framing::FRAMES,
    messages::CLIENT,
    messages::GATEWAY,
    messages::SUBSCRIBER,
    messages::FEED,
    messages::CLASS,
    book::PUBLIC_BOOK,
    symbols::SYMBOLS,
    numbers::DECIMALS,
    times::TIMES,
    records::RECORDS,
    journal::JOURNAL,
    raw_journal::SEGMENT,
    snapshot::SNAPSHOT,
    state::STATE,
    market::MARKET,
    conversation::CONVERSATION,
    server::SERVER,
];

/// A target without words of its own.
fn no_words() -> Vec<Vec<u8>> {
    Vec::new()
}

/// Words from text.
fn words(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The first `N` bytes, zeros where there are fewer, and what follows them.
fn take<const N: usize>(input: &[u8]) -> ([u8; N], &[u8]) {
    let (head, rest) = input.split_at(N.min(input.len()));
    let mut bytes = [0; N];
    bytes[..head.len()].copy_from_slice(head);
    (bytes, rest)
}
