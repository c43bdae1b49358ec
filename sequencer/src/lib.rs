//! The one order of all commands: stamped, journaled, applied, and released once they are durable.
//!
//! [`Entry`] takes commands in, [`Outlets`] give out what came of them, and nothing is given out before its
//! command is on the disk. In between, one thread gathers whatever waits (cancels first), stamps it, and applies
//! it to the engine while the other writes and syncs it. A write or sync that fails ends the exchange:
//! [`Handle::failed`] says why, and what was not released stays unknown.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sequencer::{Inbound, Options};
//! use types::{AccountName, Command, KeyNo, Lane, PublicKey, Role, Sender, Why};
//!
//! let directory = tempfile::tempdir()?;
//! let options = Options { segment_bytes: 2 << 20, ..Options::default() };
//! sequencer::init(directory.path(), &options, PublicKey([7; 32]))?;
//! let mut exchange = sequencer::start(directory.path(), &options)?;
//!
//! let name: AccountName = "acme".parse()?;
//! let sender = Sender { key: KeyNo(1), lane: Lane::Orders, number: 1 };
//! let command = Command::OpenAccount { name, role: Role::Broker, why: Why::NONE };
//! exchange.entry.send(Lane::Orders, vec![Inbound::sent(sender, command)]).await?;
//! let released = exchange.outlets.gateway.recv().await.expect("the exchange runs");
//! assert_eq!(released.output.reports.len(), 1);
//!
//! let summary = exchange.handle.stop().await?;
//! assert_eq!(sequencer::verify(directory.path())?.digest, summary.digest);
//! # Ok(())
//! # }
//! ```
//!
//! What this room does not know: sessions, subscribers, bytes on a wire. It imports types, engine and journal.

mod audit;
mod codec;
mod core;
mod echo;
mod entry;
mod exchange;
mod handle;
mod keeper;
mod outlet;
mod recover;
mod replay;
mod room;
mod snapshotter;
mod steps;
mod thread;
mod verify;

pub use self::core::{Batch, Core, Inbound};
pub use audit::{Act, ActOutcome, Audit, audit};
pub use codec::snapshot;
pub use codec::{RECORD_MAX, RECORD_VERSION, RecordError, Records, decode, encode, records};
pub use engine::ORDERS_MAX;
pub use entry::{Entry, Stopped};
pub use exchange::{
    Exchange, Options, Outlets, StartError, init, init_on, open_on, start, start_echo, start_on,
};
pub use handle::{Counters, Failure, Handle, LastSnapshot, Summary};
pub use outlet::{Inlet, Outlet, Unread, outlet};
pub use recover::{REPORTS_MAX, Recovery, Took};
pub use replay::ReplayError;
pub use snapshotter::{Progress, SnapshotOptions, Snapshotter, SnapshotterError};
pub use steps::{Append, Durable, Outcome, Sequencing, Steps, Told, Writing};
pub use thread::Released;
pub use verify::{Verified, VerifyError, dump, verify, verify_on};
