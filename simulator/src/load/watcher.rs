//! Follows the feed of what a load trades in, on a thread of its own, until the last command has been shown, and then
//! compares every book with a fresh snapshot of it.

use client::{Depth, ExchangeInfo, FeedCounters, FeedEvent, FeedSession, Pattern, PrivateKey, SessionError};
use tokio::sync::watch::Receiver;
use types::Sequence;

use super::SETTLE_PATIENCE;

/// How many events are taken in before other tasks have their turn.
const TURN: u32 = 256;

/// Subscribes to `pattern` and follows it; `end` says at last up to which command.
pub(super) async fn follow(
    info: ExchangeInfo,
    key: PrivateKey,
    pattern: Pattern,
    mut end: Receiver<Option<Sequence>>,
) -> Result<FeedCounters, SessionError> {
    let mut feed = FeedSession::connect(&info, &key).await?;
    feed.subscribe(pattern, Depth::Book);
    let (mut seen, mut turn) = (0, 0u32);
    let last = loop {
        tokio::select! {
            biased;
            last = end.wait_for(Option::is_some) => break last.ok().and_then(|last| *last).unwrap_or(0),
            event = feed.next() => seen = seen.max(sequence_of(&event?)),
        }
        turn = turn.wrapping_add(1);
        if turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    };
    let rest = async {
        while seen < last {
            seen = seen.max(sequence_of(&feed.next().await?));
        }
        Ok::<(), SessionError>(())
    };
    // What the feed has not shown by then is missing, and counts as a gap.
    let shown = tokio::time::timeout(SETTLE_PATIENCE, rest).await;
    let mut counters = feed.counters();
    match shown {
        Ok(rest) => rest?,
        Err(_) => counters.gaps += 1,
    }
    let compared = tokio::time::timeout(SETTLE_PATIENCE, compare(&feed, &info, &key, pattern, seen)).await;
    // Snapshots that do not come prove nothing, and are not counted.
    let (same, different) = compared.unwrap_or(Ok((0, 0)))?;
    counters.proven += same;
    counters.mismatches += different;
    Ok(counters)
}

/// How many books are the same, change by change, as a snapshot of them now, and how many are not.
async fn compare(
    feed: &FeedSession,
    info: &ExchangeInfo,
    key: &PrivateKey,
    pattern: Pattern,
    seen: Sequence,
) -> Result<(u64, u64), SessionError> {
    let mut fresh = FeedSession::connect(info, key).await?;
    fresh.subscribe(pattern, Depth::Book);
    while !matches!(fresh.next().await?, FeedEvent::Subscribed(_)) {}
    let (mut same, mut different) = (0, 0);
    for (contract, book) in fresh.books() {
        match feed.book(contract) {
            Some(own) if own.sequence() == book.sequence() && own.digest() == book.digest() => same += 1,
            // Changed since by somebody else: nothing can be said of it.
            _ if book.sequence() > seen => {}
            _ => different += 1,
        }
    }
    Ok((same, different))
}

/// How far the feed has come by this event.
fn sequence_of(event: &FeedEvent) -> Sequence {
    match event {
        FeedEvent::Book { sequence, .. } | FeedEvent::Heartbeat { sequence, .. } => *sequence,
        _ => 0,
    }
}
