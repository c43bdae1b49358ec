//! Journals that were written and then damaged.

use super::no_words;
use crate::{Attempt, Target, Trace};
use journal::{Checkpoint, Hash, Journal, OpenError, Options, ReadError, Reader, SimulatedDisk, Summary};
use std::collections::BTreeMap;
use std::io;
use std::mem::discriminant;

/// The bytes one edit takes in an input.
const EDIT: usize = 8;
/// How many edits of one input are made.
const EDITS_MAX: usize = 16;
const RULES: u32 = 3;
const SEGMENT: u64 = 8_192;

pub(super) const JOURNAL: Target = Target {
    name: "journal",
    holds: "a damaged journal gives batches that were written, in order and without a gap, or is refused and left alone",
    seeds,
    words: no_words,
    mend: None,
    start,
};

/// A file of the journal by name.
type Files = BTreeMap<String, Vec<u8>>;

/// One batch, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    first_sequence: u64,
    count: u32,
    payload: Vec<u8>,
    hash: Hash,
    segment: String,
    offset: usize,
}

impl Written {
    /// How many bytes it takes in its segment.
    fn length(&self) -> usize {
        (56 + self.payload.len()).next_multiple_of(8)
    }
}

/// What reading came to: the batches, and how it ended.
type Read = (Vec<Written>, Result<Summary, ReadError>);

