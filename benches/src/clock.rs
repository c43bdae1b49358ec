//! Time as the processor spent it on this thread, so that other programs on the machine count little.

use rustix::time::{ClockId, clock_gettime};

/// How many nanoseconds of processor this thread took to do `work`, for each of `messages`.
pub fn nanos_each(messages: usize, work: impl FnOnce()) -> f64 {
    let start = thread_nanos();
    work();
    #[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 ns")]
    let each = (thread_nanos() - start) as f64 / messages.max(1) as f64;
    each
}

fn thread_nanos() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
