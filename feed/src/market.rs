//! The market as everybody sees it: a book, the last trades and the volume of every contract in which something
//! has happened, kept from market events.

use protocol::PublicBook;
use protocol::public_book::BookError;
use protocol::symbol::ContractSymbol;
use rustc_hash::FxHashMap;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use types::{
    Class, ClassNo, ContractId, MarketBody, MarketEntry, MarketEvent, NewOrder, OpenOrder, OrderId, Sequence,
    Side, StateEvent, Timestamp,
};

/// How many of a contract's last trades are kept.
pub(crate) const TRADES_KEPT: usize = 50;

/// The public market.
#[derive(Debug, Default)]
pub(crate) struct Market {
    classes: Vec<Class>,
    contracts: FxHashMap<ContractId, Contract>,
    /// The keys of `contracts`, rising, so that a class's contracts lie together.
    order: BTreeSet<ContractId>,
    trades: u64,
    ranking_changes: u64,
}

/// One contract in which something has happened and whose slot is not over.
#[derive(Debug)]
pub(crate) struct Contract {
    /// Its symbol.
    pub(crate) symbol: Arc<str>,
    /// Its resting orders, its phase, its last price, and the command it is at.
    pub(crate) book: PublicBook,
    /// When the last command that changed it was stamped; 0 if that was before the feed was started.
    pub(crate) time: Timestamp,
    /// How many commands have changed it since the feed was started.
    pub(crate) changes: usize,
    /// Units traded since then.
    pub(crate) volume: u64,
    /// The last trades, oldest first, at most [`TRADES_KEPT`].
    pub(crate) trades: VecDeque<Trade>,
}

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trade {
    /// The command that brought it about.
    pub(crate) sequence: Sequence,
    /// That command's stamp.
    pub(crate) time: Timestamp,
    /// The resting order, with the price and the units that traded.
    pub(crate) maker: MarketEntry,
}

/// What was put in does not fit what came before: the feed's market is wrong, and nothing may be shown of it any
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    /// An event that the book cannot take.
    #[error("what command {sequence} did does not go with contract {}: {source}", contract.0)]
    Event {
        /// Which command.
        sequence: Sequence,
        /// Which contract.
        contract: ContractId,
        /// Why not.
        source: BookError,
    },
    /// An order of a contract in which nothing has happened.
    #[error("order {order} rests in contract {}, which nobody has touched", contract.0)]
    Untouched {
        /// Which contract.
        contract: ContractId,
        /// Which order.
        order: OrderId,
    },
    /// A contract of a class that is not listed.
    #[error("contract {} is of a class that is not listed", .0.0)]
    UnknownClass(ContractId),
    /// A class that is not the next by number.
    #[error("class {} is listed, but the next would be {next}", no.0)]
    ClassOrder {
        /// Its number.
        no: ClassNo,
        /// How many there are already.
        next: usize,
    },
}

impl Market {
    /// The market as the engine's emitted state has it.
    ///
    /// # Errors
    /// [`MarketError`] if the state contradicts itself.
    pub(crate) fn from_state(state: &[StateEvent]) -> Result<Market, MarketError> {
        let mut market = Market::default();
        for event in state {
            match *event {
                StateEvent::Class(class) => market.list(class)?,
                // Touched by a deposit only, of which the public has seen nothing, if its sequence is 0.
                StateEvent::Contract { contract, phase, sequence, last_price } if sequence > 0 => {
                    market.add(contract)?.book = PublicBook::at(sequence, phase, last_price);
                }
                StateEvent::Order(ref order) => market.restore(order)?,
                _ => {}
            }
        }
        Ok(market)
    }

    /// Takes in a listed class, the next by number.
    ///
    /// # Errors
    /// [`MarketError::ClassOrder`] if it is another.
    pub(crate) fn list(&mut self, class: Class) -> Result<(), MarketError> {
        let next = self.classes.len();
        if usize::from(class.no.0) != next {
            return Err(MarketError::ClassOrder { no: class.no, next });
        }
        self.classes.push(class);
        Ok(())
    }

    /// Takes in events of one contract and one command.
    ///
    /// # Errors
    /// [`MarketError`] if they do not fit; the market is not to be shown any more.
    pub(crate) fn apply(&mut self, group: &[MarketEvent]) -> Result<(), MarketError> {
        let Some(&MarketEvent { contract: id, sequence, time, .. }) = group.first() else { return Ok(()) };
        if !self.contracts.contains_key(&id) {
            self.add(id)?;
        }
        let Some(contract) = self.contracts.get_mut(&id) else { return Err(MarketError::UnknownClass(id)) };
        contract.changes += 1;
        contract.time = time;
        for event in group {
            let wrong = |source| MarketError::Event { sequence, contract: id, source };
            contract.book.follow(event).map_err(wrong)?;
            if let MarketBody::Trade(maker) = event.body {
                contract.print(Trade { sequence, time: event.time, maker });
                self.trades += 1;
                self.ranking_changes += 1;
            }
        }
        Ok(())
    }

