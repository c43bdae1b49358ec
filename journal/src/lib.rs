//! A durable log of opaque batches: segments, checksums, a hash chain, recovery; and snapshots beside it.
//!
//! [`Journal::append`] returns when its batch is on the disk, and not before. [`Journal::open`] checks every
//! byte that was written before, hands each batch to the caller, cuts what a crash left half written, and
//! refuses anything worse. [`Reader`] and [`verify`] do the same without writing. [`Space`] says how much can surely
//! be appended, [`Sealed`] reads and deletes what is behind the live segment, and [`Snapshots`] keeps what it comes to.
//!
//! What this room does not know: commands, records, time. A batch is some bytes that hold `count` records with
//! consecutive sequences. The format, and what one copy of a log cannot tell, are written in `docs/journal.md`.
//!
//! ```
//! let directory = tempfile::tempdir()?;
//! let options = journal::Options { segment_size: 64 * 1024, ..journal::Options::new(1) };
//! let (mut journal, _) = journal::Journal::open(directory.path(), &options, |_| Ok::<(), std::io::Error>(()))?;
//! journal.append(1, 2, b"two records")?;
//! drop(journal);
//! assert_eq!(journal::verify(directory.path())?.last_sequence(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ahead;
mod atomic;
mod damage;
mod disk;
mod failure;
mod format;
mod journal;
mod opening;
mod reader;
mod room;
mod sealed;
mod segment;
mod simulated;
mod snapshots;
mod window;

pub use ahead::{NoRoom, Space};
pub use blake3::Hash;
pub use damage::{Damage, ReadError};
pub use disk::{Access, Disk, DiskFile, LockKind, RealDisk};
pub use failure::{AppendError, Failure};
pub use format::{FORMAT_VERSION, MAX_BATCH, batch_bytes};
pub use journal::{Journal, OpenError, Options};
pub use opening::Opening;
pub use reader::{Batch, Checkpoint, Reader, Summary, TornTail, verify};
pub use sealed::{RetireError, Sealed, SealedSegment};
pub use simulated::{Chances, Operation, SimulatedDisk};
pub use snapshots::{
    Flaw, LoadError, PruneError, Pruned, SNAPSHOT_VERSION, Snapshot, SnapshotError, SnapshotInfo,
    SnapshotWriter, Snapshots,
};
