//! Setting up and starting: [`init`] makes the directory of a new exchange, [`start`] brings one to life.

use crate::codec::{self, RECORD_MAX};
use crate::core::Core;
use crate::entry::{Entry, Taken};
use crate::handle::{Handle, Shared, spawn};
use crate::keeper::Keeper;
use crate::outlet::{Outlet, outlet};
use crate::recover::{Recovery, recover};
use crate::room::Room;
use crate::snapshotter::{SnapshotOptions, Snapshotter};
use crate::steps::{OWN_COMMANDS, Sequencing, Steps, Writing};
use crate::thread::{Sequencer, Writer};
use crossbeam::channel::bounded;
use engine::{Engine, RULES_VERSION};
use journal::{AppendError, Disk, Journal, OpenError, ReadError, Reader, RealDisk};
use rand::TryRng;
use rand::rngs::SysRng;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use types::{Command, PublicKey, Stamped, Timestamp};

/// How many commands' length is kept free in a batch beside what it takes from the lanes: the sequencer's own of this
/// batch and of the one before it, and as much again for the frames of the two and the one more that a batch may take.
const BESIDE: usize = 4 * OWN_COMMANDS;

/// How many batches there are between gathering and the disk: one that is written, and one ready to follow it.
/// With one alone the disk waits for the next batch, and the sequencer is woken once more for each.
const BUFFERS: usize = 2;

/// A running exchange.
#[derive(Debug)]
pub struct Exchange {
    /// What the journal held; the mirrors start here.
    pub recovery: Recovery,
    /// The way in.
    pub entry: Entry,
    /// The ways out.
    pub outlets: Outlets,
    /// To watch it and to stop it.
    pub handle: Handle,
}

/// The two ways out. Each gives every batch, in order, once it is durable, and ends when the exchange does. Who does
/// not read holds up everybody; who drops it is passed over.
#[derive(Debug)]
pub struct Outlets {
    /// For the reports to the owners.
    pub gateway: Outlet,
    /// For the market events.
    pub feed: Outlet,
}

/// How an exchange runs. [`Options::default`] is the usual.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The length of a segment of the journal in bytes: a multiple of 4096, at least 8192. Two are taken at once.
    pub segment_bytes: u64,
    /// How many commands of the orders lane may be in flight, at least 1.
    pub in_flight_orders: u32,
    /// How many commands of the cancels lane may be in flight, at least 1.
    pub in_flight_cancels: u32,
    /// How many commands a batch takes from the lanes, at least 1, and one more so that both have a share. Smaller
    /// batches overlap better, larger ones take fewer syncs.
    pub batch_commands: usize,
    /// In how many commands' outcomes an outlet may be behind before it holds up the exchange, at least 1.
    pub outlet_commands: usize,
    /// Whether a thread prepares the journal's next segment while this one is filled. Without it the batch that needs
    /// it waits; then nothing depends on the order in which threads run.
    pub prepare_ahead: bool,
    /// How snapshots are made while the exchange runs; `None`: none are, and the journal is replayed from those there
    /// are. They take the engine's memory once more.
    pub snapshots: Option<SnapshotOptions>,
    /// What time it is. It may jump either way: stamps never go backwards.
    pub clock: fn() -> Timestamp,
}

/// Why an exchange cannot be set up or started. Nothing was carried out.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An option out of its range.
    #[error("{option} is {found}, expected {expected}")]
    Option {
        /// Which.
        option: &'static str,
        /// Its value.
        found: usize,
        /// Its range.
        expected: String,
    },
    /// Nobody has set up an exchange there.
    #[error("no exchange has been set up in {directory}")]
    NoExchange {
        /// The directory.
        directory: String,
    },
    /// An exchange has been set up there already.
    #[error("{directory} holds an exchange already")]
    Exists {
        /// The directory.
        directory: String,
    },
    /// The journal cannot be opened or replayed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The genesis cannot be made durable.
    #[error(transparent)]
    Genesis(#[from] AppendError),
    /// The system gives no randomness.
    #[error("cannot draw the seed of the auctions: {0}")]
    Seed(#[source] io::Error),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes: 64 << 20,
            in_flight_orders: 6_144,
            in_flight_cancels: 4_096,
            batch_commands: 4_096,
            outlet_commands: 65_536,
            prepare_ahead: true,
            snapshots: Some(SnapshotOptions::default()),
            clock: system_clock,
        }
    }
}

