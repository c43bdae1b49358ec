//! Time as the processor spent it on this thread, so that other programs on the machine count little.

use rustix::time::{ClockId, clock_gettime};

/// How many nanoseconds of processor this thread took to do `work`, for each of `messages`.
pub fn nanos_each(messages: usize, work: impl FnOnce()) -> f64 {
    each(nanos_of(work), messages)
}

/// How many nanoseconds of processor this thread took to do `work`.
pub fn nanos_of(work: impl FnOnce()) -> i64 {
    let start = thread_nanos();
    work();
    thread_nanos() - start
}

/// What so many nanoseconds are for each of `messages`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 ns")]
pub fn each(nanos: i64, messages: usize) -> f64 {
    nanos as f64 / messages.max(1) as f64
}

/// The same beside what all the other threads of the process took meanwhile.
pub fn nanos_each_beside(messages: usize, work: impl FnOnce()) -> (f64, f64) {
    let start = nanos(ClockId::ProcessCPUTime);
    let own = nanos_each(messages, work);
    #[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 ns")]
    let all = (nanos(ClockId::ProcessCPUTime) - start) as f64 / messages.max(1) as f64;
    (own, all - own)
}

fn thread_nanos() -> i64 {
    nanos(ClockId::ThreadCPUTime)
}

fn nanos(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
