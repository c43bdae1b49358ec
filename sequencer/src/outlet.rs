//! The way of what is released to gateway or feed: a queue that is bounded by the commands in it. So at any rate a reader
//! may be late for a while without holding up the exchange, and what waits for it takes bounded memory.

use crate::thread::Released;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// A queue in which batches of at most so many commands wait, or one batch of more.
#[must_use]
pub fn outlet(commands_max: usize) -> (Inlet, Outlet) {
    let (batches_in, batches) = mpsc::unbounded_channel();
    let waiting = Arc::new(Waiting::default());
    let outlet = Outlet { batches, waiting: Arc::clone(&waiting) };
    (Inlet { batches: batches_in, waiting, commands_max }, outlet)
}

/// Where batches go in.
#[derive(Debug)]
pub struct Inlet {
    batches: UnboundedSender<Arc<Released>>,
    waiting: Arc<Waiting>,
    commands_max: usize,
}

/// Where they come out, in order. Its reader is passed over once it is dropped.
#[derive(Debug)]
pub struct Outlet {
    batches: UnboundedReceiver<Arc<Released>>,
    waiting: Arc<Waiting>,
}

/// Nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads what is released")]
pub struct Unread;

/// How many commands wait, and who is told when they are fewer.
#[derive(Debug, Default)]
struct Waiting {
    commands: Mutex<usize>,
    fewer: Condvar,
}

impl Inlet {
    /// Puts a batch in. Waits, with all of its thread, until there is room.
    ///
    /// # Errors
    /// [`Unread`] if the outlet has been dropped.
    pub fn send(&self, released: Arc<Released>) -> Result<(), Unread> {
        let weight = weight(&released);
        {
            let mut waiting = self.waiting.commands.lock();
            while *waiting > 0 && *waiting + weight > self.commands_max && !self.batches.is_closed() {
                self.waiting.fewer.wait(&mut waiting);
            }
            *waiting += weight;
        }
        self.batches.send(released).map_err(|_| Unread)
    }
}

impl Outlet {
    /// Waits for the next batch; `None` once the exchange has ended and all is read. Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Option<Arc<Released>> {
        let released = self.batches.recv().await?;
        self.taken(&released);
        Some(released)
    }

    /// The next batch, without waiting.
    ///
    /// # Errors
    /// If none is there, or none will come.
    pub fn try_recv(&mut self) -> Result<Arc<Released>, TryRecvError> {
        let released = self.batches.try_recv()?;
        self.taken(&released);
        Ok(released)
    }

    fn taken(&self, released: &Released) {
        *self.waiting.commands.lock() -= weight(released);
        self.waiting.fewer.notify_one();
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.batches.close();
        // With the lock, so that whoever has just seen it open is waiting by now.
        let _waiting = self.waiting.commands.lock();
        self.waiting.fewer.notify_one();
    }
}

/// For how many commands a batch counts; one that only refuses is not for nothing.
fn weight(released: &Released) -> usize {
    let commands = usize::try_from(released.commands).expect("u32 fits in usize here");
    commands + released.refused.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn batch(sequence: u64, commands: u32) -> Arc<Released> {
        Arc::new(Released { sequence, commands, ..Released::default() })
    }

    #[test]
    fn a_reader_may_be_late_by_so_many_commands_and_no_more() {
        let (inlet, mut outlet) = outlet(10);
        for sequence in 1..=3 {
            inlet.send(batch(sequence, 3)).unwrap();
        }
        let told = Arc::new(AtomicU64::new(3));
        let sender = std::thread::spawn({
            let told = Arc::clone(&told);
            move || {
                // The last is larger than all that may wait, and goes in alone.
                for (sequence, commands) in [(4, 3), (5, 3), (6, 11)] {
                    inlet.send(batch(sequence, commands)).unwrap();
                    told.store(sequence, Ordering::SeqCst);
                }
            }
        });
        for sequence in 1..=6 {
            assert!(told.load(Ordering::SeqCst) < sequence + 3, "no more than nine wait");
            let released = loop {
                if let Ok(released) = outlet.try_recv() {
                    break released;
                }
                std::thread::yield_now();
            };
            assert_eq!(released.sequence, sequence);
        }
        sender.join().unwrap();
        assert_eq!(outlet.try_recv(), Err(TryRecvError::Disconnected));
    }

    #[test]
    fn a_reader_that_goes_away_lets_the_sender_go_on() {
        let (inlet, outlet) = outlet(1);
        inlet.send(batch(1, 1)).unwrap();
        let sender = std::thread::spawn(move || inlet.send(batch(2, 1)));
        drop(outlet);
        assert_eq!(sender.join().unwrap(), Err(Unread));
    }
}
