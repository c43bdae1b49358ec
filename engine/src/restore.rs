//! An engine out of its saved state: [`Engine::restore`], and [`Restorer`] for records that come one by one.
//!
//! Nothing is believed. Each record is checked against those before it, what is found again from the records must
//! be whole, and in the end the audit adds everything up and the digest is compared. So a state that was not saved by
//! an engine is refused, and an engine that comes out of one that was goes on as the one that was saved.

mod desk;
mod error;
mod orders;
mod pending;

pub use error::RestoreError;

use crate::audit::AuditError;
use crate::class_index::Traded;
use crate::contracts::SavedContract;
use crate::digest::Digest;
use crate::engine::{Engine, Stamp};
use crate::save::{Saved, SavedOrder};
use error::at_most;
use pending::Pending;
use types::SlotHint;

/// Sequences, counts of reports and of elections stay below this: no exchange gets there, and one more always fits.
const COUNT_MAX: u64 = 1 << 62;

/// Takes in a saved state record by record.
#[derive(Debug, Default)]
pub struct Restorer {
    engine: Engine,
    /// The kind of the last record; records come in the order of their kinds.
    kind: usize,
    /// What orders need to be put back is known only when all have come.
    orders: Vec<SavedOrder>,
    free: Vec<SlotHint>,
    pending: Pending,
}

/// The kinds of records, in their order, by the names that errors call them.
const KINDS: [&str; 22] = [
    "nothing",
    "the place",
    "a class",
    "an hour of an index",
    "a halt",
    "an account",
    "a key",
    "a currency",
    "cash",
    "a deposit of cash",
    "a contract",
    "a holding",
    "a deposit of capacity",
    "an order",
    "a free slot",
    "an election",
    "a turn of blocks",
    "a mass cancel",
    "a walk",
    "a walk of a halt",
    "an auction",
    "a closing or delivery",
];

impl Engine {
    /// Makes the engine again whose [`Engine::save`] put out `items`: it has the same digest, and answers every later
    /// command alike, slot hints included. `digest` is that of the engine that was saved; `None` if it followed other
    /// rules, under which a digest says nothing.
    ///
    /// # Errors
    /// [`RestoreError`] with what was expected if no engine is in this state.
    pub fn restore(
        items: impl IntoIterator<Item = Saved>,
        digest: Option<Digest>,
    ) -> Result<Engine, RestoreError> {
        let mut restorer = Restorer::default();
        items.into_iter().try_for_each(|item| restorer.add(item))?;
        restorer.finish(digest)
    }
}

impl Restorer {
    /// Takes in the next record.
    ///
    /// # Errors
    /// [`RestoreError`] if it is not one that could come next. The restorer is of no use then.
    pub fn add(&mut self, item: Saved) -> Result<(), RestoreError> {
        self.check_turn(&item)?;
        let engine = &mut self.engine;
        match item {
            Saved::Place { sequence, time, clock, batches, seed } => {
                at_most("sequence", sequence, COUNT_MAX)?;
                at_most("number of elections", batches, COUNT_MAX)?;
                at_most("clock", clock.0, time.0)?;
                engine.stamp = Stamp { sequence, time };
                engine.calendar.set_clock(clock);
                engine.stops.restore_batches(batches);
                engine.seed = seed;
                Ok(())
            }
            Saved::Class(class) => engine.restore_class(class),
            Saved::Traded { class, hour, units, ticks } => {
                engine.restore_traded(class, Traded { hour, units, ticks })
            }
            Saved::Halt(scope) => engine.restore_halt(scope),
            Saved::Account { account, reports } => engine.restore_account(account, reports),
            Saved::Key(key) => engine.restore_key(key),
            Saved::Currency { currency, deposited, fees } => {
                engine.restore_currency(self.pending.next_currency(), currency, deposited, fees)
            }
            Saved::Cash { account, currency, free, reserved } => {
                engine.restore_cash(account, currency, free, reserved)
            }
            Saved::CashDeposit { account, external, currency, amount } => {
                engine.restore_cash_deposit(account, external, currency, amount)
            }
            Saved::Contract {
                contract: id,
                phase,
                until,
                indicative,
                sequence,
                last_price,
                auction_price,
            } => {
                let last_event = sequence;
                let saved =
                    SavedContract { id, phase, until, indicative, last_event, last_price, auction_price };
                engine.restore_contract(&saved)
            }
            Saved::Holding { account, contract, free, reserved } => {
                engine.restore_holding(account, contract, free, reserved)
            }
            Saved::CapacityDeposit { contract, account, external, units } => {
                engine.restore_capacity_deposit(contract, account, external, units)
            }
            Saved::Order(order) => {
                self.orders.push(order);
                Ok(())
            }
            Saved::FreeSlot(slot) => {
                self.free.push(slot);
                Ok(())
            }
            // Pending work is put back once the orders are.
            _ => {
                self.pending.items.push(item);
                Ok(())
            }
        }
    }

