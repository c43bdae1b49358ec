//! What is said on the streams of a connection, as an input says it: pieces, each a stream (1 byte), a length (2
//! bytes) and the bytes.

use std::time::Duration;

/// The stream both ends speak on.
pub(super) const CONTROL: u8 = 0;

/// One minute is longer than anything here takes, on any machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The pieces of an input; the last one may be shorter than it says.
pub(super) fn pieces(input: &[u8]) -> Vec<(u8, &[u8])> {
    let mut pieces = Vec::new();
    let mut rest = input;
    while let [stream, low, high, behind @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(behind.len());
        let (bytes, after) = behind.split_at(length);
        pieces.push((*stream, bytes));
        rest = after;
    }
    pieces
}

/// An input of these pieces.
pub(super) fn script(pieces: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let written = pieces.iter().map(|(stream, bytes)| {
        let length = u16::try_from(bytes.len()).expect("a short piece");
        [&[*stream][..], &length.to_le_bytes(), bytes].concat()
    });
    written.collect::<Vec<_>>().concat()
}

/// A runtime on this thread alone, so that whatever panics does so here.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.expect("the system gives a runtime what it needs")
}
