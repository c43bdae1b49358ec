//! Wakes the sessions of one thread when their next commands are due, all that are due together.

use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

use super::alarm::Alarm;

/// What is due so soon is waited for awake: setting the alarm would take as long.
const SOON: Duration = Duration::from_micros(10);

/// Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bells: Vec<Notify>,
    state: Mutex<State>,
    /// Tells the driver that something is due before all it knew of.
    earlier: Notify,
}

#[derive(Debug)]
struct State {
    /// The moments asked for, soonest first, some of them out of date.
    moments: BinaryHeap<Reverse<(Instant, usize)>>,
    /// What each session has asked for last.
    asked: Vec<Option<Instant>>,
}

impl Pacer {
    /// For so many sessions.
    pub(super) fn new(sessions: usize) -> Pacer {
        let bells = (0..sessions).map(|_| Notify::new()).collect();
        let state = State { moments: BinaryHeap::new(), asked: vec![None; sessions] };
        Pacer { shared: Arc::new(Shared { bells, state: Mutex::new(state), earlier: Notify::new() }) }
    }

    /// Waits until `at` as the session of this place, from 0. May return early. One wait at a time for each session.
    pub(super) async fn until(&self, session: usize, at: Instant) {
        self.ask(session, at);
        self.shared.bells[session].notified().await;
    }

    /// Rings the bells, until it is dropped.
    pub(super) async fn drive(self) -> io::Error {
        let alarm = match Alarm::new() {
            Ok(alarm) => alarm,
            Err(error) => return error,
        };
        loop {
            let now = Instant::now();
            match self.ring(now) {
                None => self.shared.earlier.notified().await,
                Some(next) if next - now < SOON => tokio::task::yield_now().await,
                Some(next) => tokio::select! {
                    rang = alarm.until(next) => if let Err(error) = rang { return error },
                    () = self.shared.earlier.notified() => {}
                },
            }
        }
    }

    fn ask(&self, session: usize, at: Instant) {
        let mut state = self.shared.state.lock();
        if state.asked[session] == Some(at) {
            return;
        }
        state.asked[session] = Some(at);
        let is_earlier = state.moments.peek().is_none_or(|Reverse((first, _))| at < *first);
        state.moments.push(Reverse((at, session)));
        if is_earlier {
            self.shared.earlier.notify_one();
        }
    }

    /// Wakes all whose moment has come, and gives the next moment.
    fn ring(&self, now: Instant) -> Option<Instant> {
        let mut state = self.shared.state.lock();
        loop {
            let Reverse((at, session)) = *state.moments.peek()?;
            let is_asked = state.asked[session] == Some(at);
            if is_asked && at > now {
                return Some(at);
            }
            state.moments.pop();
            if is_asked {
                state.asked[session] = None;
                self.shared.bells[session].notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_is_woken_at_their_moment_and_the_soonest_first() {
        let pacer = Pacer::new(3);
        let driver = tokio::spawn(pacer.clone().drive());
        let start = Instant::now();
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = [30, 10, 20]
            .into_iter()
            .enumerate()
            .map(|(session, millis)| {
                let (pacer, order) = (pacer.clone(), Arc::clone(&order));
                tokio::spawn(async move {
                    let at = start + Duration::from_millis(millis);
                    while Instant::now() < at {
                        pacer.until(session, at).await;
                    }
                    order.lock().push(session);
                })
            })
            .collect();
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(*order.lock(), [1, 2, 0]);
        driver.abort();
    }

    #[test]
    fn who_asks_again_is_woken_for_that_alone_and_the_heap_does_not_grow_by_it() {
        let pacer = Pacer::new(2);
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        pacer.ask(0, at(50));
        (0..1_000).for_each(|_| pacer.ask(0, at(20)));
        pacer.ask(1, at(30));
        assert_eq!(pacer.ring(at(10)), Some(at(20)));
        assert_eq!(pacer.ring(at(25)), Some(at(30)));
        assert_eq!(pacer.shared.state.lock().moments.len(), 2);
        assert_eq!(pacer.ring(at(40)), None, "the first moment of session 0 is out of date");
    }
}
