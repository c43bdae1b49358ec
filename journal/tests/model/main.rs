//! The room of a journal between those who write it and who asks for it, in every order in which their steps may come and
//! with every value that a read may see by the rules of the memory model, as far as the bounds below go. `loom` takes the
//! place of the processor.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking, and its helpers too")]

#[path = "../../src/room.rs"]
mod room;

/// What the room is made of here.
mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
}

use loom::sync::{Arc, Mutex};
use room::Room;

/// A live segment's length, and that of the next, less their headers.
const SEGMENT: u64 = 100;
/// The batches that were given to the journal before anybody asks.
const GIVEN: [u64; 2] = [30, 50];
/// Who is interrupted may be so many times.
const INTERRUPTIONS: usize = 3;

/// What the lock guards: what was appended, and what there is in all.
struct Segments {
    used: u64,
    size: u64,
}

/// One thread appends, and may meanwhile prepare the next segment in another; a third asks, and never counts on more than
/// will be left once all that was given is appended.
fn nobody_counts_on_too_much(prepares: bool) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(INTERRUPTIONS);
    model.check(move || {
        let room = Arc::new(Room::default());
        room.publish(SEGMENT);
        let segments = Arc::new(Mutex::new(Segments { used: 0, size: SEGMENT }));
        let appending = loom::thread::spawn({
            let (room, segments) = (Arc::clone(&room), Arc::clone(&segments));
            move || {
                for bytes in GIVEN {
                    let mut segments = segments.lock().unwrap();
                    segments.used += bytes;
                    room.append(bytes, segments.size - segments.used);
                }
            }
        });
        let preparing = prepares.then(|| {
            let (room, segments) = (Arc::clone(&room), Arc::clone(&segments));
            loom::thread::spawn(move || {
                let mut segments = segments.lock().unwrap();
                segments.size += SEGMENT;
                room.publish(segments.size - segments.used);
            })
        });
        let given: u64 = GIVEN.iter().sum();
        let most = if prepares { 2 * SEGMENT } else { SEGMENT };
        let mut before = 0;
        for _ in 0..2 {
            let appended = room.appended();
            let sure = room.left().saturating_sub(given - appended);
            assert!(
                sure <= most - given,
                "{sure} are counted on after {appended}, {} are there",
                most - given
            );
            assert!(appended >= before, "what was appended does not become less");
            before = appended;
        }
        appending.join().unwrap();
        preparing.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((room.appended(), room.left()), (given, most - given));
    });
}

#[test]
fn while_batches_are_appended() {
    nobody_counts_on_too_much(false);
}

#[test]
fn while_the_next_segment_becomes_ready_too() {
    nobody_counts_on_too_much(true);
}
