//! A stream of bytes cut into messages.

use super::golden;
use crate::{Target, Trace};
use protocol::header::Frames;
use protocol::{MESSAGE_MAX, VERSION, WireError};
use std::mem::discriminant;

/// How many bytes at the beginning of an input say where it is cut.
const CUTS: usize = 8;

pub(super) const FRAMES: Target = Target {
    name: "frames",
    holds: "a stream gives the same messages, and the same error, wherever its bytes break",
    seeds,
    words: || vec![vec![8, 0, 7, VERSION], vec![0, 16, 7, VERSION], vec![4, 0, 9, VERSION]],
    mend: None,
    start: || Box::new(attempt),
};

fn seeds() -> Vec<Vec<u8>> {
    let streams = [golden::order_entry(), golden::market_data()];
    let cuts = [[1, 2, 3, 5, 8, 13, 21, 34], [255; CUTS], [1; CUTS]];
    let seeds = streams.iter().flat_map(|examples| cuts.map(|cuts| [&cuts, &*examples.concat()].concat()));
    let long = [4_092u16, 4_096, 4_097].map(|length| {
        let mut message = [&[255; CUTS], &length.to_le_bytes()[..], &[9, VERSION]].concat();
        message.resize(CUTS + usize::from(length), 9);
        [&*message, &[4, 0, 9, VERSION]].concat()
    });
    seeds.chain(long).collect()
}

fn attempt(input: &[u8]) -> Trace {
    let (cuts, stream) = super::take::<CUTS>(input);
    let mut frames = Frames::new(stream);
    let (mut messages, mut error) = (Vec::new(), None);
    for frame in frames.by_ref().take(stream.len()) {
        match frame {
            Ok(frame) => messages.push(frame.bytes.to_vec()),
            Err(found) => {
                error = Some(found);
                break;
            }
        }
    }
    assert_eq!(messages.concat(), stream[..frames.consumed()], "nothing is skipped and nothing made up");
    assert!(messages.iter().all(|message| (4..=MESSAGE_MAX).contains(&message.len())));
    let left = stream.len() - frames.consumed();
    let truncated = (left > 0).then_some(WireError::Truncated { have: left });
    assert_eq!(frames.finish().err(), truncated);
    assert!(left < MESSAGE_MAX || error.is_some(), "a message that is there is given");

    let again = piecemeal(stream, cuts);
    assert_eq!(again, (messages.clone(), error));
    Trace::of((messages.len().min(4), error.map(|error| discriminant(&error)), left > 0))
}

/// The same, as it is read from a connection: in pieces, what is left of one put before the next.
fn piecemeal(stream: &[u8], cuts: [u8; CUTS]) -> (Vec<Vec<u8>>, Option<WireError>) {
    let mut messages = Vec::new();
    let (mut waiting, mut rest) = (Vec::new(), stream);
    for cut in cuts.into_iter().cycle() {
        let (piece, behind) = rest.split_at(usize::from(cut).clamp(1, rest.len().max(1)).min(rest.len()));
        waiting.extend_from_slice(piece);
        rest = behind;
        let mut frames = Frames::new(&waiting);
        for frame in frames.by_ref() {
            match frame {
                Ok(frame) => messages.push(frame.bytes.to_vec()),
                Err(error) => return (messages, Some(error)),
            }
        }
        waiting.drain(..frames.consumed());
        if rest.is_empty() {
            break;
        }
    }
    (messages, None)
}