/// Makes the directory of a new exchange: its first command opens account 1, `operator`, with this key. The seed of the
/// random ends of its auctions is drawn from the system's randomness, and told to nobody.
///
/// # Errors
/// [`StartError::Exists`] if there is one already; what else can go wrong with a directory.
pub fn init(directory: &Path, options: &Options, operator: PublicKey) -> Result<(), StartError> {
    let seed = SysRng.try_next_u64().map_err(|error| StartError::Seed(io::Error::other(error)))?;
    let disk = RealDisk::new(directory);
    disk.create_directory().map_err(|source| OpenError::Write { file: disk.location(), source })?;
    init_on(Arc::new(disk), options, operator, seed)
}

/// The same on any disk, with a seed that the caller has drawn.
///
/// # Errors
/// As [`init`].
pub fn init_on(
    disk: Arc<dyn Disk>,
    options: &Options,
    operator: PublicKey,
    seed: u64,
) -> Result<(), StartError> {
    let directory = disk.location();
    // A directory without a single record is that of an init that did not get to its end.
    let refuse = |_: journal::Batch<'_>| Err(StartError::Exists { directory: directory.clone() });
    let mut journal = match Journal::open_on(disk, &journal_options(options), refuse) {
        Ok((journal, _)) => journal,
        Err(OpenError::Replay { .. }) => return Err(StartError::Exists { directory }),
        Err(error) => return Err(error.into()),
    };
    let command = Command::Genesis { operator, seed };
    let mut record = Vec::new();
    codec::encode(&Stamped { sequence: 1, time: (options.clock)(), sender: None, command }, &mut record);
    Ok(journal.append(1, 1, &record)?)
}

/// Recovers an exchange from its directory, and starts its threads.
///
/// # Errors
/// [`StartError`] if an option is out of its range, there is no exchange, or its journal is damaged, in use, of
/// another version, or not one of commands in order.
pub fn start(directory: &Path, options: &Options) -> Result<Exchange, StartError> {
    start_on(Arc::new(RealDisk::new(directory)), options)
}

/// The same on any disk.
///
/// # Errors
/// As [`start`].
pub fn start_on(disk: Arc<dyn Disk>, options: &Options) -> Result<Exchange, StartError> {
    start_with(disk, options, Core::new)
}

/// Starts what is an exchange but for the engine: every order is accepted and rests until it is cancelled, nothing is
/// checked or matched. To measure what everything else costs, in a directory that was set up just now and will not be
/// used again.
///
/// # Errors
/// As [`start`].
pub fn start_echo(directory: &Path, options: &Options) -> Result<Exchange, StartError> {
    // No replica would come to what an echo did.
    let options = Options { snapshots: None, ..*options };
    start_with(Arc::new(RealDisk::new(directory)), &options, Core::echoing)
}

/// Recovers an exchange from its directory, and starts nothing: whoever wants to takes the steps of its threads in
/// their place, in any order that these allow.
///
/// # Errors
/// As [`start`].
pub fn open_on(disk: Arc<dyn Disk>, options: &Options) -> Result<Steps, StartError> {
    open_with(disk, options, Core::new)
}

fn start_with(
    disk: Arc<dyn Disk>,
    options: &Options,
    core: fn(Engine) -> Core,
) -> Result<Exchange, StartError> {
    let Steps { recovery, entry, sequencing, writing, snapshotter } = open_with(disk, options, core)?;
    let started = run(sequencing, writing, snapshotter, options);
    let (outlets, handle) = started.map_err(StartError::Thread)?;
    Ok(Exchange { recovery, entry, outlets, handle })
}

fn open_with(disk: Arc<dyn Disk>, options: &Options, core: fn(Engine) -> Core) -> Result<Steps, StartError> {
    check(options)?;
    let directory = disk.location();
    if !holds_journal(&disk)? {
        return Err(StartError::NoExchange { directory });
    }
    let (journal, engine, recovery) = recover(Arc::clone(&disk), &journal_options(options))?;
    if recovery.sequence == 0 {
        return Err(StartError::NoExchange { directory });
    }
    check_batch(options, journal.max_batch())?;
    let Recovery { sequence, snapshot, commands, took, .. } = &recovery;
    tracing::info!(sequence, snapshot, commands, took = ?took.total, "recovered");
    let (entry, intake) = Entry::new(options.in_flight_orders, options.in_flight_cancels);
    let sequencing = Sequencing {
        core: core(engine),
        intake,
        batch_commands: options.batch_commands,
        inbound: Vec::new(),
        deferred: Vec::new(),
        room: Room::new(journal.space()),
        taken: Taken::default(),
        refused: Vec::new(),
    };
    let snapshots = |options| Snapshotter::new(disk, journal.sealed(), options);
    let snapshotter = options.snapshots.map(snapshots);
    let writing = Writing { journal, entry: entry.clone() };
    Ok(Steps { recovery, entry, sequencing, writing, snapshotter })
}

