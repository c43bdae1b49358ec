//! The ring between its two threads, in every order in which their steps may come and with every value that a read may
//! see by the rules of the memory model, as far as the bounds below go. `loom` takes the place of the processor.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking, and its helpers too")]

#[expect(unreachable_pub, reason = "the library shows it to others, this test does not")]
#[path = "../../src/ring.rs"]
mod ring;

/// What the ring is made of here.
mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

    /// Small, so that a few reports pass a stride and go round.
    pub(crate) const STRIDE: u64 = 2;
}

/// What the ring carries.
mod desk {
    pub(crate) use cuex_challenge::Report;
}

use desk::Report;
use loom::sync::Arc;
use ring::Ring;

/// Room for so many, the least there is with that stride.
const ROOM: u64 = 4;

/// The n-th report: no two have a word in common.
fn report(n: u64) -> Report {
    Report { sequence: n, order: 10 + n, price: -20, maker: 30 + n, taker: 40 + n, ..Report::default() }
}

/// Runs a producer and a consumer, who may be interrupted by the other at so many points each time.
fn all_orders(interruptions: usize, count: u64) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(interruptions);
    model.check(move || {
        let ring = Arc::new(Ring::new(0));
        let producer = loom::thread::spawn({
            let ring = Arc::clone(&ring);
            move || {
                for n in 0..count {
                    while !ring.push(&report(n)) {
                        loom::thread::yield_now();
                    }
                }
                ring.flush();
            }
        });
        let (mut next, mut out) = (0, [Report::default(); 3]);
        while next < count {
            let drained = ring.drain(&mut out);
            for found in &out[..drained] {
                assert_eq!(*found, report(next), "report {next}");
                next += 1;
            }
            if drained == 0 {
                loom::thread::yield_now();
            }
        }
        assert_eq!(ring.drain(&mut out), 0);
        producer.join().unwrap();
    });
}

#[test]
fn what_is_pushed_comes_out_whole_and_in_order() {
    all_orders(2, ROOM - 1);
}

#[test]
fn a_place_is_written_again_only_when_it_was_read() {
    all_orders(2, ROOM + 1);
}