    /// The engine, once all records have come.
    ///
    /// # Errors
    /// [`RestoreError`] if something is missing or does not fit together.
    pub fn finish(self, digest: Option<Digest>) -> Result<Engine, RestoreError> {
        let Restorer { mut engine, kind, orders, free, pending } = self;
        if kind == 0 {
            return Err(RestoreError::Turn { found: "the end", after: KINDS[0], expected: KINDS[1] });
        }
        pending.check_currencies(&engine)?;
        engine.restore_work(&pending.items)?;
        engine.restore_orders(&orders, &free)?;
        drop((orders, free));
        engine.restore_pending(&pending.items)?;
        engine.check_deposits()?;
        engine.audit()?;
        let Some(expected) = digest else { return Ok(engine) };
        let found = engine.digest();
        if found == expected { Ok(engine) } else { Err(RestoreError::Digest { found, expected }) }
    }

    /// Records come in the order of their kinds, and what there is but one of, once.
    fn check_turn(&mut self, item: &Saved) -> Result<(), RestoreError> {
        let (found, is_only_one) = match item {
            Saved::Place { .. } => (1, true),
            Saved::Class(_) => (2, false),
            Saved::Traded { .. } => (3, false),
            Saved::Halt(_) => (4, false),
            Saved::Account { .. } => (5, false),
            Saved::Key(_) => (6, false),
            Saved::Currency { .. } => (7, false),
            Saved::Cash { .. } => (8, false),
            Saved::CashDeposit { .. } => (9, false),
            Saved::Contract { .. } => (10, false),
            Saved::Holding { .. } => (11, false),
            Saved::CapacityDeposit { .. } => (12, false),
            Saved::Order(_) => (13, false),
            Saved::FreeSlot(_) => (14, false),
            Saved::Election { .. } => (15, false),
            Saved::Turn { .. } => (16, false),
            Saved::MassCancel { .. } | Saved::Disconnect { .. } | Saved::Kill { .. } => (17, false),
            Saved::Walk { .. } => (18, true),
            Saved::HaltWalk { .. } => (19, false),
            Saved::Weighing { .. } | Saved::Trading { .. } | Saved::Ending { .. } => (20, true),
            Saved::Closing(_) | Saved::Delivering(_) => (21, false),
        };
        let least = match self.kind {
            0 => 1,
            last if is_only_one => last + 1,
            last => last,
        };
        let fits = found >= least && (self.kind > 0 || found == 1);
        if !fits {
            let (found, after) = (KINDS[found], KINDS[self.kind]);
            let expected = KINDS.get(least).copied().unwrap_or("the end");
            return Err(RestoreError::Turn { found, after, expected });
        }
        self.kind = found;
        Ok(())
    }
}

impl From<AuditError> for RestoreError {
    fn from(error: AuditError) -> RestoreError {
        RestoreError::Audit(Box::new(error))
    }
}
