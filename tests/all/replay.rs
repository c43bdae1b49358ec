//! `cuex replay`: recorded order flow through the program as people type it, small and made up, and real where
//! the recording is at hand.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn cuex(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cuex")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_recording_is_played_and_compared_maker_by_maker() {
    let directory = tempfile::tempdir().unwrap();
    let seed =
        write(directory.path(), "seed.csv", "order_id,side,price,size\n1,S,100,5\n2,S,100,5\n3,B,90,4\n");
    let events = "src_row,kind,order_id,side,price,size\n\
        0,execute,1,S,100,5\n1,add,4,S,100,3\n2,execute,2,S,100,2\n3,execute,4,S,100,3\n4,execute,2,S,100,3\n\
        5,add,5,B,101,1\n6,delete,3,B,90,4\n";
    let events = write(directory.path(), "events.csv", events);
    let files = ["replay", "--seed-orders", &seed, "--events", &events];
    let report = json(&cuex(&[&files[..], &["--json"]].concat()));
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(["executions", "matched", "exceptions", "crossed_adds"].map(count), [4, 3, 0, 0]);
    assert_eq!(report["mismatches"][0]["src_row"], 3);
    assert_eq!(
        (&report["mismatches"][0]["recorded"], &report["mismatches"][0]["first"]),
        (&4.into(), &2.into())
    );

    let exceptions = write(directory.path(), "exceptions.csv", "src_row,why\n3,the source skipped order 2\n");
    let files = [&files[..], &["--exceptions", &exceptions]].concat();
    let report = json(&cuex(&[&files[..], &["--json"]].concat()));
    assert_eq!((&report["matched"], &report["exceptions"]), (&3.into(), &1.into()));
    let text = String::from_utf8(cuex(&files).stdout).unwrap();
    assert!(text.contains("every execution filled the recorded order"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let seed = write(directory.path(), "seed.csv", "order_id,side,price,size\n1,S,100,five\n");
    for (seed, code, says) in
        [(seed.as_str(), "bad-file", "line 2"), ("nowhere.csv", "no-file", "nowhere.csv")]
    {
        let output = cuex(&["replay", "--seed-orders", seed, "--events", seed, "--json"]);
        assert_eq!(output.status.code(), Some(2));
        let error = &json(&output)["error"];
        assert_eq!(error["code"], code);
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
    }
}

/// One hour of NASDAQ order flow: every execution but the listed exceptions fills exactly the order that was
/// filled there. The recording may not be passed on, so it is looked for beside the project, or where
/// `CUEX_LOBSTER` says.
#[test]
fn a_recorded_hour_fills_the_very_orders_the_exchange_filled() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/lobster_aapl_l50_1h");
    let directory = std::env::var_os("CUEX_LOBSTER").map_or_else(beside, PathBuf::from);
    if !directory.join("events.csv").exists() {
        eprintln!("skipped: no recording in {}; CUEX_LOBSTER names another place", directory.display());
        return;
    }
    let [seed, events, exceptions] = ["seed.csv", "events.csv", "known_fifo_exceptions.csv"]
        .map(|name| directory.join(name).to_str().unwrap().to_owned());
    let files = ["--seed-orders", &seed, "--events", &events, "--exceptions", &exceptions, "--json"];
    let report = json(&cuex(&[&["replay"][..], &files].concat()));
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(
        ["executions", "matched", "exceptions", "crossed_adds", "skipped"].map(count),
        [4_067, 4_058, 9, 0, 0],
        "{report}"
    );
}
