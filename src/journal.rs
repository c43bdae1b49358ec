//! `cuex journal`: the journal of a stopped exchange, checked and read.

use crate::fail::{Done, Failure};
use crate::show;
use clap::Subcommand;
use journal::ReadError;
use sequencer::{ReplayError, VerifyError};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Check and read the journal of a stopped exchange.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Check every byte, replay every command, and say what it comes to.
    #[command(after_help = "Example:\n  cuex journal verify cuex-data --json")]
    Verify {
        /// The exchange's data directory.
        directory: PathBuf,
    },
    /// Print every command, one a line, in order; with --json, one JSON object a line.
    #[command(after_help = "Example:\n  cuex journal dump cuex-data | tail -5")]
    Dump {
        /// The exchange's data directory.
        directory: PathBuf,
    },
    /// Print the head of the hash chain: keep it elsewhere, and an edit of older records shows.
    #[command(after_help = "Example:\n  cuex journal digest cuex-data")]
    Digest {
        /// The exchange's data directory.
        directory: PathBuf,
    },
}

pub(crate) fn run(command: JournalCommand, as_json: bool) -> Done {
    match command {
        JournalCommand::Verify { directory } => verify(&directory, as_json),
        JournalCommand::Dump { directory } => dump(&directory, as_json),
        JournalCommand::Digest { directory } => digest(&directory, as_json),
    }
}

fn verify(directory: &std::path::Path, as_json: bool) -> Done {
    let verified = sequencer::verify(directory).map_err(verify_failure)?;
    let conserved = verified.totals.as_ref().map(|_| ()).map_err(ToString::to_string);
    if as_json {
        show::json(&json!({
            "ok": conserved.is_ok() && verified.bad_snapshots.is_empty(),
            "first_sequence": verified.first_sequence,
            "replayed_after": verified.replayed_after,
            "records": verified.records,
            "batches": verified.batches,
            "segments": verified.segments,
            "last_sequence": verified.last_sequence,
            "digest": verified.digest.to_string(),
            "head": verified.head.to_string(),
            "torn_tail_bytes": verified.torn_tail.map_or(0, |tail| tail.length),
            "snapshots": verified.snapshots,
            "bad_snapshots": verified.bad_snapshots,
        }));
    } else {
        let [records, batches, segments] =
            [verified.records, verified.batches, verified.segments].map(show::count);
        show::line(&format!("{records} commands in {batches} batches and {segments} segments, all sound"));
        let from = match (verified.first_sequence, verified.replayed_after) {
            (_, 0) => "the first command of all".to_owned(),
            (1, after) => {
                format!("the first command, replayed from the snapshot at {after}, as the rules changed")
            }
            (first, after) => format!("sequence {first}, replayed from the snapshot at {after}"),
        };
        show::line(&format!("verified from  {from}"));
        show::line(&format!("last sequence  {}", verified.last_sequence));
        show::line(&format!("state digest   {}", verified.digest));
        show::line(&format!("chain head     {}", verified.head));
        if let Some(tail) = verified.torn_tail {
            show::line(&format!("torn tail      {} bytes that the next start will cut", tail.length));
        }
        for snapshot in &verified.snapshots {
            show::line(&format!("snapshot       at {snapshot}, what the commands before it come to"));
        }
        for reason in &verified.bad_snapshots {
            show::line(&format!("bad snapshot   {reason}"));
        }
    }
    conserved.map_err(|reason| Failure::refused("not-conserved", reason))?;
    match verified.bad_snapshots.is_empty() {
        true => Ok(()),
        false => Err(Failure::refused("bad-snapshot", verified.bad_snapshots.join("; "))),
    }
}

fn dump(directory: &std::path::Path, as_json: bool) -> Done {
    let each = |stamped: &types::Stamped| {
        if as_json {
            show::json(&record(stamped));
            return ControlFlow::Continue(());
        }
        let sender = stamped.sender.map_or("exchange".to_owned(), |sender| {
            format!("key {} {:?} {}", sender.key, sender.lane, sender.number)
        });
        let time = protocol::when::TimeText(stamped.time);
        show::line(&format!("{} {time} {sender}: {}", stamped.sequence, words(&stamped.command)));
        ControlFlow::Continue(())
    };
    sequencer::dump(directory, each).map_err(verify_failure)
}

/// A command as it is; of the genesis without its seed, by which the ends of auctions could be told in advance.
fn words(command: &types::Command) -> String {
    match command {
        types::Command::Genesis { operator, seed: _ } => {
            format!("Genesis {{ operator: {operator:?}, seed: kept secret }}")
        }
        other => format!("{other:?}"),
    }
}

/// A command for machines. The sequencer's own have no key.
fn record(stamped: &types::Stamped) -> serde_json::Value {
    let mut value = json!({
        "sequence": stamped.sequence, "time": protocol::when::TimeText(stamped.time).to_string(),
        "command": words(&stamped.command),
    });
    if let Some(sender) = stamped.sender {
        value["key"] = sender.key.0.into();
        value["lane"] = format!("{:?}", sender.lane).into();
        value["number"] = sender.number.into();
    }
    value
}

fn digest(directory: &std::path::Path, as_json: bool) -> Done {
    let summary = journal::verify(directory).map_err(|error| verify_failure(error.into()))?;
    let (first, last) = (summary.first_sequence, summary.last_sequence());
    if as_json {
        show::json(
            &json!({ "head": summary.head.to_string(), "first_sequence": first, "last_sequence": last }),
        );
    } else {
        show::line(&format!("{}  after sequence {last}, checked from {first}", summary.head));
    }
    Ok(())
}

/// What is wrong with a journal, with a code of its own.
pub(crate) fn verify_failure(error: VerifyError) -> Failure {
    match error {
        VerifyError::Read(error) => read_failure(&error),
        VerifyError::RulesVersion { .. } => Failure::usage("other-version", error),
        VerifyError::List(_) => Failure::usage("data-directory", error),
        VerifyError::NoStart { .. } | VerifyError::Differs { .. } | VerifyError::EndLost { .. } => {
            Failure::refused("journal-damaged", error)
        }
        VerifyError::Replay(ReplayError::NoGenesis) => Failure::usage("no-exchange", error),
        VerifyError::Replay(error) => Failure::refused("journal-damaged", error),
    }
}

/// The same for what the journal itself says.
pub(crate) fn read_failure(error: &ReadError) -> Failure {
    match error {
        ReadError::InUse { .. } => Failure::usage("data-in-use", error),
        ReadError::NoJournal { .. } => Failure::usage("no-exchange", error),
        ReadError::FormatVersion { .. } | ReadError::RulesVersion { .. } => {
            Failure::usage("other-version", error)
        }
        ReadError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Failure::usage("no-exchange", error)
        }
        ReadError::Name { .. } | ReadError::Io { .. } => Failure::usage("data-directory", error),
        ReadError::Corrupt { .. } => Failure::refused("journal-damaged", error),
    }
}
