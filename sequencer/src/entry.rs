//! The way in: two bounded lanes, so that a cancel never waits behind orders.
//!
//! A lane counts commands, not chunks: each takes a permit on its way in and gives it back when it is released.
//! Who finds no permit waits, and so does not read from its client: that is how clients are held back. The
//! order of waiting is first come, first served.

use crate::core::Inbound;
use crossbeam::channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use tokio::sync::Semaphore;
use types::Lane;

/// Of a batch that is full, one command in so many is an order if any wait.
const ORDERS_SHARE: usize = 8;

/// The way in for commands. Clones lead to the same lanes.
#[derive(Clone, Debug)]
pub struct Entry {
    orders: Arc<LaneEntry>,
    cancels: Arc<LaneEntry>,
}

/// The exchange takes no more commands: it is stopping, or has failed. What was sent and not yet released may or
/// may not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the exchange has stopped")]
pub struct Stopped;

impl Entry {
    /// Puts a chunk of commands into a lane, in order. Waits while the lane's cap of commands is in flight; a
    /// chunk longer than the cap goes in in pieces. Dropped while it waits, the pieces not yet in are not sent.
    ///
    /// # Errors
    /// [`Stopped`] once the exchange takes no more; a first part of a long chunk may have gone in before.
    pub async fn send(&self, lane: Lane, mut chunk: Vec<Inbound>) -> Result<(), Stopped> {
        let lane = self.lane(lane);
        loop {
            let piece = chunk.len().min(lane.cap());
            let rest = chunk.split_off(piece);
            lane.send(chunk).await?;
            if rest.is_empty() {
                return Ok(());
            }
            chunk = rest;
        }
    }

    /// How many commands of a lane are taken in and not yet released; if some wait, also what the first in line has
    /// claimed already.
    #[must_use]
    pub fn in_flight(&self, lane: Lane) -> usize {
        let lane = self.lane(lane);
        lane.cap().saturating_sub(lane.permits.available_permits())
    }

    /// The two lanes, taking at most so many commands at once, each at least 1.
    pub(crate) fn new(orders_cap: u32, cancels_cap: u32) -> (Entry, Intake) {
        let (orders, orders_queue) = LaneEntry::new(orders_cap);
        let (cancels, cancels_queue) = LaneEntry::new(cancels_cap);
        let entry = Entry { orders: Arc::new(orders), cancels: Arc::new(cancels) };
        let [orders, cancels] = [orders_queue, cancels_queue].map(Waiting::new);
        (entry, Intake { orders, cancels })
    }

    /// Gives permits back.
    pub(crate) fn release(&self, taken: Taken) {
        self.orders.permits.add_permits(taken.orders);
        self.cancels.permits.add_permits(taken.cancels);
    }

    /// Nobody gets in any more; who waits is told so.
    pub(crate) fn close(&self) {
        self.orders.permits.close();
        self.cancels.permits.close();
    }

    /// Waits until all that is in flight has been released, and then closes. As it holds every permit by then,
    /// nothing is left in the lanes.
    pub(crate) async fn drain(&self) {
        for lane in [&self.orders, &self.cancels] {
            // An error says that the lane is closed already: the exchange has failed, there is nothing to wait for.
            if let Ok(permits) = lane.permits.acquire_many(lane.cap).await {
                permits.forget();
            }
        }
        self.close();
    }

    fn lane(&self, lane: Lane) -> &LaneEntry {
        match lane {
            Lane::Orders => &self.orders,
            Lane::Cancels => &self.cancels,
        }
    }
}

/// The sequencer's end of the lanes.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) orders: Waiting,
    pub(crate) cancels: Waiting,
}

/// What waits in one lane.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) queue: Receiver<Vec<Inbound>>,
    /// What is left of the chunk that did not fit whole into the last batch.
    rest: Vec<Inbound>,
}

/// How many commands were taken from each lane, which is how many permits are to be given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) orders: usize,
    pub(crate) cancels: usize,
}

impl Intake {
    /// True if nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.cancels.is_empty() && self.orders.is_empty()
    }

    /// Moves what waits into `inbound`, which is empty: cancels first, then orders, at most so many in all. One in
    /// [`ORDERS_SHARE`] is kept for orders if some wait, and one however few it is, so that orders never starve.
    pub(crate) fn gather(&mut self, most: usize, inbound: &mut Vec<Inbound>) -> Taken {
        let kept = if self.orders.is_empty() { 0 } else { (most / ORDERS_SHARE).max(1) };
        self.cancels.take((most - kept.min(most)).max(1), inbound);
        let cancels = inbound.len();
        self.orders.take(most.max(cancels + kept.min(1)), inbound);
        Taken { orders: inbound.len() - cancels, cancels }
    }
}

impl Waiting {
    fn new(queue: Receiver<Vec<Inbound>>) -> Waiting {
        Waiting { queue, rest: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.queue.is_empty()
    }

    /// Moves what waits to the end of `inbound`, until that is so long.
    fn take(&mut self, length: usize, inbound: &mut Vec<Inbound>) {
        while inbound.len() < length {
            if self.rest.is_empty() {
                let Ok(chunk) = self.queue.try_recv() else { return };
                self.rest = chunk;
            }
            let fits = self.rest.len().min(length - inbound.len());
            inbound.extend(self.rest.drain(..fits));
        }
    }
}

#[derive(Debug)]
struct LaneEntry {
    cap: u32,
    permits: Semaphore,
    queue: Sender<Vec<Inbound>>,
}

impl LaneEntry {
    fn new(cap: u32) -> (LaneEntry, Receiver<Vec<Inbound>>) {
        let lane_cap = usize::try_from(cap).expect("usize has at least 32 bits where there is a file system");
        let (queue, receiver) = bounded(lane_cap);
        (LaneEntry { cap, permits: Semaphore::new(lane_cap), queue }, receiver)
    }

