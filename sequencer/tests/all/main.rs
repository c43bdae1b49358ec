//! The sequencer as its users see it: real threads, real or failing disks, the real engine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test helpers fail by a panic and print their seed"
)]

mod driven;
mod failing;
mod full_disk;
mod gated_disk;
mod golden;
mod journals;
mod own_commands;
mod recovery;
mod running;
mod snapshots;
mod starting;
mod stopping;
mod traffic;

use sequencer::{Exchange, Inbound, Options, Outlets, Released};
use std::sync::Arc;
use tokio::task::JoinHandle;
use types::{Command, KeyNo, Lane, PublicKey, Sender, Why};

/// The operator's key in all tests.
const OPERATOR: PublicKey = PublicKey([7; 32]);

/// Small segments, so that a test turns over many, and no snapshots, so that what a test does is all there is.
fn options() -> Options {
    Options { segment_bytes: 2 << 20, snapshots: None, ..Options::default() }
}

/// A command of the operator's, refused if there is no such class: enough where any command will do.
fn sent(lane: Lane, number: u64) -> Inbound {
    let command = match lane {
        Lane::Orders => Command::RevokeKey { key: KeyNo(999), why: Why::NONE },
        Lane::Cancels => Command::Cancel(types::OrderRef::Number(number)),
    };
    Inbound::sent(Sender { key: KeyNo(1), lane, number }, command)
}

/// Reads both outlets to their end, which must tell the same.
fn collect(mut outlets: Outlets) -> JoinHandle<Vec<Arc<Released>>> {
    tokio::spawn(async move {
        let mut all = Vec::new();
        while let Some(released) = outlets.gateway.recv().await {
            let twin = outlets.feed.recv().await.expect("what one outlet gives, the other gives too");
            assert!(Arc::ptr_eq(&released, &twin));
            all.push(released);
        }
        assert!(outlets.feed.recv().await.is_none());
        all
    })
}

/// Sends, and stops when all has been released.
async fn run_to_the_end(
    exchange: Exchange,
    chunks: Vec<(Lane, Vec<Inbound>)>,
) -> (sequencer::Summary, Vec<Arc<Released>>) {
    let released = collect(exchange.outlets);
    for (lane, chunk) in chunks {
        exchange.entry.send(lane, chunk).await.unwrap();
    }
    let summary = exchange.handle.stop().await.unwrap();
    (summary, released.await.unwrap())
}

/// The sequences of what was released follow each other from `after` on, and stamps never go back.
fn assert_gapless(released: &[Arc<Released>], after: u64) {
    let mut last = (after, types::Timestamp(0));
    for batch in released {
        assert_eq!(batch.sequence, last.0 + u64::from(batch.commands));
        assert!(batch.time >= last.1 && batch.commands > 0);
        assert!(batch.output.reports.iter().all(|report| report.sequence > last.0));
        assert!(batch.output.reports.is_sorted_by_key(|report| report.sequence));
        assert!(batch.output.reports.last().is_none_or(|report| report.sequence <= batch.sequence));
        last = (batch.sequence, batch.time);
    }
}
