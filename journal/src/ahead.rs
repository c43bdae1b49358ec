//! The next segment, prepared while the live one is filled: [`Ahead`]; and what the caller may know of it: how much
//! can surely be appended, [`Space`].
//!
//! The thread that prepares writes a piece of zeros, syncs it and rests [`PAUSE`], so that the live segment's syncs
//! never wait for more than one piece. It does not rest while the next segment is done to less than twice the part
//! to which the live one is used, or while somebody waits for it. When the disk is full it tries again every
//! [`RETRY`], and at once when a batch needs the segment.

use crate::disk::{Disk, DiskFile};
use crate::format::{MAX_FRAME, SEGMENT_HEADER};
use crate::room::Room;
use crate::segment::{self, is_no_space};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the thread rests after a piece.
const PAUSE: Duration = Duration::from_millis(20);
/// How long after a full disk was met it is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// The next segment is to be done to this many times the part to which the live one is used.
const LEAD: u128 = 2;

/// How much a journal can surely append. Clones speak of the same journal; any thread may ask.
#[derive(Clone)]
pub struct Space {
    ahead: Arc<Ahead>,
}

/// Why there is not as much room as asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoRoom {
    /// The disk is full. It is tried again from time to time; the room there is can be used meanwhile.
    #[error("the disk is full, {room} bytes are left in the journal: {source}")]
    Full {
        /// The room there is, in bytes, as [`Space::room`] counts.
        room: u64,
        /// The disk's error.
        source: Arc<io::Error>,
    },
    /// Never is there as much.
    #[error("{found} bytes asked for; at most {max} are ever sure")]
    TooMuch {
        /// What was asked for, in bytes.
        found: u64,
        /// A segment without its header, in bytes.
        max: u64,
    },
    /// The next segment cannot be prepared, for another reason than space. The journal ends when it needs it.
    #[error("the next segment cannot be prepared: {0}")]
    Failed(Arc<io::Error>),
    /// The journal has failed or was closed.
    #[error("the journal has ended")]
    Ended,
}

impl Space {
    /// The bytes that can surely be appended, whatever happens to the disk's free space, and however they are cut
    /// into batches; a batch takes [`batch_bytes`](crate::batch_bytes). 0 after the journal has ended. What was
    /// given to the journal and is not yet appended is still counted in. Takes no lock.
    pub fn room(&self) -> u64 {
        self.ahead.room.left()
    }

    /// Returns when the room is at least `bytes`. Waits while the next segment is being prepared, in haste then;
    /// does not wait for a full disk. (Where segments are not prepared ahead, this prepares one.)
    pub fn wait_for(&self, bytes: u64) -> Result<(), NoRoom> {
        if self.room() >= bytes {
            return Ok(());
        }
        let max = self.most();
        if bytes > max {
            return Err(NoRoom::TooMuch { found: bytes, max });
        }
        self.ahead.wait_until(|state| self.ahead.surely(state) >= bytes, !self.ahead.threaded)
    }

    /// The bytes that were appended since the journal was opened, counted like the room. Who asks for this first and
    /// for the room then, and takes from the room what it gave the journal beyond this, never counts on too much.
    pub fn appended(&self) -> u64 {
        self.ahead.room.appended()
    }

    /// The most that is ever sure, in bytes: a segment without its header.
    pub fn most(&self) -> u64 {
        self.ahead.size - SEGMENT_HEADER as u64
    }

    /// Whether there is no next segment because the disk was full when one was last tried.
    pub fn is_full(&self) -> bool {
        matches!(self.ahead.state().next, Next::Full(_))
    }
}

/// What the journal, the thread that prepares, and those who ask for room share.
pub(crate) struct Ahead {
    disk: Arc<dyn Disk>,
    /// Length of the segments that are prepared.
    size: u64,
    /// Whether a thread prepares them, or who waits for one.
    threaded: bool,
    state: Mutex<State>,
    /// Notified whenever the next segment's state changes, somebody waits for it, or the journal ends.
    changed: Condvar,
    /// [`Ahead::surely`] of the state and the bytes of all batches appended, to be read without its lock.
    room: Room,
}

struct State {
    live: Live,
    next: Next,
    /// How many wait for the next segment.
    waiting: u32,
    ended: bool,
}

/// The segment that is being filled.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    /// Its length in bytes.
    pub(crate) size: u64,
    /// Where its next frame begins.
    pub(crate) used: u64,
}

