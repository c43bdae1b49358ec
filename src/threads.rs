//! The network threads of the exchange: order entry and market data each run on the program's first thread, which they
//! then share, or on threads of their own.

use crate::fail::Failure;
use std::num::NonZeroUsize;
use tokio::runtime::{Builder, Runtime};

/// How nice threads are that give way to others, of -20 to 19.
const NICENESS: i32 = 10;

/// Threads of one room's own, or none. What runs on them ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Threads {
    own: Option<Runtime>,
}

impl Threads {
    /// So many threads of this name; with 0 what is started runs where it is started. Those that give way leave the
    /// processors to the exchange's other threads while there are too few for all.
    pub(crate) fn new(name: &str, count: usize, gives_way: bool) -> Result<Threads, Failure> {
        let own = NonZeroUsize::new(count).map(|count| {
            let mut threads = Builder::new_multi_thread();
            if gives_way {
                threads.on_thread_start(give_way);
            }
            threads.worker_threads(count.get()).thread_name(name).enable_all().build()
        });
        let own = own.transpose();
        let own =
            own.map_err(|error| Failure::refused("no-runtime", format!("cannot start {name}: {error}")))?;
        Ok(Threads { own })
    }

    /// Runs what starts a room, so that its tasks live on these threads. With threads of its own this one waits
    /// meanwhile, as long as filling a mirror takes.
    pub(crate) async fn start<T: Send>(&self, starting: impl Future<Output = T> + Send) -> T {
        let Some(own) = &self.own else { return starting.await };
        std::thread::scope(|scope| {
            let started = scope.spawn(|| own.block_on(starting)).join();
            started.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// Of this thread alone, where the system knows such a thing for a thread.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "a network thread keeps its priority");
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            // A runtime's own end would wait for its threads, which an asynchronous task must not.
            own.shutdown_background();
        }
    }
}