/// Starts the threads.
fn run(
    sequencing: Sequencing,
    writing: Writing,
    snapshotter: Option<Snapshotter>,
    options: &Options,
) -> io::Result<(Outlets, Handle)> {
    let shared = Arc::new(Shared::new(writing.entry.clone()));
    let (buffers_in, buffers) = bounded(BUFFERS);
    let (appends_in, appends) = bounded(BUFFERS);
    let (outcomes_in, outcomes) = bounded(BUFFERS);
    let (stop, stopped) = bounded(1);
    let (digest_in, digest) = bounded(1);
    let (summary_in, summary) = oneshot::channel();
    let (to_gateway, gateway) = outlet(options.outlet_commands);
    let (to_feed, feed) = outlet(options.outlet_commands);
    for _ in 0..BUFFERS {
        buffers_in.send(Vec::new()).expect("its receiver is at hand and has room");
    }
    let sequencer = Sequencer {
        steps: sequencing,
        clock: options.clock,
        stop: stopped,
        buffers,
        appends: appends_in,
        outcomes: outcomes_in,
        digest: digest_in,
        summary: summary_in,
        shared: Arc::clone(&shared),
    };
    let writer = Writer {
        steps: writing,
        buffers: buffers_in,
        appends,
        outcomes,
        outlets: [to_gateway, to_feed],
        keeper: snapshotter.map(Keeper::start).transpose()?,
        digest,
        shared: Arc::clone(&shared),
    };
    let threads = vec![
        spawn("journal", Arc::clone(&shared), || writer.run())?,
        spawn("sequencer", Arc::clone(&shared), || sequencer.run())?,
    ];
    Ok((Outlets { gateway, feed }, Handle { shared, stop, summary, threads }))
}

/// False if there is nothing to open. That it is in use is said before its snapshots are read; whatever else is wrong
/// is found out when it is opened.
fn holds_journal(disk: &Arc<dyn Disk>) -> Result<bool, StartError> {
    match Reader::open_on(Arc::clone(disk)) {
        Err(ReadError::NoJournal { .. }) => Ok(false),
        Err(ReadError::Io { source, .. }) => Ok(source.kind() != io::ErrorKind::NotFound),
        Err(error @ ReadError::InUse { .. }) => Err(OpenError::Read(error).into()),
        _ => Ok(true),
    }
}

fn check(options: &Options) -> Result<(), StartError> {
    let sizes = [
        ("in_flight_orders", size(options.in_flight_orders)),
        ("in_flight_cancels", size(options.in_flight_cancels)),
        ("batch_commands", options.batch_commands),
        ("outlet_commands", options.outlet_commands),
    ];
    if let Some((option, found)) = sizes.into_iter().find(|(_, found)| *found == 0) {
        return Err(StartError::Option { option, found, expected: "at least 1".to_owned() });
    }
    match options.snapshots {
        Some(SnapshotOptions { keep: found @ 0..2, .. }) => {
            Err(StartError::Option { option: "snapshots.keep", found, expected: "at least 2".to_owned() })
        }
        _ => Ok(()),
    }
}

/// The largest batch there can be must be one that the journal takes.
fn check_batch(options: &Options, max_bytes: usize) -> Result<(), StartError> {
    let in_flight = size(options.in_flight_orders).saturating_add(size(options.in_flight_cancels));
    let found = options.batch_commands.min(in_flight);
    let most = (max_bytes / RECORD_MAX).saturating_sub(BESIDE);
    if found <= most {
        return Ok(());
    }
    let expected = format!("at most {most}, as much as one batch of the journal holds");
    Err(StartError::Option { option: "batch_commands", found, expected })
}

fn size(commands: u32) -> usize {
    usize::try_from(commands).expect("usize has at least 32 bits where there is a file system")
}

fn journal_options(options: &Options) -> journal::Options {
    let Options { segment_bytes: segment_size, prepare_ahead, .. } = *options;
    journal::Options { segment_size, prepare_ahead, ..journal::Options::new(RULES_VERSION) }
}

/// The machine's clock, in nanoseconds since 1970.
fn system_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