    /// Forgets a contract whose slot is over.
    pub(crate) fn remove(&mut self, id: ContractId) {
        if self.contracts.remove(&id).is_some() {
            self.order.remove(&id);
            self.ranking_changes += 1;
        }
    }

    /// The listed classes, by number.
    pub(crate) fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// A class by its number.
    pub(crate) fn class(&self, no: ClassNo) -> Option<&Class> {
        self.classes.get(usize::from(no.0))
    }

    /// A contract in which something has happened.
    pub(crate) fn contract(&self, id: ContractId) -> Option<&Contract> {
        self.contracts.get(&id)
    }

    /// The first such contract from `from` to `to`, both included.
    pub(crate) fn first_in(&self, from: ContractId, to: ContractId) -> Option<ContractId> {
        if from > to { None } else { self.order.range(from..=to).next().copied() }
    }

    /// All such contracts, in no order.
    pub(crate) fn contracts(&self) -> impl ExactSizeIterator<Item = (ContractId, &Contract)> {
        self.contracts.iter().map(|(id, contract)| (*id, contract))
    }

    /// Trades since the feed was started.
    pub(crate) fn trades(&self) -> u64 {
        self.trades
    }

    /// Rises whenever the order of the contracts by activity may have changed: with trades, new contracts, and
    /// contracts that go.
    pub(crate) fn ranking_changes(&self) -> u64 {
        self.ranking_changes
    }

    /// Puts what everybody sees of an order into its book: of a stop that sleeps nothing, of an iceberg its clip.
    fn restore(&mut self, open: &OpenOrder) -> Result<(), MarketError> {
        let OpenOrder { order, shown: units, terms: NewOrder { contract: id, side, price, .. }, .. } = *open;
        if units == 0 {
            return Ok(());
        }
        let entry = MarketEntry { order, side, price, units };
        let untouched = MarketError::Untouched { contract: id, order };
        let book = &mut self.contracts.get_mut(&id).ok_or(untouched)?.book;
        let wrong = |source| MarketError::Event { sequence: order, contract: id, source };
        book.apply(&MarketBody::Add(entry)).map_err(wrong)
    }

    fn add(&mut self, id: ContractId) -> Result<&mut Contract, MarketError> {
        let class = self.class(id.class()).ok_or(MarketError::UnknownClass(id))?;
        let symbol = ContractSymbol::of(class, id).to_string().into();
        self.order.insert(id);
        self.ranking_changes += 1;
        Ok(self.contracts.entry(id).or_insert(Contract::new(symbol)))
    }
}

impl Contract {
    fn new(symbol: Arc<str>) -> Contract {
        Contract {
            symbol,
            book: PublicBook::new(),
            time: Timestamp(0),
            changes: 0,
            volume: 0,
            trades: VecDeque::new(),
        }
    }

    fn print(&mut self, trade: Trade) {
        if self.trades.len() == TRADES_KEPT {
            self.trades.pop_front();
        }
        self.volume += u64::from(trade.maker.units);
        self.trades.push_back(trade);
    }
}

impl Trade {
    /// Who came in and took what was resting.
    pub(crate) fn taker(&self) -> Side {
        self.maker.side.opposite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{AccountId, ClassSpec, Hour, KeyNo, Phase};

    #[test]
    fn a_recovered_book_shows_what_everybody_saw() {
        let contract = ContractId::new(ClassNo(0), Hour(498_710));
        let open = |order, shown, contract| {
            let terms = NewOrder { shown: 40, ..NewOrder::limit(contract, Side::Sell, 400, 20_000) };
            let (account, key) = (AccountId(2), KeyNo(2));
            StateEvent::Order(OpenOrder { account, order, slot: 1, key, number: 1, terms, left: 390, shown })
        };
        let untouched = ContractId::new(ClassNo(0), Hour(498_711));
        let market = Market::from_state(&[
            StateEvent::Class(Class { no: ClassNo(0), spec: ClassSpec::example() }),
            StateEvent::Contract { contract, phase: Phase::Continuous, sequence: 9, last_price: 0 },
            open(8, 30, contract),
            open(7, 0, contract),
            StateEvent::Contract {
                contract: untouched,
                phase: Phase::Continuous,
                sequence: 0,
                last_price: 0,
            },
            open(6, 0, untouched),
        ])
        .unwrap();
        let orders: Vec<MarketEntry> = market.contract(contract).unwrap().book.orders().collect();
        assert_eq!(orders, [MarketEntry { order: 8, side: Side::Sell, price: 20_000, units: 30 }]);
        assert!(market.contract(untouched).is_none(), "a stop that sleeps there is nobody's business");
    }
}
