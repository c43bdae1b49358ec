//! Setting up and starting: [`init`] makes the directory of a new exchange, [`start`] brings one to life.

use crate::codec::{self, RECORD_MAX};
use crate::core::Core;
use crate::entry::{Entry, Intake};
use crate::handle::{Handle, Shared, spawn};
use crate::recover::{Recovery, Replay};
use crate::thread::{Released, Sequencer, Writer};
use crossbeam::channel::bounded;
use engine::{Engine, RULES_VERSION};
use journal::{AppendError, Disk, Journal, OpenError, ReadError, Reader, RealDisk};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use types::{Command, PublicKey, Stamped, Timestamp};

/// The sequencer's own commands in one batch, at most: a clock and a continue.
const OWN_COMMANDS: usize = 2;

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
    pub gateway: mpsc::Receiver<Arc<Released>>,
    /// For the market events.
    pub feed: mpsc::Receiver<Arc<Released>>,
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
    /// A batch that holds so many commands is closed, at least 1. Smaller batches overlap better, larger ones take
    /// fewer syncs.
    pub batch_commands: usize,
    /// How many batches an outlet holds before it holds up the exchange, at least 1.
    pub outlet_batches: usize,
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
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes: 64 << 20,
            in_flight_orders: 8_192,
            in_flight_cancels: 1_024,
            batch_commands: 4_096,
            outlet_batches: 64,
            clock: system_clock,
        }
    }
}

/// Makes the directory of a new exchange: its first command opens account 1, `operator`, with this key.
///
/// # Errors
/// [`StartError::Exists`] if there is one already; what else can go wrong with a directory.
pub fn init(directory: &Path, options: &Options, operator: PublicKey) -> Result<(), StartError> {
    let disk = RealDisk::new(directory);
    disk.create_directory().map_err(|source| OpenError::Write { file: disk.location(), source })?;
    init_on(Arc::new(disk), options, operator)
}

/// The same on any disk.
///
/// # Errors
/// As [`init`].
pub fn init_on(disk: Arc<dyn Disk>, options: &Options, operator: PublicKey) -> Result<(), StartError> {
    let directory = disk.location();
    // A directory without a single record is that of an init that did not get to its end.
    let refuse = |_: journal::Batch<'_>| Err(StartError::Exists { directory: directory.clone() });
    let mut journal = match Journal::open_on(disk, &journal_options(options), refuse) {
        Ok((journal, _)) => journal,
        Err(OpenError::Replay { .. }) => return Err(StartError::Exists { directory }),
        Err(error) => return Err(error.into()),
    };
    let command = Command::Genesis { operator };
    let mut record = Vec::new();
    codec::encode(&Stamped { sequence: 1, time: (options.clock)(), sender: None, command }, &mut record);
    Ok(journal.append(1, 1, &record)?)
}

/// Opens and replays the directory of an exchange, and starts its two threads.
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
    start_with(Arc::new(RealDisk::new(directory)), options, Core::echoing)
}

fn start_with(
    disk: Arc<dyn Disk>,
    options: &Options,
    core: fn(Engine) -> Core,
) -> Result<Exchange, StartError> {
    check(options)?;
    let directory = disk.location();
    if !holds_journal(&disk) {
        return Err(StartError::NoExchange { directory });
    }
    let started = Instant::now();
    let mut replay = Replay::default();
    let (journal, found) = Journal::open_on(disk, &journal_options(options), |batch| replay.batch(&batch))?;
    if found.records == 0 {
        return Err(StartError::NoExchange { directory });
    }
    check_batch(options, journal.max_batch())?;
    let (engine, recovery) = replay.finish(found.torn_tail, started.elapsed());
    tracing::info!(sequence = recovery.sequence, commands = recovery.commands, took = ?recovery.took, "recovered");
    let (entry, intake) = Entry::new(options.in_flight_orders, options.in_flight_cancels);
    let (outlets, handle) =
        run(journal, core(engine), options, entry.clone(), intake).map_err(StartError::Thread)?;
    Ok(Exchange { recovery, entry, outlets, handle })
}

/// Starts the threads.
fn run(
    journal: Journal,
    core: Core,
    options: &Options,
    entry: Entry,
    intake: Intake,
) -> io::Result<(Outlets, Handle)> {
    let shared = Arc::new(Shared::new(entry));
    let (buffers_in, buffers) = bounded(BUFFERS);
    let (appends_in, appends) = bounded(BUFFERS);
    let (outputs_in, outputs) = bounded(BUFFERS);
    let (stop, stopped) = bounded(1);
    let (summary_in, summary) = oneshot::channel();
    let (to_gateway, gateway) = mpsc::channel(options.outlet_batches);
    let (to_feed, feed) = mpsc::channel(options.outlet_batches);
    for _ in 0..BUFFERS {
        buffers_in.send(Vec::new()).expect("its receiver is at hand and has room");
    }
    let sequencer = Sequencer {
        core,
        intake,
        clock: options.clock,
        batch_commands: options.batch_commands,
        stop: stopped,
        buffers,
        appends: appends_in,
        outputs: outputs_in,
        summary: summary_in,
        shared: Arc::clone(&shared),
    };
    let writer = Writer {
        journal,
        buffers: buffers_in,
        appends,
        outputs,
        outlets: [to_gateway, to_feed],
        shared: Arc::clone(&shared),
    };
    let threads = vec![
        spawn("journal", Arc::clone(&shared), || writer.run())?,
        spawn("sequencer", Arc::clone(&shared), || sequencer.run())?,
    ];
    Ok((Outlets { gateway, feed }, Handle { shared, stop, summary, threads }))
}

/// False if there is nothing to open; whatever else is wrong is found out when it is opened.
fn holds_journal(disk: &Arc<dyn Disk>) -> bool {
    match Reader::open_on(Arc::clone(disk)) {
        Err(ReadError::NoJournal { .. }) => false,
        Err(ReadError::Io { source, .. }) => source.kind() != io::ErrorKind::NotFound,
        _ => true,
    }
}

fn check(options: &Options) -> Result<(), StartError> {
    let sizes = [
        ("in_flight_orders", size(options.in_flight_orders)),
        ("in_flight_cancels", size(options.in_flight_cancels)),
        ("batch_commands", options.batch_commands),
        ("outlet_batches", options.outlet_batches),
    ];
    match sizes.into_iter().find(|(_, found)| *found == 0) {
        None => Ok(()),
        Some((option, found)) => Err(StartError::Option { option, found, expected: "at least 1".to_owned() }),
    }
}

/// Whatever is in flight must fit in one batch, as there is no other bound to a batch: chunks go in whole.
fn check_batch(options: &Options, max_bytes: usize) -> Result<(), StartError> {
    let found = size(options.in_flight_orders).saturating_add(size(options.in_flight_cancels));
    let most = (max_bytes / RECORD_MAX).saturating_sub(OWN_COMMANDS);
    if found <= most {
        return Ok(());
    }
    let expected = format!("at most {most} in all, as much as one batch of the journal holds");
    Err(StartError::Option { option: "in_flight_orders and in_flight_cancels", found, expected })
}

fn size(commands: u32) -> usize {
    usize::try_from(commands).expect("usize has at least 32 bits where there is a file system")
}

fn journal_options(options: &Options) -> journal::Options {
    journal::Options { segment_size: options.segment_bytes, ..journal::Options::new(RULES_VERSION) }
}

/// The machine's clock, in nanoseconds since 1970.
fn system_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