fn seeds() -> Vec<Vec<u8>> {
    let edit = |what: u8, segment: u8, at: u16, length: u16, value: u16| {
        [&[what, segment][..], &at.to_le_bytes(), &length.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let alone = (0..KINDS).flat_map(|what| (0..4).map(move |segment| (what, segment)));
    let mut seeds: Vec<Vec<u8>> =
        alone.map(|(what, segment)| edit(what, segment, 4_096 + 56, 64, 5)).collect();
    // The end of the first segment, and all of it, from the other journal.
    seeds.extend([edit(3, 0, 4_192, 4_000, 0), edit(10, 0, 0, 0, 0)]);
    seeds.push(Vec::new());
    seeds.push([edit(9, 3, 4_200, 0, 0), edit(6, 2, 0, 0, 0)].concat());
    seeds
}

fn start() -> Attempt {
    // Two journals that begin in the same way, and go on differently.
    let histories = [0, 1].map(|history| {
        let files = write(history);
        let (written, whole) = read(&files, None);
        let whole = whole.expect("what was written is read");
        assert!(files.len() > 3 && written.len() > 9 && whole.torn_tail.is_none());
        (files, written)
    });
    let [(files, written), (others, other_written)] = histories;
    assert_eq!((written[0] == other_written[0], written[1] == other_written[1]), (true, false));
    Box::new(move |input| {
        let mut damaged = files.clone();
        input
            .chunks_exact(EDIT)
            .take(EDITS_MAX)
            .for_each(|edit| apply(edit, &files, &others, written_at(&written, edit), &mut damaged));
        let (found, end) = read(&damaged, None);
        let run = [&written, &other_written].map(|written| run_of(&found, written));
        let (history, (first, behind)) = match run {
            [Some(run), _] => (&written, run),
            [_, Some(run)] => (&other_written, run),
            _ => panic!("what was read was not written, or not in this order: {found:?}"),
        };
        if end.is_ok() {
            nothing_later(&damaged, &history[behind..]);
        }
        let opened = open(&damaged, &found, &end);
        let from = after(&damaged, [&written, &other_written], input.len());
        Trace::of((first, found.len(), outcome(&end), opened, from))
    })
}

/// Where in `written` that was found, if it was: from which batch on to which.
fn run_of(found: &[Written], written: &[Written]) -> Option<(usize, usize)> {
    let first = found.first().map_or(Some(0), |found| written.iter().position(|batch| batch == found))?;
    let behind = first + found.len();
    (written.get(first..behind)? == found).then_some((first, behind))
}

/// A journal of several segments, its second batch and all after it this history's own. Some payloads are made to
/// look like frames.
fn write(history: u8) -> Files {
    let medium = SimulatedDisk::new(1);
    let options = Options { segment_size: SEGMENT, prepare_ahead: false, ..Options::new(RULES) };
    let none = |_: journal::Batch<'_>| Ok::<(), io::Error>(());
    let (mut journal, _) = Journal::open_on(medium.mount(), &options, none).expect("an empty disk is taken");
    for number in 0..24u8 {
        let length = 40 + usize::from(number) * 97 % 1_400;
        let mut payload = vec![number ^ if number > 0 { history << 7 } else { 0 }; length];
        if number % 3 == 0 {
            payload[..16].copy_from_slice(b"CXB1\0\0\0\0\x08\0\0\0\x01\0\0\0");
        }
        let count = 1 + u32::from(number % 4);
        journal.append(journal.next_sequence(), count, &payload).expect("there is space");
    }
    drop(journal);
    files_of(&medium)
}

fn files_of(medium: &SimulatedDisk) -> Files {
    let names = medium.mount().list().expect("it lists its files");
    let segments = names.into_iter().filter(|name| name.ends_with(".seg"));
    segments.filter_map(|name| Some((name.clone(), medium.written(&name)?))).collect()
}

fn disk_with(files: &Files) -> SimulatedDisk {
    let medium = SimulatedDisk::new(1);
    files.iter().for_each(|(name, content)| medium.put(name, content.clone()));
    medium
}

/// Reads all there is, from a place on if one is given.
fn read(files: &Files, after: Option<Checkpoint>) -> Read {
    let disk = disk_with(files).mount();
    let reader = match after {
        Some(checkpoint) => Reader::open_after(disk, checkpoint),
        None => Reader::open_on(disk),
    };
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut batches = Vec::new();
    loop {
        match reader.next_batch() {
            Ok(Some(batch)) => batches.push(Written {
                first_sequence: batch.first_sequence,
                count: batch.count,
                payload: batch.payload.to_vec(),
                hash: batch.hash,
                segment: format!("{:020}.seg", batch.segment),
                offset: usize::try_from(batch.offset).expect("segments are small"),
            }),
            Ok(None) => break,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                let again = reader.next_batch().map(|_| ());
                assert!(
                    again.is_err_and(|again| again.to_string() == error.to_string()),
                    "it goes on after {error}"
                );
                return (batches, Err(error));
            }
        }
    }
    let summary = reader.summary().clone();
    assert_eq!(summary.batches, batches.len() as u64);
    assert_eq!(summary.checkpoint().sequence, summary.last_sequence());
    (batches, Ok(summary))
}

/// A journal that is taken ends with the last batch that is whole in it: what follows in `lost` is damaged or gone.
fn nothing_later(files: &Files, lost: &[Written]) {
    let whole = lost.iter().skip(1).filter(|batch| {
        let Some(segment) = files.get(&batch.segment) else { return false };
        // A payload that stands where it stood, behind its header's hash, is the whole batch for all that matters.
        let payload = batch.offset + 56;
        segment.get(payload..payload + batch.payload.len()) == Some(&batch.payload)
            && blake3_of(segment, batch) == Some(batch.hash)
    });
    assert_eq!(whole.map(|batch| batch.first_sequence).next(), None, "a batch was skipped");
}

/// The hash of what stands where a batch stood.
fn blake3_of(segment: &[u8], batch: &Written) -> Option<Hash> {
    segment.get(batch.offset..batch.offset + batch.length()).map(blake3::hash)
}

/// Opens it to write: it goes on where reading ended, or is refused as reading was, and then nothing is touched.
fn open(files: &Files, found: &[Written], end: &Result<Summary, ReadError>) -> bool {
    let medium = disk_with(files);
    let options = Options { segment_size: SEGMENT, prepare_ahead: false, ..Options::new(RULES) };
    let mut replayed = 0;
    let opened = Journal::open_on(medium.mount(), &options, |batch| {
        assert_eq!(batch.hash, found[replayed].hash);
        replayed += 1;
        Ok::<(), io::Error>(())
    });
    let (mut journal, summary) = match (opened, end) {
        (Ok(opened), Ok(_)) => opened,
        // A directory without segments is a new one; one without its first segments is refused by who needs them.
        (Ok((journal, _)), Err(ReadError::NoJournal { .. })) => {
            assert_eq!(journal.next_sequence(), 1);
            return true;
        }
        (Err(error), _) => {
            let is_missing_more = matches!(error, OpenError::Read(ReadError::Corrupt { .. }));
            assert!(end.is_err() || is_missing_more, "{error}: but it can be read");
            assert_eq!(files_of(&medium), *files, "{error}: but something was changed");
            return false;
        }
        (Ok(_), Err(error)) => panic!("it is taken, but reading says {error}"),
    };
    assert_eq!((replayed, Ok(&summary)), (found.len(), end.as_ref().map_err(|_| ())));
    let next = summary.next_sequence;
    journal.append(next, 2, b"it goes on").expect("there is space");
    drop(journal);
    let (again, end) = read(&files_of(&medium), None);
    let end = end.expect("what was opened and closed is whole");
    assert_eq!((again.len(), end.last_sequence()), (found.len() + 1, next + 1));
    assert_eq!((end.torn_tail, again.last().map(|batch| &*batch.payload)), (None, Some(&b"it goes on"[..])));
    assert_eq!(again[..found.len()], *found);
    true
}

/// Reads from behind one of the batches that were written, or says that this cannot be done.
fn after(files: &Files, histories: [&[Written]; 2], choice: usize) -> u64 {
    let place = &histories[0][choice % histories[0].len()];
    let sequence = place.first_sequence + u64::from(place.count) - 1;
    let (found, end) = read(files, Some(Checkpoint { sequence, head: place.hash }));
    // The first batch is in both histories.
    let agree = histories.iter().filter(|written| written.contains(place)).any(|written| {
        let behind: Vec<&Written> = written.iter().filter(|batch| batch.first_sequence > sequence).collect();
        found.len() <= behind.len() && behind.into_iter().zip(&found).all(|(written, found)| written == found)
    });
    assert!(agree, "not what was written behind {sequence}: {found:?}");
    outcome(&end)
}

/// How reading ended, without its numbers.
fn outcome(end: &Result<Summary, ReadError>) -> u64 {
    let kind = match end {
        Ok(summary) => Trace::of((summary.torn_tail.is_some(), summary.from_genesis)),
        Err(ReadError::Corrupt { damage, .. }) => Trace::of(discriminant(damage)),
        Err(error) => Trace::of(discriminant(error)),
    };
    kind.0
}

/// How many kinds of edits there are.
const KINDS: u8 = 12;

/// The batch an edit is about, if it is about one.
fn written_at<'a>(written: &'a [Written], edit: &[u8]) -> &'a Written {
    &written[usize::from(edit[2]) % written.len()]
}

