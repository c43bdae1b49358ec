//! Several commands given to a session together: one lock, one look at the clock, one write.

use crate::driver::State;
use crate::error::{CommandError, SessionError};
use crate::numbers::Waiter;
use crate::session::usual_lane;
use parking_lot::MutexGuard;
use std::time::{Duration, Instant};
use types::{Command, Lane};

/// Commands that go out together, when this is dropped. While it is there the session does nothing else, so whoever
/// has one does not wait for anything.
#[derive(Debug)]
#[must_use = "a burst is there to be given commands"]
pub struct Burst<'a> {
    state: MutexGuard<'a, State>,
    paces: bool,
    now: Instant,
}

/// What became of a command that is to be given to the machine.
pub(crate) enum Given {
    /// It has this number, or will never have one.
    Now(Result<u64, CommandError>),
    /// It is one too many for the exchange: so much later.
    Later(Duration),
    /// There is no room before another has its outcome.
    Full,
}

impl<'a> Burst<'a> {
    pub(crate) fn new(state: MutexGuard<'a, State>, paces: bool) -> Burst<'a> {
        Burst { state, paces, now: Instant::now() }
    }

    /// Takes a command and gives its number on its lane; `None`, without having taken it, where
    /// [`Session::submit`](crate::Session::submit) would wait.
    ///
    /// # Errors
    /// [`CommandError::NotOnTheWire`] and [`CommandError::Session`] only.
    pub fn submit(&mut self, command: Command) -> Result<Option<u64>, CommandError> {
        let given = self.state.give(usual_lane(&command), command, (self.now, self.paces), &mut None);
        match given {
            Given::Now(number) => number.map(Some),
            Given::Later(_) | Given::Full => Ok(None),
        }
    }
}

impl Drop for Burst<'_> {
    fn drop(&mut self) {
        self.state.flush();
    }
}

impl State {
    /// Gives a command to the machine, which is to say it with the next flush.
    pub(crate) fn give(
        &mut self,
        lane: Lane,
        command: Command,
        (now, paces): (Instant, bool),
        waiter: &mut Option<Waiter>,
    ) -> Given {
        if let Some(error) = self.machine.ended() {
            return Given::Now(Err(error.clone().into()));
        }
        if self.machine.is_leaving() {
            return Given::Now(Err(SessionError::Finished.into()));
        }
        if !self.machine.has_room(lane) {
            return Given::Full;
        }
        if let Some(pause) = self.machine.pause(lane, now).filter(|_| paces) {
            return Given::Later(pause);
        }
        let number = self.machine.submit(lane, command, now, waiter.take());
        Given::Now(number.map_err(CommandError::from))
    }
}
