//! The journal's records.

use super::{golden, no_words};
use crate::{Target, Trace};
use sequencer::{RECORD_MAX, RECORD_VERSION, RecordError, decode, encode, records};
use std::mem::discriminant;

pub(super) const RECORDS: Target = Target {
    name: "records",
    holds: "the bytes of a batch are commands, each with one encoding only, or are refused where they are not",
    seeds: || golden::with_stream(golden::records()),
    words: no_words,
    mend: Some(state_length),
    start: || Box::new(attempt),
};

/// States the length the input has, and the version.
fn state_length(bytes: &mut Vec<u8>) {
    bytes.truncate(RECORD_MAX);
    let Ok(length) = u8::try_from(bytes.len()) else { return };
    if let Some([stated, _, version]) = bytes.first_chunk_mut::<3>() {
        (*stated, *version) = (length, RECORD_VERSION);
    }
}

fn attempt(input: &[u8]) -> Trace {
    let mut rest = input;
    let (mut commands, mut refused) = (Vec::new(), None);
    while !rest.is_empty() {
        match decode(rest) {
            Ok((stamped, behind)) => {
                let read = &rest[..rest.len() - behind.len()];
                let mut again = Vec::new();
                encode(&stamped, &mut again);
                assert_eq!(again, read, "{stamped:?}");
                commands.push(stamped);
                rest = behind;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused = Some(error);
                break;
            }
        }
    }
    let all: Vec<_> = records(input).collect();
    let expected: Vec<_> = commands.iter().cloned().map(Ok).chain(refused.clone().map(Err)).collect();
    assert_eq!(all, expected, "a batch is what its records are, up to the first that is none");
    let first = commands.first().map(|stamped| (discriminant(&stamped.command), stamped.sender.is_some()));
    let why = refused.map(|error| match error {
        RecordError::Field { field, .. } => (discriminant(&error), field),
        _ => (discriminant(&error), ""),
    });
    Trace::of((first, commands.len().min(3), why))
}
