//! The way out of a connection: whoever has something to say puts whole messages into a bounded buffer and
//! goes on; one writer task writes everything that waits in one go.
//!
//! Few large writes instead of many small ones is what makes QUIC fast, and the bound is what keeps a peer that
//! does not read from costing memory: the owner learns of the overflow and decides.

use parking_lot::Mutex;
use quinn::{SendStream, WriteError};
use std::sync::Arc;
use tokio::sync::Notify;

/// A buffer that a burst has made larger than this is given back once it is written.
const KEPT_BYTES: usize = 64 << 10;

/// A bounded buffer of outgoing bytes. Cheap to clone; all clones are one buffer.
#[derive(Clone, Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// The other end does not read as fast as it is written to.
    #[error("{waiting} bytes wait unread, of at most {capacity}")]
    Overflow {
        /// Bytes given and not yet taken by QUIC.
        waiting: usize,
        /// How many may wait.
        capacity: usize,
    },
    /// The stream is finished or lost.
    #[error("nothing more is sent on this stream")]
    Closed,
}

#[derive(Debug)]
struct Shared {
    capacity: usize,
    state: Mutex<State>,
    /// Wakes the writer: there are bytes, or there will be no more.
    filled: Notify,
    /// Wakes who waits for room.
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Bytes the writer has taken and QUIC has not.
    writing: usize,
    closed: bool,
}

impl Outbox {
    /// An empty one in which at most `capacity` bytes wait.
    #[must_use]
    pub fn new(capacity: usize) -> Outbox {
        let shared =
            Shared { capacity, state: Mutex::default(), filled: Notify::new(), drained: Notify::new() };
        Outbox { shared: Arc::new(shared) }
    }

    /// Takes whole messages, or nothing of them.
    ///
    /// # Errors
    /// [`OutboxError::Overflow`] if they would be more than may wait; [`OutboxError::Closed`] if nobody writes.
    pub fn push(&self, messages: &[u8]) -> Result<(), OutboxError> {
        let mut state = self.shared.state.lock();
        self.check_open(&state)?;
        let waiting = state.bytes.len() + state.writing;
        let capacity = self.shared.capacity;
        if waiting + messages.len() > capacity {
            return Err(OutboxError::Overflow { waiting, capacity });
        }
        self.append(&mut state, messages);
        Ok(())
    }

    /// Takes whole messages, waiting while there is no room. More than the capacity at once waits until
    /// nothing else does, and then goes alone.
    ///
    /// # Errors
    /// [`OutboxError::Closed`] if nobody writes any more.
    pub async fn send(&self, messages: &[u8]) -> Result<(), OutboxError> {
        loop {
            let drained = self.shared.drained.notified();
            tokio::pin!(drained);
            // Registered before looking, so that a drain in between is not missed.
            drained.as_mut().enable();
            {
                let mut state = self.shared.state.lock();
                self.check_open(&state)?;
                let waiting = state.bytes.len() + state.writing;
                if waiting == 0 || waiting + messages.len() <= self.shared.capacity {
                    self.append(&mut state, messages);
                    return Ok(());
                }
            }
            drained.await;
        }
    }

    /// Nothing more will be said: what waits is still written, and then the stream is finished.
    pub fn finish(&self) {
        self.shared.state.lock().closed = true;
        self.shared.filled.notify_one();
        self.shared.drained.notify_waiters();
    }

    /// Bytes given and not yet taken by QUIC.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let state = self.shared.state.lock();
        state.bytes.len() + state.writing
    }

    /// Takes what waits into `bytes`, which it empties first, for whoever writes to something else than a QUIC
    /// stream. False if nothing waits and nothing will come.
    pub fn take(&self, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        let is_open = self.begin_write(bytes);
        self.end_write();
        is_open
    }

    /// The writer: writes what waits to `stream` until [`Outbox::finish`], finishes the stream, and returns when
    /// the other end has it all. To be run by one task. If that task ends before, nothing more is taken.
    ///
    /// # Errors
    /// [`WriteError`] if the stream or its connection is lost; nothing more is taken then.
    pub async fn write_to(&self, mut stream: SendStream) -> Result<(), WriteError> {
        let _closes = ClosesOnDrop(self);
        let mut batch = Vec::new();
        while self.begin_write(&mut batch) {
            if batch.is_empty() {
                self.shared.filled.notified().await;
                continue;
            }
            stream.write_all(&batch).await?;
            batch.clear();
            batch.shrink_to(KEPT_BYTES);
            self.end_write();
        }
        // An error says that the other end did not want the rest, or that nobody is there any more.
        if stream.finish().is_ok() {
            let _ = stream.stopped().await;
        }
        Ok(())
    }

    /// Swaps what waits into `batch`, which is empty; false if that is nothing and nothing will come.
    fn begin_write(&self, batch: &mut Vec<u8>) -> bool {
        let mut state = self.shared.state.lock();
        std::mem::swap(&mut state.bytes, batch);
        state.writing = batch.len();
        !(state.closed && batch.is_empty())
    }

    /// What was swapped out has been written: there is room again.
    fn end_write(&self) {
        self.shared.state.lock().writing = 0;
        self.shared.drained.notify_waiters();
    }

    fn append(&self, state: &mut State, messages: &[u8]) {
        state.bytes.extend_from_slice(messages);
        self.shared.filled.notify_one();
    }

    fn check_open(&self, state: &State) -> Result<(), OutboxError> {
        if state.closed { Err(OutboxError::Closed) } else { Ok(()) }
    }
}

/// Without its writer an outbox takes nothing, and whoever waits for room learns it.
struct ClosesOnDrop<'a>(&'a Outbox);

impl Drop for ClosesOnDrop<'_> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_refused_whole() {
        let outbox = Outbox::new(10);
        outbox.push(b"123456").unwrap();
        assert_eq!(outbox.push(b"12345"), Err(OutboxError::Overflow { waiting: 6, capacity: 10 }));
        outbox.push(b"1234").unwrap();
        assert_eq!(outbox.waiting(), 10);
    }

    #[tokio::test]
    async fn more_than_the_capacity_waits_until_nothing_else_does() {
        let outbox = Outbox::new(4);
        outbox.push(b"12").unwrap();
        let large = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.send(b"34567").await }
        });
        tokio::task::yield_now().await;
        let mut bytes = Vec::new();
        assert!(outbox.take(&mut bytes));
        assert_eq!(bytes, b"12");
        large.await.unwrap().unwrap();
        outbox.finish();
        assert!(outbox.take(&mut bytes));
        assert_eq!(bytes, b"34567");
        assert!(!outbox.take(&mut bytes));
    }

    #[tokio::test]
    async fn a_finished_one_takes_nothing_and_wakes_who_waits() {
        let outbox = Outbox::new(4);
        outbox.push(b"1234").unwrap();
        let waits = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.send(b"5").await }
        });
        tokio::task::yield_now().await;
        outbox.finish();
        assert_eq!(waits.await.unwrap(), Err(OutboxError::Closed));
        assert_eq!(outbox.push(b"6"), Err(OutboxError::Closed));
    }
}