/// The segment after the live one, while it has no name.
enum Next {
    /// To be prepared.
    Wanted,
    /// Somebody prepares it.
    Preparing,
    /// It can be started.
    Ready(Box<dyn DiskFile>),
    /// It was ready, and is about to become the live one. None is prepared yet, as its file's name is in use.
    Taken,
    /// The disk was full.
    Full(Arc<io::Error>),
    /// The disk failed.
    Failed(Arc<io::Error>),
}

impl Ahead {
    /// Begins, in a thread if `threaded`. Where none can be had, a segment is prepared by who needs it.
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        size: u64,
        live: Live,
        threaded: bool,
    ) -> (Arc<Self>, Option<JoinHandle<()>>) {
        let new = |threaded| {
            let state = State { live, next: Next::Wanted, waiting: 0, ended: false };
            let (state, changed, disk) = (Mutex::new(state), Condvar::new(), Arc::clone(&disk));
            let room = Room::default();
            let ahead = Self { disk, size, threaded, state, changed, room };
            ahead.publish(&ahead.state());
            Arc::new(ahead)
        };
        if threaded {
            let ahead = new(true);
            let shared = Arc::clone(&ahead);
            let thread = std::thread::Builder::new().name("journal-prepare".to_owned());
            if let Ok(thread) = thread.spawn(move || shared.run()) {
                return (ahead, Some(thread));
            }
        }
        (new(false), None)
    }

    /// For others to ask.
    pub(crate) fn space(self: &Arc<Self>) -> Space {
        Space { ahead: Arc::clone(self) }
    }

    /// A batch of so many bytes was appended to the live segment.
    pub(crate) fn append(&self, bytes: u64) {
        let mut state = self.state();
        state.live.used += bytes;
        self.room.append(bytes, self.surely(&state));
    }

    /// Waits until the next segment can be started. A disk that was full is tried again, as there may be space by
    /// now.
    pub(crate) fn make_ready(&self) -> Result<(), NoRoom> {
        self.wait_until(|state| matches!(state.next, Next::Ready(_)), true)
    }

    /// The file of the next segment, if it is ready. The next but one is prepared after [`Ahead::started`].
    pub(crate) fn take(&self) -> Option<Box<dyn DiskFile>> {
        let mut state = self.state();
        match std::mem::replace(&mut state.next, Next::Taken) {
            Next::Ready(file) => Some(file),
            other => {
                state.next = other;
                None
            }
        }
    }

    /// The taken segment is the live one now, under its own name.
    pub(crate) fn started(&self, live: Live) {
        let mut state = self.state();
        state.live = live;
        state.next = Next::Wanted;
        self.publish(&state);
        self.changed.notify_all();
    }

    /// No more is prepared, and nobody waits any longer.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        self.publish(&state);
        self.changed.notify_all();
    }

    /// Of all series of batches with so many bytes in all, none needs more space than is allocated: they fit into
    /// what is left of the live segment, or into the next, or into both less one batch, the one that does not fit
    /// into the first any more.
    fn surely(&self, state: &State) -> u64 {
        if state.ended {
            return 0;
        }
        let segment = self.size - SEGMENT_HEADER as u64;
        let rest = state.live.size - state.live.used;
        let next = if matches!(state.next, Next::Ready(_)) { segment } else { 0 };
        let longest = segment.min(MAX_FRAME as u64);
        rest.max(next).max((rest + next).saturating_sub(longest))
    }

    fn publish(&self, state: &State) {
        self.room.publish(self.surely(state));
    }

    /// Waits for the outcome of preparing until there is `enough`. `again`: a full disk met before does not count.
    fn wait_until(&self, enough: impl Fn(&State) -> bool, again: bool) -> Result<(), NoRoom> {
        let mut state = self.state();
        if again && matches!(state.next, Next::Full(_)) {
            state.next = Next::Wanted;
        }
        state.waiting += 1;
        self.changed.notify_all();
        let outcome = loop {
            if state.ended {
                break Err(NoRoom::Ended);
            }
            if enough(&state) {
                break Ok(());
            }
            state = match &state.next {
                Next::Full(source) => {
                    break Err(NoRoom::Full { room: self.surely(&state), source: Arc::clone(source) });
                }
                Next::Failed(source) => break Err(NoRoom::Failed(Arc::clone(source))),
                Next::Wanted if !self.threaded => {
                    state.next = Next::Preparing;
                    drop(state);
                    let made = segment::prepare(self.disk.as_ref(), self.size, |_| Ok(()));
                    self.made(made)
                }
                _ => self.wait(state),
            };
        };
        state.waiting -= 1;
        outcome
    }

    /// The thread.
    fn run(&self) {
        let _failing = FailOnPanic(self);
        while self.wait_for_work() {
            let made = segment::prepare(self.disk.as_ref(), self.size, |done| self.rest(done));
            drop(self.made(made));
        }
    }

    /// Returns when a segment is to be prepared; false when there will be no more.
    fn wait_for_work(&self) -> bool {
        let mut state = self.state();
        let mut retry_at = None;
        loop {
            if state.ended {
                return false;
            }
            state = match &state.next {
                Next::Wanted => {
                    state.next = Next::Preparing;
                    return true;
                }
                Next::Full(_) => {
                    // Whoever asks for room meanwhile wakes this thread, and must not put it off.
                    let at = *retry_at.get_or_insert_with(|| Instant::now() + RETRY);
                    let left = at.saturating_duration_since(Instant::now());
                    let (mut state, _) =
                        self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
                    if Instant::now() >= at && matches!(state.next, Next::Full(_)) {
                        state.next = Next::Wanted;
                    }
                    state
                }
                _ => self.wait(state),
            };
        }
    }

    /// Rests after a piece, if there is time for that. An error when the segment will not be needed.
    fn rest(&self, done: u64) -> io::Result<()> {
        let mut state = self.state();
        if state.may_rest(done, self.size) {
            (state, _) = self.changed.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    /// What came of preparing a segment.
    fn made(&self, made: io::Result<Box<dyn DiskFile>>) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.next = match made {
            Ok(file) => Next::Ready(file),
            Err(error) if is_no_space(&error) => Next::Full(Arc::new(error)),
            Err(error) => Next::Failed(Arc::new(error)),
        };
        self.publish(&state);
        self.changed.notify_all();
        state
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there is time for a pause, when so much of the next segment is done.
    fn may_rest(&self, done: u64, size: u64) -> bool {
        let product = |one: u64, other: u64| u128::from(one) * u128::from(other);
        let leads = product(done, self.live.size) >= product(self.live.used, size).saturating_mul(LEAD);
        leads && self.waiting == 0 && !self.ended
    }
}

/// Sees to it that nobody waits for a thread that has panicked.
struct FailOnPanic<'a>(&'a Ahead);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.0.made(Err(io::Error::other("the thread that prepares segments panicked"))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_pauses_while_the_next_segment_leads_and_nobody_waits() {
        let state = |used, waiting, ended| State {
            live: Live { size: 1000, used },
            next: Next::Wanted,
            waiting,
            ended,
        };
        for (used, done, rests) in
            [(0, 1, true), (100, 400, true), (101, 400, false), (500, 1999, false), (1000, 1999, false)]
        {
            assert_eq!(
                state(used, 0, false).may_rest(done, 2000),
                rests,
                "{done} of 2000 done, {used} of 1000 used"
            );
        }
        assert!(!state(0, 1, false).may_rest(1000, 2000), "somebody waits");
        assert!(!state(0, 0, true).may_rest(1000, 2000), "it is over");
        assert!(
            !State { live: Live { size: u64::MAX, used: u64::MAX }, ..state(0, 0, false) }
                .may_rest(u64::MAX, u64::MAX)
        );
    }

    #[test]
    fn who_waits_for_a_thread_that_panics_is_told() {
        struct Panics;
        impl Disk for Panics {
            fn location(&self) -> String {
                String::new()
            }
            fn list(&self) -> io::Result<Vec<String>> {
                Ok(Vec::new())
            }
            fn create(&self, _: &str) -> io::Result<Box<dyn DiskFile>> {
                panic!("as the test wants it")
            }
            fn open(&self, _: &str, _: crate::disk::Access) -> io::Result<Box<dyn DiskFile>> {
                Err(io::ErrorKind::NotFound.into())
            }
            fn rename(&self, _: &str, _: &str) -> io::Result<()> {
                Ok(())
            }
            fn remove(&self, _: &str) -> io::Result<()> {
                Ok(())
            }
            fn sync_directory(&self) -> io::Result<()> {
                Ok(())
            }
        }
        let live = Live { size: 8192, used: 8192 };
        let (ahead, thread) = Ahead::start(Arc::new(Panics), 8192, live, true);
        assert!(matches!(ahead.make_ready(), Err(NoRoom::Failed(_))));
        assert!(matches!(ahead.space().wait_for(1), Err(NoRoom::Failed(_))));
        assert!(thread.unwrap().join().is_err());
    }
}