    fn cap(&self) -> usize {
        usize::try_from(self.cap).expect("usize has at least 32 bits where there is a file system")
    }

    /// Sends a chunk that is no longer than the cap.
    async fn send(&self, chunk: Vec<Inbound>) -> Result<(), Stopped> {
        if chunk.is_empty() {
            return Ok(());
        }
        let commands = u32::try_from(chunk.len()).expect("the chunk is no longer than the cap");
        let permits = self.permits.acquire_many(commands).await.map_err(|_| Stopped)?;
        permits.forget();
        // Never full: it has room for as many chunks as there are permits, and each chunk holds one at least.
        self.queue.try_send(chunk).map_err(|_| Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Command, KeyNo, OrderRef, Sender};

    fn cancels(numbers: std::ops::Range<u64>) -> Vec<Inbound> {
        let sender = |number| Sender { key: KeyNo(1), lane: Lane::Cancels, number };
        numbers
            .map(|number| Inbound::sent(sender(number), Command::Cancel(OrderRef::Number(number))))
            .collect()
    }

    fn numbers(inbound: &[Inbound]) -> Vec<u64> {
        inbound.iter().filter_map(|inbound| Some(inbound.sender()?.number)).collect()
    }

    #[tokio::test]
    async fn a_full_lane_waits_and_goes_on_after_a_release() {
        let (entry, mut intake) = Entry::new(4, 1);
        entry.send(Lane::Orders, cancels(0..3)).await.unwrap();
        assert_eq!((entry.in_flight(Lane::Orders), entry.in_flight(Lane::Cancels)), (3, 0));

        let mut waiting = tokio::spawn({
            let entry = entry.clone();
            async move { entry.send(Lane::Orders, cancels(3..5)).await }
        });
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("two more do not fit"),
            () = tokio::task::yield_now() => {}
        }
        // The other lane has room of its own.
        entry.send(Lane::Cancels, cancels(9..10)).await.unwrap();

        let mut inbound = Vec::new();
        let taken = intake.gather(100, &mut inbound);
        assert_eq!(taken, Taken { orders: 3, cancels: 1 });
        entry.release(taken);
        waiting.await.unwrap().unwrap();
        intake.gather(100, &mut inbound);
        assert_eq!(numbers(&inbound), [9, 0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn a_chunk_longer_than_the_cap_goes_in_in_pieces() {
        let (entry, mut intake) = Entry::new(2, 2);
        let sending = tokio::spawn({
            let entry = entry.clone();
            async move { entry.send(Lane::Orders, cancels(0..5)).await }
        });
        let mut seen = Vec::new();
        while seen.len() < 5 {
            tokio::task::yield_now().await;
            let mut inbound = Vec::new();
            let taken = intake.gather(100, &mut inbound);
            assert!(inbound.len() <= 2);
            seen.extend(numbers(&inbound));
            entry.release(taken);
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        sending.await.unwrap().unwrap();
        entry.send(Lane::Orders, Vec::new()).await.unwrap();
        assert!(intake.is_empty());
    }

    #[tokio::test]
    async fn cancels_come_first_and_orders_never_starve() {
        let (entry, mut intake) = Entry::new(8, 8);
        entry.send(Lane::Orders, cancels(0..2)).await.unwrap();
        entry.send(Lane::Orders, cancels(2..4)).await.unwrap();
        entry.send(Lane::Cancels, cancels(10..12)).await.unwrap();
        entry.send(Lane::Cancels, cancels(12..14)).await.unwrap();
        entry.send(Lane::Cancels, cancels(14..16)).await.unwrap();
        let mut batches = Vec::new();
        while !intake.is_empty() {
            let mut inbound = Vec::new();
            let taken = intake.gather(4, &mut inbound);
            assert_eq!(taken.orders + taken.cancels, inbound.len());
            batches.push(numbers(&inbound));
        }
        assert_eq!(batches, [vec![10, 11, 12, 0], vec![13, 14, 15, 1], vec![2, 3]]);
        // Of the smallest batch too both lanes have a share.
        entry.send(Lane::Orders, cancels(4..6)).await.unwrap();
        entry.send(Lane::Cancels, cancels(16..18)).await.unwrap();
        let mut inbound = Vec::new();
        assert_eq!(intake.gather(1, &mut inbound), Taken { orders: 1, cancels: 1 });
        assert_eq!(numbers(&inbound), [16, 4]);
    }

    #[tokio::test]
    async fn draining_waits_for_what_is_in_flight_and_then_turns_everyone_away() {
        let (entry, mut intake) = Entry::new(2, 2);
        entry.send(Lane::Orders, cancels(0..1)).await.unwrap();
        let mut draining = tokio::spawn({
            let entry = entry.clone();
            async move { entry.drain().await }
        });
        tokio::select! {
            biased;
            _ = &mut draining => panic!("one command is in flight"),
            () = tokio::task::yield_now() => {}
        }
        let late = tokio::spawn({
            let entry = entry.clone();
            async move { entry.send(Lane::Orders, cancels(1..3)).await }
        });
        tokio::task::yield_now().await;
        entry.release(intake.gather(100, &mut Vec::new()));
        draining.await.unwrap();
        assert_eq!(late.await.unwrap(), Err(Stopped));
        assert_eq!(entry.send(Lane::Cancels, cancels(3..4)).await, Err(Stopped));
        assert!(intake.is_empty());
    }
}
