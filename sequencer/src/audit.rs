//! What was done with an operator's rights: every such act in a stopped exchange's journal, with its outcome, which
//! an engine beside it finds out.

use crate::recover::load;
use crate::replay::Order;
use crate::verify::VerifyError;
use engine::{Engine, RULES_VERSION};
use journal::{Checkpoint, Disk, Reader, RealDisk, Snapshots};
use std::path::Path;
use std::sync::Arc;
use types::{
    Account, AccountId, Command, Key, KeyNo, Output, RejectCode, ReportBody, Sequence, Stamped, StateEvent,
    Timestamp,
};

/// All privileged acts, and who is who.
#[derive(Clone, Debug)]
pub struct Audit {
    /// In the order in which they were sequenced.
    pub acts: Vec<Act>,
    /// All accounts, by id.
    pub accounts: Vec<Account>,
    /// All keys, by number.
    pub keys: Vec<Key>,
    /// The first sequence that was looked at: what came before is no longer in the journal.
    pub first_sequence: Sequence,
}

/// A privileged act: what takes an operator's right, whoever tried it; a key's rotation; and the genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its place in the total order.
    pub sequence: Sequence,
    /// When it was sequenced.
    pub time: Timestamp,
    /// Which key asked for it; `None`: it is the genesis.
    pub key: Option<KeyNo>,
    /// What was asked, the reason in it.
    pub command: Command,
    /// What came of it.
    pub outcome: ActOutcome,
}

/// What came of a privileged act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActOutcome {
    /// It was done: the report that said so, or none of the genesis.
    Done(Option<ReportBody>),
    /// It changed nothing.
    Refused(RejectCode, i64),
    /// The state before it is not known: its part of the journal lies before the oldest good snapshot.
    Unknown,
}

impl Audit {
    /// The account with this id.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// The key with this number.
    #[must_use]
    pub fn key(&self, no: KeyNo) -> Option<&Key> {
        self.keys.iter().find(|key| key.no == no)
    }
}

/// Lists the privileged acts in a stopped exchange's journal. Nothing is written.
///
/// # Errors
/// [`VerifyError`] if the journal is damaged, in use, of another version, or not one of commands in order.
pub fn audit(directory: &Path) -> Result<Audit, VerifyError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory));
    let mut reader = Reader::open_on(Arc::clone(&disk))?;
    let summary = reader.summary();
    let (first_sequence, rules) = (summary.first_sequence, summary.rules_version);
    let mut start = match rules == RULES_VERSION && summary.from_genesis {
        true => None,
        false => Some(oldest_good(&Snapshots::new(disk), first_sequence)?),
    };
    let mut follower = Follower::default();
    let before = reader.summary().checkpoint();
    if let Some((engine, _)) = start.take_if(|(_, place)| *place == before) {
        follower.engine = engine;
    }
    let mut order = Order::from(first_sequence);
    let mut commands = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        let last = batch.first_sequence + u64::from(batch.count) - 1;
        if batch.rules_version == RULES_VERSION {
            order.read(&batch, &mut commands)?;
            let is_known = start.is_none();
            commands.drain(..).for_each(|stamped| follower.take(&stamped, is_known));
        } else {
            order = Order::from(last + 1);
        }
        let here = Checkpoint { sequence: last, head: batch.hash };
        if let Some((engine, _)) = start.take_if(|(_, place)| *place == here) {
            follower.engine = engine;
        }
    }
    match start {
        None => Ok(follower.finish(first_sequence)),
        // It is a snapshot of another journal, or the journal has lost its end.
        Some(_) => Err(VerifyError::NoStart { first: first_sequence }),
    }
}

/// An engine made of the oldest good snapshot, and the place in the journal after which it goes on.
fn oldest_good(snapshots: &Snapshots, first: Sequence) -> Result<(Engine, Checkpoint), VerifyError> {
    let mut sequences = snapshots.list().map_err(VerifyError::List)?;
    sequences.sort_unstable();
    let mut good = sequences.into_iter().filter_map(|sequence| load(snapshots, sequence).ok());
    let (replica, info, _) = good.next().ok_or(VerifyError::NoStart { first })?;
    Ok((replica.engine, info.checkpoint))
}

/// The engine beside the journal.
#[derive(Default)]
struct Follower {
    engine: Engine,
    output: Output,
    acts: Vec<Act>,
}

impl Follower {
    /// Notes the command if it is a privileged act, and applies it if the state before it is known.
    fn take(&mut self, stamped: &Stamped, is_known: bool) {
        self.output.clear();
        if is_known {
            self.engine.apply(stamped, &mut self.output);
        }
        if is_privileged(&stamped.command) {
            let outcome = if is_known { self.outcome(stamped) } else { ActOutcome::Unknown };
            let Stamped { sequence, time, sender, command } = stamped.clone();
            let key = sender.map(|sender| sender.key);
            self.acts.push(Act { sequence, time, key, command, outcome });
        }
    }

    /// What the sender was told first.
    fn outcome(&self, stamped: &Stamped) -> ActOutcome {
        let Some(sender) = stamped.sender else { return ActOutcome::Done(None) };
        let told = self.output.reports.iter().find(|report| report.answers == Some(sender));
        match told.map(|report| report.body) {
            Some(ReportBody::Rejected { code, value }) => ActOutcome::Refused(code, value),
            Some(done) => ActOutcome::Done(Some(done)),
            // A key that was never registered is told nothing.
            None => ActOutcome::Refused(RejectCode::UnknownKey, 0),
        }
    }

    fn finish(self, first_sequence: Sequence) -> Audit {
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        let (mut accounts, mut keys) = (Vec::new(), Vec::new());
        for event in state {
            match event {
                StateEvent::Account(account) => accounts.push(account),
                StateEvent::Key(key) => keys.push(key),
                _ => {}
            }
        }
        Audit { acts: self.acts, accounts, keys, first_sequence }
    }
}

fn is_privileged(command: &Command) -> bool {
    match command {
        Command::Genesis { .. }
        | Command::DefineClass { .. }
        | Command::OpenAccount { .. }
        | Command::RegisterKey { .. }
        | Command::RevokeKey { .. }
        | Command::RotateKey { .. }
        | Command::SetLimits { .. }
        | Command::SetKillSwitch { .. }
        | Command::Halt { .. }
        | Command::Resume { .. }
        | Command::DepositCash { .. } => true,
        Command::Clock
        | Command::Continue
        | Command::Disconnected { .. }
        | Command::DepositCapacity { .. }
        | Command::NewOrder(_)
        | Command::Cancel(_)
        | Command::Replace { .. }
        | Command::MassCancel(_)
        | Command::CancelOnDisconnect { .. } => false,
    }
}
