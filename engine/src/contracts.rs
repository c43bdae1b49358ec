//! Touched contracts: the book of each, its phase, and who holds units of it.

mod saved;

pub(crate) use saved::SavedContract;

use crate::book::Book;
use crate::classes::Classes;
use crate::engine::Stamp;
use crate::slab::NIL;
use crate::stops::NO_STOP;
use std::collections::BTreeSet;
use std::ops::Bound;
use types::{Class, ContractId, MarketBody, MarketEvent, Output, Phase, Sequence, Ticks, Timestamp};

#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) id: ContractId,
    pub(crate) phase: Phase,
    /// When it stops trading.
    pub(crate) gate: Timestamp,
    /// Before this stamp it takes plain orders and matches them: its gate while it is continuous, 0 in other phases.
    pub(crate) plain_until: Timestamp,
    /// When its phase ends, if not at the gate or after it: of a call, unless its auction is being worked out.
    pub(crate) until: Timestamp,
    /// When its indicative price is told next; the latest moment there is if nothing has changed.
    pub(crate) indicative: Timestamp,
    pub(crate) book: Book,
    /// The last command that changed the public book, and the one before it; 0 if there was none.
    pub(crate) last_event: Sequence,
    previous_event: Sequence,
    /// The last trade's price; 0 before the first.
    pub(crate) last_price: Ticks,
    /// The price of the last auction in which something traded; 0 before the first.
    pub(crate) auction_price: Ticks,
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
    ids: BTreeSet<ContractId>,
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
        let gate = classes.of(id).class.gate(id);
        let contract = Contract {
            id,
            phase: Phase::Continuous,
            gate,
            plain_until: gate,
            until: Timestamp::MAX,
            indicative: Timestamp::MAX,
            book: Book::default(),
            last_event: 0,
            previous_event: 0,
            last_price: 0,
            auction_price: 0,
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
        self.ids.insert(id);
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
        let id = self.at(at).id;
        classes.set_place(id, None);
        self.ids.remove(&id);
        self.records[at as usize] = None;
        self.free.push(at);
    }

    /// The first of them from there on, in the order of their ids.
    pub(crate) fn next(&self, from: Bound<ContractId>) -> Option<ContractId> {
        self.ids.range((from, Bound::Unbounded)).next().copied()
    }

    /// All touched contracts in the order of their ids.
    pub(crate) fn sorted(&self) -> Vec<&Contract> {
        let mut all: Vec<&Contract> = self.records.iter().flatten().collect();
        all.sort_by_key(|contract| contract.id);
        all
    }
}

impl Contract {
    /// Lets it be in a phase that lasts until then, if not another comes first.
    pub(crate) fn set_phase(&mut self, phase: Phase, until: Timestamp) {
        (self.phase, self.until) = (phase, until);
        self.plain_until = if phase == Phase::Continuous { self.gate } else { Timestamp(0) };
    }

    /// When its phase ends.
    pub(crate) fn deadline(&self, class: &Class) -> Timestamp {
        match self.phase {
            Phase::PreOpen | Phase::Auction | Phase::Continuous | Phase::Halted => self.gate.min(self.until),
            Phase::Closed => self.id.start().starts(),
            Phase::InDelivery | Phase::Settled => class.end(self.id),
        }
    }

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
