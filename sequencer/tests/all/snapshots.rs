//! Snapshots beside the running market, and starts from them.

use crate::driven::{Driven, SEGMENT_BYTES, options};
use crate::traffic::{Traffic, seed};
use crate::{OPERATOR, assert_gapless, collect};
use engine::{Engine, RULES_VERSION};
use journal::{Journal, OpenError, Operation, ReadError, Reader, SimulatedDisk, Snapshots};
use sequencer::{
    LastSnapshot, Options, Progress, SnapshotOptions, SnapshotterError, StartError, Steps, VerifyError,
    verify_on,
};
use std::ops::ControlFlow;
use std::time::Duration;
use types::{HOUR_NANOS, Lane, Report, Timestamp};

fn with(snapshots: SnapshotOptions) -> Options {
    Options { snapshots: Some(snapshots), ..options() }
}

fn snapshot_options() -> SnapshotOptions {
    options().snapshots.unwrap()
}

#[tokio::test]
async fn a_start_goes_on_from_the_newest_snapshot_as_if_it_had_replayed_everything() {
    let mut driven = Driven::new(seed(), &options()).await;
    let mut written = Vec::new();
    let mut told: Vec<Report> = Vec::new();
    for run in 0..6 {
        for _ in 0..30 {
            driven.run(2).await;
            written.extend(driven.snapshot().unwrap());
        }
        let (last, digest) = (driven.last(), driven.digest());
        if run % 2 == 0 {
            driven.disk.kill();
        } else {
            driven.disk.lose_power();
        }
        driven = driven.restart(&options()).unwrap();
        let recovery = &driven.steps.recovery;
        assert_eq!((driven.last(), driven.digest()), (last, digest), "run {run}");
        assert_eq!(recovery.snapshot, written.last().copied());
        assert_eq!(recovery.commands, last - written.last().unwrap());
        assert!(recovery.skipped.is_empty());
        let reports = &recovery.reports;
        assert!(reports.windows(2).all(|pair| pair[0].sequence <= pair[1].sequence));
        assert!(reports.len() >= told.len() && reports.starts_with(&told), "run {run}: a report is lost");
        told = reports.clone();
    }
    assert!(written.len() > 5, "{written:?}");
    assert_eq!(driven.files(".snap").len(), 2, "two are kept");
    let verified = verify_on(driven.disk.mount());
    assert!(matches!(verified, Err(VerifyError::Read(ReadError::InUse { .. }))), "{verified:?}");
    let (disk, digest, last) = (driven.disk.clone(), driven.digest(), driven.last());
    drop(driven);
    let verified = verify_on(disk.mount()).unwrap();
    assert_eq!((verified.digest, verified.last_sequence), (digest, last));
    assert_eq!(verified.replayed_after, written[written.len() - 2], "from the oldest kept");
    assert_eq!(verified.snapshots, written[written.len() - 2..]);
    assert!(verified.first_sequence > 1 && verified.first_sequence <= verified.replayed_after + 1);
    assert!(verified.bad_snapshots.is_empty());
}

#[tokio::test]
async fn a_bad_snapshot_is_named_and_the_one_before_it_does_as_well() {
    let mut driven = Driven::new(1, &options()).await;
    while driven.files(".snap").len() < 2 {
        driven.run(1).await;
        driven.snapshot().unwrap();
    }
    driven.run(3).await;
    let (last, digest) = (driven.last(), driven.digest());
    let [older, newer] = driven.files(".snap").try_into().unwrap();
    let bit = 8 * 1_000;
    driven.disk.flip(&newer, bit);
    let driven = driven.restart(&options()).unwrap();
    let recovery = &driven.steps.recovery;
    assert_eq!(recovery.snapshot.map(|sequence| format!("{sequence:020}.snap")), Some(older.clone()));
    assert!(recovery.skipped[0].contains("does not match its hash"), "{:?}", recovery.skipped);
    assert_eq!((driven.last(), driven.digest()), (last, digest));

    let disk = driven.disk.clone();
    drop(driven);
    let verified = verify_on(disk.mount()).unwrap();
    assert_eq!((verified.digest, verified.bad_snapshots.len()), (digest, 1));

    // With both bad and the first segments gone there is nothing to start from.
    disk.flip(&older, bit);
    let refused = sequencer::open_on(disk.mount(), &options()).unwrap_err();
    assert!(matches!(refused, StartError::Open(OpenError::Read(ReadError::Corrupt { .. }))), "{refused}");
    let refused = verify_on(disk.mount()).unwrap_err();
    assert!(matches!(refused, VerifyError::NoStart { .. }), "{refused}");
}

