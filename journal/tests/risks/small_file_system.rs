//! Risk: a full file system behaves otherwise than a full simulated disk.
//!
//! A file system of a few hundred kilobytes needs a mount, and that a namespace in which this user may mount. Where
//! the machine does not allow it the test says so and checks nothing.

use crate::support::{append, batch, open, options};
use journal::{AppendError, NoRoom, Options, RealDisk, SnapshotError, Snapshots};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

/// Names the directory under which the file system is mounted, in the process that is inside.
const INSIDE: &str = "JOURNAL_SMALL_FILE_SYSTEM";

/// Runs a shell command where `directory` is a file system of 300 KiB.
fn inside(directory: &Path, command: &str) -> Option<Output> {
    let mount = format!("mount -t tmpfs -o size=300k none '{}' && {command}", directory.display());
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount])
        .env(INSIDE, directory)
        .output()
        .ok()
}

#[test]
fn a_full_file_system_is_lived_with() {
    let directory = tempfile::tempdir().unwrap();
    if !inside(directory.path(), "true").is_some_and(|output| output.status.success()) {
        println!("skipped: this machine lets nobody mount a small file system");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let test = "small_file_system::on_a_small_file_system";
    let command = format!("exec '{}' --exact {test} --ignored --nocapture", program.display());
    let output = inside(directory.path(), &command).unwrap();
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
#[ignore = "run by the test above, inside"]
fn on_a_small_file_system() {
    let directory = std::env::var(INSIDE).unwrap();
    let disk = || Arc::new(RealDisk::new(&directory));
    for prepare_ahead in [false, true] {
        let options = Options { segment_size: 128 << 10, prepare_ahead, ..options() };
        let (mut journal, _, _) = open(disk(), &options).unwrap();
        let space = journal.space();
        // One segment is there, and one more fits beside it.
        space.wait_for(100 << 10).unwrap();
        let filler = Path::new(&directory).join("filler");
        std::fs::write(&filler, vec![1; 30 << 10]).unwrap();
        let mut batches = Vec::new();
        let full = loop {
            let next = batch(journal.next_sequence(), 1, 40_000);
            match append(&mut journal, &next) {
                Ok(()) => batches.push(next),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(&full, AppendError::NoSpace { source, .. } if source.kind() == ErrorKind::StorageFull),
            "{full}"
        );
        assert_eq!(batches.len(), 6, "two segments of three");
        assert!(space.is_full() && space.room() > 5000);
        assert!(matches!(space.wait_for(40_000), Err(NoRoom::Full { .. })));
        let mut snapshots = Snapshots::new(disk());
        let mut writer = snapshots.begin(7, journal.sealed().end()).unwrap();
        assert!(matches!(writer.write(&[1; 400_000]), Err(SnapshotError::NoSpace(_))));
        drop(writer);
        // The room there is can be used, and deleting a segment makes more.
        batches.push(batch(7, 1, 5000));
        append(&mut journal, &batches[6]).unwrap();
        std::fs::remove_file(&filler).unwrap();
        let place = journal.sealed().end();
        assert_eq!(journal.sealed().retire(place.sequence).unwrap(), 1);
        batches.push(batch(8, 1, 40_000));
        append(&mut journal, &batches[7]).unwrap();
        drop(journal);
        let (_, _, replayed) = open(disk(), &Options { after: Some(place), ..options }).unwrap();
        assert_eq!(replayed, batches[3..]);
        for entry in std::fs::read_dir(&directory).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}
