//! Journals that are sound as journals and no order of commands.

use crate::OPERATOR;
use engine::RULES_VERSION;
use journal::{Journal, OpenError, SimulatedDisk};
use sequencer::{RecordError, ReplayError, StartError, VerifyError, encode, verify};
use std::ops::ControlFlow;
use std::path::Path;
use types::{Command, Stamped, Timestamp};

fn genesis() -> Stamped {
    stamped(1, 100, Command::Genesis { operator: OPERATOR, seed: 0 })
}

fn stamped(sequence: u64, time: u64, command: Command) -> Stamped {
    Stamped { sequence, time: Timestamp(time), sender: None, command }
}

/// Writes one batch per list; each says how many records it holds.
fn write(directory: &Path, batches: &[(u32, Vec<Stamped>)]) {
    let options = journal::Options { segment_size: 64 << 10, ..journal::Options::new(RULES_VERSION) };
    let opened = Journal::open(directory, &options, |_| Ok::<(), std::io::Error>(()));
    let (mut journal, _) = opened.unwrap();
    for (count, commands) in batches {
        let mut records = Vec::new();
        commands.iter().for_each(|stamped| encode(stamped, &mut records));
        journal.append(journal.next_sequence(), *count, &records).unwrap();
    }
}

/// The reason for which all readers refuse such a journal.
fn refused(batches: &[(u32, Vec<Stamped>)]) -> ReplayError {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), batches);
    let reason = match verify(directory.path()) {
        Err(VerifyError::Replay(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let dumped = sequencer::dump(directory.path(), |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(dumped.to_string(), reason.to_string());
    let options = sequencer::Options { segment_bytes: 2 << 20, ..Default::default() };
    let started = sequencer::start(directory.path(), &options).unwrap_err();
    assert!(started.to_string().contains(&reason.to_string()), "{started}");
    reason
}

#[test]
fn commands_out_of_order_are_refused() {
    let clock = |sequence, time| stamped(sequence, time, Command::Clock);
    let gap = refused(&[(1, vec![genesis()]), (2, vec![clock(2, 100), clock(4, 100)])]);
    assert_eq!(gap, ReplayError::Sequence { found: 4, expected: 3 });
    let twice = refused(&[(2, vec![genesis(), clock(2, 100)]), (1, vec![clock(2, 100)])]);
    assert_eq!(twice, ReplayError::Sequence { found: 2, expected: 3 });
    let back = refused(&[(1, vec![genesis()]), (2, vec![clock(2, 101), clock(3, 100)])]);
    assert_eq!(back, ReplayError::Time { sequence: 3, found: 100, last: 101 });
    let short = refused(&[(1, vec![genesis()]), (3, vec![clock(2, 100), clock(3, 100)])]);
    assert_eq!(short, ReplayError::Count { first: 2, expected: 3, found: 2 });
    assert_eq!(refused(&[(1, vec![clock(1, 100)])]), ReplayError::NoGenesis);
}

/// The thread that applies finds the flaw, while the one that reads may have come to the end long ago.
#[test]
fn a_start_that_comes_upon_no_record_writes_nothing_and_cuts_nothing() {
    let disk = SimulatedDisk::new(1);
    let options = journal::Options {
        segment_size: 64 << 10,
        prepare_ahead: false,
        ..journal::Options::new(RULES_VERSION)
    };
    let opened = Journal::open_on(disk.mount(), &options, |_| Ok::<(), std::io::Error>(()));
    let (mut journal, _) = opened.unwrap();
    let record = |stamped: &Stamped| {
        let mut record = Vec::new();
        encode(stamped, &mut record);
        record
    };
    journal.append(1, 1, &record(&genesis())).unwrap();
    journal.append(2, 1, &[0xee; 32]).unwrap();
    journal.append(3, 1, &record(&stamped(3, 100, Command::Clock))).unwrap();
    drop(journal);
    // The last batch was being written when the power failed: the next start would cut it.
    let name = format!("{:020}.seg", 1);
    let mut torn = disk.written(&name).unwrap();
    let end = torn.iter().rposition(|byte| *byte != 0).unwrap();
    torn[end] ^= 1;
    disk.put(&name, torn.clone());
    let started = sequencer::open_on(disk.mount(), &sequencer::Options::default()).unwrap_err();
    assert!(matches!(started, StartError::Open(OpenError::Replay { first_sequence: 2, .. })), "{started:?}");
    assert!(disk.written(&name).unwrap() == torn, "what was found is left as it is");
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[(1, vec![genesis()])]);
    let options = journal::Options { segment_size: 64 << 10, ..journal::Options::new(RULES_VERSION) };
    let (mut journal, _) =
        Journal::open(directory.path(), &options, |_| Ok::<(), std::io::Error>(())).unwrap();
    journal.append(2, 1, &[0xee; 32]).unwrap();
    drop(journal);
    let source = RecordError::Version { found: 0xee };
    match verify(directory.path()) {
        Err(VerifyError::Replay(reason)) => assert_eq!(reason, ReplayError::Record { after: 1, source }),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dump_ends_where_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let clocks: Vec<Stamped> = (2..=9).map(|sequence| stamped(sequence, 100, Command::Clock)).collect();
    write(directory.path(), &[(1, vec![genesis()]), (4, clocks[..4].to_vec()), (4, clocks[4..].to_vec())]);
    let mut seen = Vec::new();
    sequencer::dump(directory.path(), |stamped| {
        seen.push(stamped.sequence);
        if stamped.sequence < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .unwrap();
    assert_eq!(seen, [1, 2, 3]);
}
