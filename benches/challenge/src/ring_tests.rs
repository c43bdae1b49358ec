//! The ring with its real size and real threads.

use crate::desk::Report;
use crate::ring::Ring;

#[test]
fn a_full_ring_refuses_and_what_is_flushed_comes_out_in_order() {
    let ring = Ring::new(64);
    let report =
        |sequence| Report { kind: 1, side: 1, sequence, price: -5, quantity: 7, ..Report::default() };
    assert!((0..64).all(|sequence| ring.push(&report(sequence))));
    assert!(!ring.push(&report(64)));
    let mut out = [Report::default(); 40];
    assert_eq!(ring.drain(&mut out), 40);
    assert_eq!(out[39], report(39));
    assert!(ring.push(&report(64)));
    assert_eq!(ring.drain(&mut out), 24);
    assert_eq!(ring.drain(&mut out), 0);
    ring.flush();
    assert_eq!((ring.drain(&mut out), out[0]), (1, report(64)));
}

#[test]
fn two_threads_see_the_same() {
    let ring = Ring::new(128);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for sequence in 0..100_000 {
                let report = Report { sequence, order: sequence * 3, ..Report::default() };
                while !ring.push(&report) {
                    std::thread::yield_now();
                }
            }
            ring.flush();
        });
        let (mut next, mut out) = (0, [Report::default(); 50]);
        while next < 100_000 {
            let count = ring.drain(&mut out);
            for report in &out[..count] {
                assert_eq!((report.sequence, report.order), (next, next * 3));
                next += 1;
            }
            if count == 0 {
                std::thread::yield_now();
            }
        }
    });
}
