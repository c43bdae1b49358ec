//! A timer finer than the runtime's, which wakes at whole milliseconds only: [`Alarm`].
#![allow(
    unsafe_code,
    reason = "the runtime waits for a system's timer only if it is promised that it stays open"
)]

#[cfg(target_os = "linux")]
mod system {
    use rustix::fd::OwnedFd;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use std::io;
    use std::time::{Duration, Instant};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A timer of the system's that the runtime's own wait for the network also waits for. It is as fine as the
    /// system's clock, and costs two system calls for each time it is set and rings.
    #[derive(Debug)]
    pub(crate) struct Alarm {
        timer: AsyncFd<OwnedFd>,
    }

    impl Alarm {
        /// An alarm of this runtime.
        ///
        /// # Errors
        /// The system gives no timer.
        pub(crate) fn new() -> io::Result<Alarm> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            // SAFETY: the descriptor is a timer's of ours alone, and an `OwnedFd` keeps it open and the same until it is
            // dropped, together with the `AsyncFd`.
            let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }?;
            Ok(Alarm { timer })
        }

        /// Waits until `at`. Dropped before, it leaves nothing behind: the next call sets it anew.
        ///
        /// # Errors
        /// The system does not set the timer.
        pub(crate) async fn until(&self, at: Instant) -> io::Result<()> {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.set(left)?;
            loop {
                let mut ready = self.timer.readable().await?;
                if Instant::now() >= at {
                    ready.clear_ready();
                    return Ok(());
                }
                // It rang for a moment that nobody waits for any more.
                ready.clear_ready();
                self.set(at.saturating_duration_since(Instant::now()))?;
            }
        }

        /// Lets it ring once, after `left`; what it was set to before is forgotten.
        fn set(&self, left: Duration) -> io::Result<()> {
            // Nothing but zero would turn it off.
            let left = left.max(Duration::from_nanos(1));
            let value = Timespec::try_from(left).map_err(io::Error::other)?;
            let once = Itimerspec { it_interval: Timespec::default(), it_value: value };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::time::Instant;

    /// The runtime's own timer, as there is no other.
    #[derive(Debug)]
    pub(crate) struct Alarm;

    impl Alarm {
        /// An alarm of this runtime.
        pub(crate) fn new() -> io::Result<Alarm> {
            Ok(Alarm)
        }

        /// Waits until `at`.
        pub(crate) async fn until(&self, at: Instant) -> io::Result<()> {
            tokio::time::sleep_until(at.into()).await;
            Ok(())
        }
    }
}

pub(super) use system::Alarm;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn it_never_rings_early_and_forgets_what_was_dropped() {
        let alarm = Alarm::new().unwrap();
        for micros in [0, 1, 50, 700, 3_000] {
            let at = Instant::now() + Duration::from_micros(micros);
            alarm.until(at).await.unwrap();
            assert!(Instant::now() >= at);
        }
        let far = Instant::now() + Duration::from_secs(3_600);
        tokio::select! {
            biased;
            _ = alarm.until(far) => panic!("an hour has not gone by"),
            () = tokio::task::yield_now() => {}
        }
        let near = Instant::now() + Duration::from_micros(200);
        alarm.until(near).await.unwrap();
        assert!(Instant::now() >= near && Instant::now() < far);
    }

    #[tokio::test]
    async fn a_ring_nobody_waited_for_does_not_count() {
        let alarm = Alarm::new().unwrap();
        // A machine that is busy elsewhere may come to it only when the moment is over: the next one is further off.
        let mut ahead = Duration::from_micros(100);
        let soon = loop {
            let soon = Instant::now() + ahead;
            tokio::select! {
                biased;
                _ = alarm.until(soon) => ahead *= 2,
                () = tokio::task::yield_now() => break soon,
            }
        };
        while Instant::now() < soon + Duration::from_micros(100) {
            tokio::task::yield_now().await;
        }
        let later = Instant::now() + Duration::from_millis(5);
        alarm.until(later).await.unwrap();
        assert!(Instant::now() >= later);
    }
}
