//! What this machine can do at best, measured in the same minute as what is compared with it: [`quic_echo`], as many
//! bytes both ways without anything behind them; [`append`], the journal alone; and [`EchoExchange`], the whole way of
//! an order but for the engine.
//!
//! What this room does not know: the load that is measured, and what its results mean.

mod disk;
mod echo;
mod quic;

pub use disk::{AppendFloor, AppendPlan, append};
pub use echo::EchoExchange;
pub use quic::{QuicFloor, QuicPlan, quic_echo};

use hdrhistogram::Histogram;
use std::io;
use std::time::Duration;

/// Longer than anything here takes, in nanoseconds.
const LONGEST_NANOS: u64 = 60_000_000_000;

/// Why a floor could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// No socket.
    #[error("the echo: {0}")]
    Endpoint(#[from] transport::EndpointError),
    /// The two ends do not reach each other.
    #[error("the echo: {0}")]
    Connect(#[from] transport::ConnectError),
    /// The connection between them was lost.
    #[error("the echo lost its connection: {0}")]
    Lost(String),
    /// The journal cannot be opened.
    #[error("the journal for comparison: {0}")]
    Open(#[from] journal::OpenError),
    /// The journal cannot be written.
    #[error("the journal for comparison: {0}")]
    Append(#[from] journal::AppendError),
    /// The exchange without an engine does not start.
    #[error("the exchange without an engine: {0}")]
    Start(#[from] sequencer::StartError),
    /// Its gateway does not.
    #[error("the exchange without an engine: {0}")]
    Serve(#[from] gateway::ServeError),
    /// The system gives no thread or runtime, or one ended without a word.
    #[error("no thread: {0}")]
    Thread(#[from] io::Error),
}

/// How long something took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Half of the times were at most this.
    pub p50_us: f64,
    /// 99 in 100 were at most this.
    pub p99_us: f64,
}

/// Times as they are measured.
struct Measured {
    histogram: Histogram<u64>,
}

impl Measured {
    fn new() -> Measured {
        let histogram =
            Histogram::new_with_bounds(1, LONGEST_NANOS, 3).expect("bounds and digits are allowed");
        Measured { histogram }
    }

    fn record(&mut self, took: Duration, times: u64) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(LONGEST_NANOS);
        self.histogram.saturating_record_n(nanos.max(1), times);
    }

    fn count(&self) -> u64 {
        self.histogram.len()
    }

    fn add(&mut self, other: &Measured) {
        self.histogram.add(&other.histogram).expect("both have the same bounds");
    }

    fn times(&self) -> Times {
        let at = |quantile| self.histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Times { p50_us: at(0.5), p99_us: at(0.99) }
    }
}

/// Runs `work` on a thread and a current-thread runtime of its own and gives what it comes to.
fn on_thread<T, Work>(
    name: &str,
    work: impl FnOnce() -> Work + Send + 'static,
) -> io::Result<tokio::sync::oneshot::Receiver<T>>
where
    T: Send + 'static,
    Work: Future<Output = T>,
{
    let (hand_in, handed_in) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = move || {
        // Whoever asked may be gone.
        let _ = hand_in.send(runtime.block_on(work()));
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(body)?;
    Ok(handed_in)
}
