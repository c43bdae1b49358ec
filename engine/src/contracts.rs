//! Touched contracts: the book of each, its phase, and who holds units of it.

mod saved;

use crate::book::Book;
use crate::classes::Classes;
use crate::engine::Stamp;
use crate::slab::NIL;
use crate::stops::NO_STOP;
use types::{ContractId, MarketBody, MarketEvent, Output, Phase, Sequence, Ticks, Timestamp};

#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) id: ContractId,
    pub(crate) phase: Phase,
    /// When it stops trading.
    pub(crate) gate: Timestamp,
    pub(crate) book: Book,
    /// The last command that changed the public book, and the one before it; 0 if there was none.
    pub(crate) last_event: Sequence,
    previous_event: Sequence,
    /// The last trade's price; 0 before the first.
    pub(crate) last_price: Ticks,
    /// How near the market is to its sleeping stops: the first of each side's, see [`crate::stops::rank`].
    pub(crate) first_stops: [i64; 2],
    /// All units deposited and not yet delivered; bounds every holding, so none can overflow.
    pub(crate) deposited: u32,
    /// The first of its holdings, a list threaded through [`crate::holdings::Holdings`]; `NIL` if none.
    pub(crate) holders: u32,
}

/// All touched contracts that are not settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contracts {
    records: Vec<Option<Contract>>,
    free: Vec<u32>,
}

impl Contracts {
    /// Where the contract lies, if it has been touched.
    #[inline(always)]
    pub(crate) fn find(&self, classes: &Classes, id: ContractId) -> Option<u32> {
        classes.place(id).filter(|&at| self.at(at).id == id)
    }

    /// Puts a contract into the calendar that is not there. `None` if an older contract, still being settled, is
    /// in its place.
    #[cold]
    pub(crate) fn add(&mut self, classes: &mut Classes, id: ContractId) -> Option<u32> {
        if classes.place(id).is_some() {
            return None;
        }
        let contract = Contract {
            id,
            phase: Phase::Continuous,
            gate: classes.of(id).class.gate(id),
            book: Book::default(),
            last_event: 0,
            previous_event: 0,
            last_price: 0,
            first_stops: [NO_STOP; 2],
            deposited: 0,
            holders: NIL,
        };
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.records.push(None);
                u32::try_from(self.records.len() - 1)
                    .expect("there are fewer places in all calendars than 2^32")
            }
        };
        self.records[at as usize] = Some(contract);
        classes.set_place(id, Some(at));
        Some(at)
    }

    /// The contract at a place that state names.
    #[inline(always)]
    pub(crate) fn at(&self, at: u32) -> &Contract {
        self.records[at as usize].as_ref().expect("only touched contracts are named by state")
    }

    #[inline(always)]
    pub(crate) fn at_mut(&mut self, at: u32) -> &mut Contract {
        self.records[at as usize].as_mut().expect("only touched contracts are named by state")
    }

    /// Forgets a settled contract.
    pub(crate) fn forget(&mut self, classes: &mut Classes, at: u32) {
        classes.set_place(self.at(at).id, None);
        self.records[at as usize] = None;
        self.free.push(at);
    }

    /// All touched contracts in the order of their ids.
    pub(crate) fn sorted(&self) -> Vec<&Contract> {
        let mut all: Vec<&Contract> = self.records.iter().flatten().collect();
        all.sort_by_key(|contract| contract.id);
        all
    }
}

impl Contract {
    /// Puts out a market event of this contract with its place in the contract's chain of sequences.
    #[inline(always)]
    pub(crate) fn tell(&mut self, stamp: Stamp, body: MarketBody, out: &mut Output) {
        let Stamp { sequence, time } = stamp;
        if self.last_event != sequence {
            (self.previous_event, self.last_event) = (self.last_event, sequence);
        }
        out.events.push(MarketEvent {
            contract: self.id,
            previous: self.previous_event,
            sequence,
            time,
            body,
        });
    }
}