#[tokio::test]
async fn without_a_good_snapshot_all_of_the_journal_does_as_well() {
    let keeping = with(SnapshotOptions { journal_bytes: None, ..snapshot_options() });
    let mut driven = Driven::new(2, &keeping).await;
    while driven.files(".snap").len() < 2 {
        driven.run(1).await;
        driven.snapshot().unwrap();
    }
    let (last, digest) = (driven.last(), driven.digest());
    for name in driven.files(".snap") {
        driven.disk.flip(&name, 8 * 500);
    }
    let mut driven = driven.restart(&keeping).unwrap();
    assert_eq!((driven.steps.recovery.snapshot, driven.steps.recovery.skipped.len()), (None, 2));
    assert_eq!((driven.digest(), driven.steps.recovery.commands), (digest, last));
    // The next snapshots are good ones, also of what makes them.
    while driven.snapshot().unwrap().is_empty() {
        driven.run(1).await;
    }
    let digest = driven.digest();
    let driven = driven.restart(&keeping).unwrap();
    assert!(driven.steps.recovery.snapshot.is_some());
    assert_eq!(driven.digest(), digest);
}

/// Puts a snapshot in the place of one that is there: sound by its checksum and hash, and no engine can be made of it.
fn spoil(disk: &SimulatedDisk, name: &str) {
    let mut snapshots = Snapshots::new(disk.mount());
    let snapshot = snapshots.load(name[..20].parse().unwrap()).unwrap();
    let mut payload = snapshot.payload;
    // A few records are missing at its end.
    payload.truncate(payload.len() - 100);
    let mut writer = snapshots.begin(snapshot.info.rules_version, snapshot.info.checkpoint).unwrap();
    writer.write(&payload).unwrap();
    writer.finish().unwrap();
}

#[tokio::test]
async fn a_snapshot_that_is_sound_and_does_not_restore_costs_no_segment() {
    let keeping = with(SnapshotOptions { journal_bytes: None, ..snapshot_options() });
    let mut driven = Driven::new(12, &keeping).await;
    while driven.files(".snap").len() < 2 {
        driven.run(1).await;
        driven.snapshot().unwrap();
    }
    let (first, spoilt) = (driven.files(".seg")[0].clone(), driven.files(".snap"));
    spoilt.iter().for_each(|name| spoil(&driven.disk, name));
    // From now on nothing is kept that need not be.
    let mut driven = driven.restart(&options()).unwrap();
    assert_eq!((driven.steps.recovery.snapshot, driven.steps.recovery.skipped.len()), (None, 2));
    while driven.files(".snap").last() == spoilt.last() {
        driven.run(1).await;
        driven.snapshot().unwrap();
    }
    // One that restores is too few to fall back from.
    assert_eq!(driven.files(".seg")[0], first, "a start needs it as long as two others do not restore");
    let third = driven.files(".snap").pop().unwrap();
    while driven.files(".snap").last() == Some(&third) {
        driven.run(1).await;
        driven.snapshot().unwrap();
    }
    assert_eq!((driven.files(".snap").len(), driven.files(".snap")[0].clone()), (2, third), "the spoilt go");
    assert_ne!(driven.files(".seg")[0], first);
    let digest = driven.digest();
    assert_eq!(driven.restart(&options()).unwrap().digest(), digest);
}

