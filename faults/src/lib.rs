//! The exchange and its clients on a disk, a network and a clock that fail: one thread, one seed, everything again.
//!
//! [`run`] builds a world of a seed. In it the real machines are at work: the steps of the sequencer and its
//! journal, the gateway's desk, the clients' sessions. Around them everything is simulated, and the seed decides
//! which of them takes its next step, which bytes arrive, what fails, and when the power goes. The auditor keeps
//! its own exchange of everything released and holds the world to the promises: durable before told, exactly
//! once, no report lost or told twice, nothing made and nothing lost. At the end the faults stop, and every
//! command must come to its outcome.
//!
//! What is not in this world: threads, sockets, TLS, the feed. A [`Break`] is a promise broken on purpose, to see
//! that the auditor notices.

mod auditor;
mod keys;
mod link;
mod plan;
mod server;
mod trace;
mod traffic;
mod user;
mod world;

pub use plan::{Break, Plan};
pub use world::Counts;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What was found wrong in a world, and how it came to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The world's seed.
    pub seed: u64,
    /// What does not hold.
    pub what: String,
    /// The last steps, oldest first.
    pub trace: Vec<String>,
}

/// Something that does not hold, as the parts of the world say it.
type Wrong = String;

/// Lets a world live and end.
///
/// # Errors
/// [`Found`] if a promise was broken, or anything panicked.
pub fn run(seed: u64, plan: &Plan) -> Result<Counts, Box<Found>> {
    let mut world = world::World::new(seed, plan);
    let lived = catch_unwind(AssertUnwindSafe(|| world.live()));
    let what = match lived {
        Ok(Ok(())) => return Ok(world.counts()),
        Ok(Err(wrong)) => wrong,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("a panic: {}", said.unwrap_or("without a word"))
        }
    };
    Err(Box::new(Found { seed, what, trace: world.trace() }))
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Found { seed, what, trace } = self;
        trace.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "{what}")?;
        write!(f, "again: CUEX_SEED={seed} cargo test -p faults one_seed -- --nocapture")
    }
}

impl std::error::Error for Found {}