/// Makes one edit. What is copied comes from one of the two journals as they were written.
fn apply(edit: &[u8], written: &Files, others: &Files, batch: &Written, files: &mut Files) {
    let number = |at: usize| usize::from(u16::from_le_bytes([edit[at], edit[at + 1]]));
    let (at, length, value) = (number(2), number(4), number(6));
    let Some(name) = files.keys().nth(usize::from(edit[1]) % files.len().max(1)).cloned() else { return };
    let from = if (edit[0] / KINDS).is_multiple_of(2) { others } else { written };
    let source = from.values().nth(value % from.len()).cloned().unwrap_or_default();
    let Some(content) = files.get_mut(&name) else { return };
    let start = at.min(content.len());
    let end = (start + length).min(content.len());
    match edit[0] % KINDS {
        0 if start < content.len() => content[start] ^= 1 << (value % 8),
        1 => content[start..end].fill(edit[6]),
        2 => content[start..end].fill(0),
        3 => {
            let piece = source.get(start..end.min(source.len())).unwrap_or_default();
            content[start..start + piece.len()].copy_from_slice(piece);
        }
        4 => content.truncate(start),
        5 => content.resize(content.len() + length % 8_192, edit[6]),
        6 => drop(files.remove(&name)),
        7 => {
            let moved = files.remove(&name).unwrap_or_default();
            files.insert(format!("{value:020}.seg"), moved);
        }
        8 => {
            let copy = content.clone();
            files.insert(format!("{value:020}.seg"), copy);
        }
        9 => content[start..].fill(0),
        10 => *content = source,
        11 => {
            // Both journals have the same batches at the same places.
            let place = batch.offset..batch.offset + batch.length();
            let frame = from.get(&batch.segment).and_then(|segment| segment.get(place.clone()));
            let there = files.get_mut(&batch.segment).and_then(|segment| segment.get_mut(place));
            if let (Some(there), Some(frame)) = (there, frame) {
                there.copy_from_slice(frame);
            }
        }
        _ => {}
    }
}