#[tokio::test]
async fn a_snapshot_is_restored_before_anything_is_deleted_for_it() {
    let mut driven = Driven::new(13, &options()).await;
    while driven.files(".snap").len() < 2 {
        driven.run(1).await;
        driven.snapshot().unwrap();
    }
    let before = (driven.files(".seg")[0].clone(), driven.files(".snap"));
    while driven.files(".seg").len() < 4 {
        driven.run(1).await;
    }
    let snapshotter = driven.steps.snapshotter.as_mut().unwrap();
    let written = loop {
        if let Progress::Wrote(info) = snapshotter.step(&mut || ControlFlow::Continue(())).unwrap() {
            break info.checkpoint.sequence;
        }
    };
    // As if the program had written something it cannot read.
    spoil(&driven.disk, &format!("{written:020}.snap"));
    let refused = driven.snapshot().unwrap_err();
    assert!(
        matches!(refused, SnapshotterError::NotRestored { sequence, .. } if sequence == written),
        "{refused}"
    );
    driven.snapshot().unwrap();
    assert_eq!(driven.files(".seg")[0], before.0);
    assert_eq!(driven.files(".snap")[..2], before.1);
    // A start passes it over, and the next one is good.
    let digest = driven.digest();
    let mut driven = driven.restart(&options()).unwrap();
    assert_eq!((driven.digest(), driven.steps.recovery.skipped.len()), (digest, 1));
    while driven.snapshot().unwrap().is_empty() {
        driven.run(1).await;
    }
    let newest = driven.files(".snap").pop().unwrap();
    let driven = driven.restart(&options()).unwrap();
    let restored = driven.steps.recovery.snapshot.map(|sequence| format!("{sequence:020}.snap"));
    assert_eq!(restored, Some(newest));
}

#[tokio::test]
async fn an_orderly_stop_does_not_trust_a_snapshot_that_it_has_not_restored() {
    let mut driven = Driven::new(14, &options()).await;
    driven.run(20).await;
    let (last, digest) = (driven.last(), driven.digest());
    let Steps { writing, snapshotter, .. } = &mut driven.steps;
    snapshotter.as_mut().unwrap().seal(writing.journal(), digest).unwrap().unwrap();
    spoil(&driven.disk, &format!("{last:020}.snap"));
    let mut driven = driven.restart(&options()).unwrap();
    assert_eq!((driven.steps.recovery.snapshot, driven.steps.recovery.skipped.len()), (None, 1));
    // Nothing has happened since, so that one of this place is there already; it is no good.
    let Steps { writing, snapshotter, .. } = &mut driven.steps;
    let info = snapshotter.as_mut().unwrap().seal(writing.journal(), digest).unwrap();
    assert_eq!(info.map(|info| info.checkpoint.sequence), Some(last));
    let mut driven = driven.restart(&options()).unwrap();
    assert_eq!((driven.steps.recovery.snapshot, driven.digest()), (Some(last), digest));
    let Steps { writing, snapshotter, .. } = &mut driven.steps;
    assert_eq!(
        snapshotter.as_mut().unwrap().seal(writing.journal(), digest).unwrap(),
        None,
        "a good one is there"
    );
}

