//! A bounded run of every target, as part of the usual tests; and that the loop finds what there is to find.

#![allow(clippy::print_stderr, reason = "a test says its seed")]

use fuzz::{Corpus, Options, TARGETS, Target, Trace, fuzz, retry, target};
use std::time::Duration;

/// One test for each target, and a list of them.
macro_rules! bounded {
    ($($test:ident = $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                bounded($name);
            }
        )*

        #[test]
        fn every_target_is_run() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

bounded! {
    frames = "frames",
    client_messages = "client-messages",
    gateway_messages = "gateway-messages",
    subscriber_messages = "subscriber-messages",
    feed_messages = "feed-messages",
    class_info = "class-info",
    public_book = "public-book",
    symbols = "symbols",
    decimals = "decimals",
    times = "times",
    records = "records",
    journal = "journal",
    segment = "segment",
    snapshot = "snapshot",
    state = "state",
    market = "market",
    conversation = "conversation",
    server = "server",
}

fn bounded(name: &str) {
    let options = Options::from_environment();
    let target = target(name).expect("it is one of the targets");
    match fuzz(target, &Corpus::of(name), &options) {
        Ok(summary) => {
            eprintln!("{} inputs, {} traces, seed {}", summary.inputs, summary.traces, options.seed);
            assert!(summary.inputs > 0 && summary.traces > 1, "the seeds go more than one way");
        }
        Err(failure) => panic!("{failure}"),
    }
}

/// Goes wrong once in some million inputs, if they were made by chance alone.
static BROKEN: Target = Target {
    name: "broken",
    holds: "no 7 stands before an edge of 32 bits",
    seeds: || vec![vec![0, 0, 0, 0, 1, 2, 3, 4]],
    words: Vec::new,
    mend: None,
    start: || {
        Box::new(|input| {
            let found = input.chunks_exact(8).any(|pair| pair[0] == 7 && pair[4..] == [255; 4]);
            assert!(!found, "there it is");
            Trace::of((input.first(), input.len()))
        })
    },
};

/// Takes what is stated for what is there.
static GREEDY: Target = Target {
    name: "greedy",
    start: || {
        Box::new(|input| {
            let stated = input.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            let room: Vec<u8> = Vec::with_capacity(usize::try_from(stated % (1 << 30)).unwrap_or(0));
            Trace::of(room.capacity() > 0)
        })
    },
    ..BROKEN
};

#[test]
fn what_does_not_hold_is_found_made_small_and_kept() {
    let folder = tempfile::tempdir().expect("there is room");
    let corpus = Corpus::at(folder.path().join("broken"));
    let options = Options { time: Duration::from_secs(60), seed: 1 };
    let failure = fuzz(&BROKEN, &corpus, &options).expect_err("it is found");
    let said = failure.to_string();
    assert!(said.contains("there it is") && said.contains("seed 1"), "{said}");
    assert!(said.contains("cargo run -p fuzz -- broken --input"), "{said}");
    let kept = corpus.read().expect("it was written");
    assert_eq!(kept, [(failure.file.clone(), vec![7, 0, 0, 0, 255, 255, 255, 255])]);
    // From now on it is tried first, also alone, and found without any time.
    let none = Options { time: Duration::ZERO, seed: 2 };
    assert_eq!(fuzz(&BROKEN, &corpus, &none).expect_err("it is tried").file, failure.file);
    assert!(retry(&BROKEN, &failure.file).is_err());
}

#[test]
fn what_is_stated_and_not_there_may_not_be_allocated() {
    let folder = tempfile::tempdir().expect("there is room");
    let corpus = Corpus::at(folder.path());
    let options = Options { time: Duration::from_secs(60), seed: 1 };
    let failure = fuzz(&GREEDY, &corpus, &options).expect_err("it is found");
    assert!(failure.what.contains("bytes of memory"), "{failure}");
}
