//! Risk: preparing the next segment stalls the syncs of the live one. Measured and printed, never judged:
//! `cargo test -p journal --release --test risks -- --ignored --nocapture latency`.

use crate::support::{append, batch, options};
use journal::{Disk, Journal, Options, RealDisk};
use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SEGMENT: u64 = 64 << 20;

/// Appends 4 KiB a few thousand times a second, as long as `go_on` says; gives a line on how long each took.
fn measure(name: &str, journal: &mut Journal, go_on: impl Fn() -> bool) -> String {
    let mut took = Vec::new();
    while go_on() || took.len() < 100 {
        let next = batch(journal.next_sequence(), 1, 4096);
        let began = Instant::now();
        append(journal, &next).unwrap();
        took.push(began.elapsed());
        std::thread::sleep(Duration::from_micros(200));
    }
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 1000];
    format!(
        "{name:36} {:6} batches, p50 {:>9.1?}, p99 {:>9.1?}, p99.9 {:>9.1?}, worst {:>9.1?}",
        took.len(),
        at(500),
        at(990),
        at(999),
        at(1000)
    )
}

fn open(directory: &Path, prepare_ahead: bool) -> Journal {
    let options = Options { segment_size: SEGMENT, prepare_ahead, ..options() };
    Journal::open(directory, &options, |_| Ok::<(), Infallible>(())).unwrap().0
}

fn for_a_while(seconds: u64) -> impl Fn() -> bool {
    let until = Instant::now() + Duration::from_secs(seconds);
    move || Instant::now() < until
}

/// A whole segment of zeros, written at once and then synced.
fn fill_at_once(directory: &Path) {
    let file = RealDisk::new(directory).create("at-once.tmp").unwrap();
    for offset in (0..SEGMENT).step_by(1 << 20) {
        file.write_at(offset, &[0; 1 << 20]).unwrap();
    }
    file.sync().unwrap();
}

#[test]
#[ignore = "a measurement"]
fn latency_of_appends_while_the_next_segment_is_prepared() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for round in 0..3 {
        let directory = |name: &str| parent.path().join(format!("{name}-{round}"));
        println!("{}", measure("nothing prepared", &mut open(&directory("none"), false), for_a_while(2)));
        let mut ahead = open(&directory("ahead"), true);
        let space = ahead.space();
        let line = measure("prepared ahead, piece by piece", &mut ahead, move || space.room() < SEGMENT);
        println!("{line}");
        let at_once = directory("at-once");
        let mut journal = open(&at_once, false);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                fill_at_once(&at_once);
                done.store(true, Ordering::SeqCst);
            });
            let line =
                measure("a segment of zeros written at once", &mut journal, || !done.load(Ordering::SeqCst));
            println!("{line}");
        });
    }
}