#[tokio::test]
async fn a_snapshot_that_is_newer_than_the_journal_is_no_start_and_no_older_one_is_taken() {
    let mut driven = Driven::new(3, &options()).await;
    while driven.files(".snap").len() < 2 {
        driven.run(1).await;
        driven.snapshot().unwrap();
    }
    let disk = driven.disk.clone();
    let live = driven.files(".seg").pop().unwrap();
    drop(driven);
    disk.mount().remove(&live).unwrap();
    // The segments behind the live one end where the newest snapshot is; a batch more is gone with this.
    let sealed =
        disk.mount().list().unwrap().into_iter().filter(|name| name.ends_with(".seg")).max().unwrap();
    disk.mount().remove(&sealed).unwrap();
    let refused = sequencer::open_on(disk.mount(), &options()).unwrap_err();
    assert!(
        matches!(
            refused,
            StartError::Open(OpenError::Read(ReadError::Corrupt { .. } | ReadError::NoJournal { .. }))
                | StartError::NoExchange { .. }
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn a_disk_that_fails_costs_a_snapshot_and_nothing_else() {
    let mut tried = 0;
    for operation in [Operation::Read, Operation::Write, Operation::Sync, Operation::Directory] {
        // Every operation of this kind that the steps need, one after the other.
        for after in 0.. {
            let mut driven = Driven::new(after, &options()).await;
            while driven.files(".seg").len() < 4 {
                driven.run(1).await;
            }
            driven.disk.fail_after(operation, after);
            let failed = driven.snapshot();
            tried += u32::from(failed.is_err());
            driven.disk.fail_after(operation, u64::MAX);
            // Those that fail for good fail at the next open: syncs of the directory between deletions.
            if let Err(error) = driven.snapshot() {
                assert!(matches!(error, SnapshotterError::Retire(_)), "{operation:?} {after}: {error}");
            }
            driven.run(5).await;
            let digest = driven.digest();
            driven.disk.lose_power();
            let driven = driven.restart(&options()).unwrap();
            assert_eq!(driven.digest(), digest, "{operation:?} {after}");
            if failed.is_ok() {
                break;
            }
        }
    }
    assert!(tried >= 10, "{tried} failures were met");
}

#[tokio::test]
async fn damage_to_a_sealed_segment_is_said_and_nothing_is_deleted() {
    let mut driven = Driven::new(5, &options()).await;
    while driven.files(".seg").len() < 3 {
        driven.run(1).await;
    }
    let first = driven.files(".seg")[0].clone();
    driven.disk.flip(&first, 8 * 20_000);
    for _ in 0..3 {
        let error = driven.snapshot().unwrap_err();
        assert!(matches!(error, SnapshotterError::Read(ReadError::Corrupt { .. })), "{error}");
        // The market goes on.
        driven.run(1).await;
    }
    assert_eq!((driven.files(".seg")[0].clone(), driven.files(".snap").len()), (first.clone(), 0));
    // Once it reads well again, so does the replica: it starts anew.
    driven.disk.flip(&first, 8 * 20_000);
    assert!(!driven.snapshot().unwrap().is_empty());
    let digest = driven.digest();
    assert_eq!(driven.restart(&options()).unwrap().digest(), digest);
}

#[tokio::test]
async fn at_the_end_the_journal_must_come_to_what_ran() {
    let mut driven = Driven::new(6, &options()).await;
    driven.run(40).await;
    driven.snapshot().unwrap();
    driven.run(10).await;
    let (last, digest) = (driven.last(), driven.digest());
    let other = Engine::new().digest();
    let sequencer::Steps { writing, snapshotter, .. } = &mut driven.steps;
    let snapshotter = snapshotter.as_mut().unwrap();
    let differs = snapshotter.seal(writing.journal(), other).unwrap_err();
    assert!(
        matches!(differs, SnapshotterError::Differs { sequence, replica, running } if (sequence, replica, running) == (last, digest, other)),
        "{differs}"
    );
    assert!(!Snapshots::new(driven.disk.mount()).list().unwrap().contains(&last), "none is made of either");

    let info = snapshotter.seal(writing.journal(), digest).unwrap().unwrap();
    assert_eq!(info.checkpoint.sequence, last);
    assert_eq!(snapshotter.seal(writing.journal(), digest).unwrap(), None, "it is there");
    // However often it is started and stopped, no more are kept than asked for.
    for _ in 0..3 {
        driven.run(1).await;
        let digest = driven.digest();
        let sequencer::Steps { writing, snapshotter, .. } = &mut driven.steps;
        snapshotter.as_mut().unwrap().seal(writing.journal(), digest).unwrap().unwrap();
        driven = driven.restart(&options()).unwrap();
    }
    assert_eq!(driven.files(".snap").len(), 2);
    let (last, digest) = (driven.last(), driven.digest());
    let driven = driven.restart(&options()).unwrap();
    let recovery = &driven.steps.recovery;
    assert_eq!((recovery.snapshot, recovery.commands), (Some(last), 0));
    assert_eq!(driven.digest(), digest);
}

#[tokio::test]
async fn segments_are_kept_by_length_and_by_age() {
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    let kept = |snapshots: SnapshotOptions| async move {
        let options = with(snapshots);
        let mut driven = Driven::new(7, &options).await;
        while driven.last() < 12_000 {
            driven.run(5).await;
            driven.snapshot().unwrap();
        }
        let segments = driven.files(".seg");
        let oldest: u64 = segments[0][..20].parse().unwrap();
        let snapshot: u64 = driven.files(".snap")[0][..20].parse().unwrap();
        assert!(oldest <= snapshot + 1, "what the oldest snapshot needs is there");
        segments.len()
    };
    let base = snapshot_options();
    let all = kept(SnapshotOptions { journal_bytes: None, ..base }).await;
    let least = kept(SnapshotOptions { journal_bytes: Some(0), ..base }).await;
    let some = kept(SnapshotOptions { journal_bytes: Some(6 * SEGMENT_BYTES), ..base }).await;
    assert!(all > 12 && least <= 4, "{all} {least}");
    // Six sealed ones and the live one, or one more as a segment was sealed since.
    assert!((7..=8).contains(&some), "{some}");
    assert_eq!(kept(SnapshotOptions { journal_bytes: None, journal_age: days(1_000), ..base }).await, all);
    // The traffic's clock moves on by hours with each segment.
    let aged = kept(SnapshotOptions { journal_bytes: None, journal_age: days(1), ..base }).await;
    assert!((least..all).contains(&aged), "{least} {aged} {all}");
}

#[tokio::test]
async fn another_program_goes_on_from_a_sealed_end_and_from_nothing_else() {
    const BEFORE: u32 = RULES_VERSION - 1;
    let mut driven = Driven::new(8, &options()).await;
    driven.run(20).await;
    let digest = driven.digest();
    let sequencer::Steps { writing, snapshotter, .. } = &mut driven.steps;
    let info = snapshotter.as_mut().unwrap().seal(writing.journal(), digest).unwrap().unwrap();
    let payload = Snapshots::new(driven.disk.mount()).load(info.checkpoint.sequence).unwrap().payload;
    // The same exchange as an older program would have left it.
    let old = SimulatedDisk::new(9);
    let journal_options = journal::Options {
        segment_size: SEGMENT_BYTES,
        prepare_ahead: false,
        ..journal::Options::new(BEFORE)
    };
    let opened = Journal::open_on(old.mount(), &journal_options, |_| Ok::<(), std::io::Error>(()));
    let (mut journal, _) = opened.unwrap();
    let source = driven.disk.clone();
    drop(driven);
    let mut reader = Reader::open_on(source.mount()).unwrap();
    while let Some(batch) = reader.next_batch().unwrap() {
        journal.append(batch.first_sequence, batch.count, batch.payload).unwrap();
    }
    let place = journal.end();
    let mut snapshots = Snapshots::new(old.mount());
    let mut writer = snapshots.begin(BEFORE, place).unwrap();
    writer.write(&payload).unwrap();
    writer.finish().unwrap();
    drop(journal);

    let mut driven = Driven {
        steps: sequencer::open_on(old.mount(), &options()).unwrap(),
        disk: old.clone(),
        ..Driven::new(8, &options()).await
    };
    assert_eq!((driven.digest(), driven.last()), (digest, place.sequence));
    driven.run(20).await;
    let (last, digest) = (driven.last(), driven.digest());
    // What is under other rules is not read again, at no later start either.
    let driven = driven.restart(&options()).unwrap();
    assert_eq!((driven.digest(), driven.steps.recovery.commands), (digest, last - place.sequence));
    drop(driven);
    let verified = verify_on(old.mount()).unwrap();
    assert_eq!(
        (verified.digest, verified.replayed_after, verified.first_sequence),
        (digest, place.sequence, 1)
    );

    // One command of the older rules behind the snapshot, and it is refused.
    let newer = SimulatedDisk::new(10);
    let opened = Journal::open_on(newer.mount(), &journal_options, |_| Ok::<(), std::io::Error>(()));
    let (mut journal, _) = opened.unwrap();
    let mut reader = Reader::open_on(source.mount()).unwrap();
    while let Some(batch) = reader.next_batch().unwrap() {
        journal.append(batch.first_sequence, batch.count, batch.payload).unwrap();
    }
    let mut snapshots = Snapshots::new(newer.mount());
    let mut writer = snapshots.begin(BEFORE, journal.end()).unwrap();
    writer.write(&payload).unwrap();
    writer.finish().unwrap();
    let mut record = Vec::new();
    let clock = types::Stamped {
        sequence: journal.next_sequence(),
        time: Timestamp(u64::MAX),
        sender: None,
        command: types::Command::Clock,
    };
    sequencer::encode(&clock, &mut record);
    journal.append(journal.next_sequence(), 1, &record).unwrap();
    drop(journal);
    let refused = sequencer::open_on(newer.mount(), &options()).unwrap_err();
    assert!(
        matches!(
            refused,
            StartError::Open(OpenError::Read(ReadError::RulesVersion {
                found: BEFORE,
                expected: RULES_VERSION,
                ..
            }))
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn snapshots_are_made_beside_the_running_threads_and_the_last_one_at_the_stop() {
    let disk = SimulatedDisk::new(11);
    let options = Options { prepare_ahead: true, ..options() };
    sequencer::init_on(disk.mount(), &options, OPERATOR, 1).unwrap();
    let mut traffic = Traffic::new(seed());
    let mut chunks = vec![(Lane::Orders, traffic.set_up())];
    let mut last = 1;
    for run in 0..3 {
        let exchange = sequencer::start_on(disk.mount(), &options).unwrap();
        assert_eq!(exchange.recovery.sequence, last, "run {run}");
        if run > 0 {
            assert_eq!((exchange.recovery.snapshot, exchange.recovery.commands), (Some(last), 0));
        }
        let newest = || Snapshots::new(disk.mount()).list().unwrap().first().copied().unwrap_or(0);
        let before = newest();
        let released = collect(exchange.outlets);
        for (lane, chunk) in chunks.drain(..) {
            exchange.entry.send(lane, chunk).await.unwrap();
        }
        let segments =
            || disk.mount().list().unwrap().iter().filter(|name| name.ends_with(".seg")).max().cloned();
        let live = segments();
        while segments() == live {
            let (lane, chunk) = traffic.chunk(Timestamp(498_710 * HOUR_NANOS));
            exchange.entry.send(lane, chunk).await.unwrap();
        }
        // A segment is sealed: a snapshot of it is made while the exchange runs.
        while newest() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let summary = exchange.handle.stop().await.unwrap();
        assert_gapless(&released.await.unwrap(), last);
        assert_eq!(summary.snapshot, LastSnapshot::At(summary.sequence));
        assert_eq!(newest(), summary.sequence);
        let verified = verify_on(disk.mount()).unwrap();
        assert_eq!((verified.digest, verified.snapshots.last()), (summary.digest, Some(&summary.sequence)));
        last = summary.sequence;
    }
}
