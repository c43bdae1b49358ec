//! The market as everybody sees it: a book, the last trades and the volume of every contract in which something
//! has happened, kept from market events.

use crate::index::Indices;
use crate::windows::{Slot, Windows};
use protocol::PublicBook;
use protocol::market_data::{Index, TradePrint, Window};
use protocol::public_book::{BookError, Indicative};
use protocol::symbol::ContractSymbol;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use types::{
    BlockEntry, Class, ClassNo, ContractId, Hour, MarketBody, MarketEntry, MarketEvent, OpenOrder, OrderId,
    Phase, Scope, Sequence, Side, StateEvent, Ticks, Timestamp,
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
    /// What is halted beyond single contracts: all, or classes.
    halts: FxHashSet<Scope>,
    indices: Indices,
    windows: Windows,
    /// By the number of the class: rises whenever its resting blocks or its told windows are others.
    class_changes: Vec<u64>,
    trades: u64,
    ranking_changes: u64,
}

/// One contract in which something has happened and whose slot is not over.
#[derive(Debug)]
pub(crate) struct Contract {
    /// Its symbol.
    pub(crate) symbol: Arc<str>,
    /// Its resting orders and blocks, its phase, its last prices, and the command it is at.
    pub(crate) book: PublicBook,
    /// When the last command that changed it was stamped; 0 if that was before the feed was started.
    pub(crate) time: Timestamp,
    /// How many commands have changed it since the feed was started.
    pub(crate) changes: usize,
    /// Units traded since then, in blocks too.
    pub(crate) volume: u64,
    /// The last trades, oldest first, at most [`TRADES_KEPT`].
    pub(crate) trades: VecDeque<TradePrint>,
}

/// What is told of the market calmly: what changed of it since it was told last.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The indices.
    pub(crate) indices: Vec<Index>,
    /// The standard windows.
    pub(crate) windows: Vec<Window>,
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
                StateEvent::Contract { contract, phase, sequence, last_price, auction_price }
                    if sequence > 0 =>
                {
                    let book = PublicBook::at(sequence, phase, last_price);
                    market.add(contract)?.book = book.with_auction(auction_price, Indicative::default());
                }
                StateEvent::Order(ref order) => market.restore(order)?,
                StateEvent::Halt { scope, on } => market.halt(scope, on),
                StateEvent::Traded { class, hour, units, ticks } => {
                    market.indices.restore(class, hour, units, ticks);
                }
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
        self.indices.list(&class);
        self.windows.list();
        self.class_changes.push(0);
        Ok(())
    }

    /// Takes in that everything or a class is halted, or no longer.
    pub(crate) fn halt(&mut self, scope: Scope, on: bool) {
        if on {
            self.halts.insert(scope);
        } else {
            self.halts.remove(&scope);
        }
    }

    /// Touches the orders that these events are about, so that the memory brings them all at once and not one by one.
    pub(crate) fn look_ahead(&self, events: &[MarketEvent]) {
        let shown = |event: &MarketEvent| {
            let entry = match &event.body {
                MarketBody::Add(entry)
                | MarketBody::Reduce(entry)
                | MarketBody::Delete(entry)
                | MarketBody::Trade(entry) => entry,
                _ => return None,
            };
            self.contracts.get(&event.contract)?.book.shown(entry.order)
        };
        std::hint::black_box(events.iter().filter_map(shown).fold(0, |all, units| all ^ units));
    }

    /// Takes in events of one contract and one command; true if the best bid or ask is another then.
    ///
    /// # Errors
    /// [`MarketError`] if they do not fit; the market is not to be shown any more.
    pub(crate) fn apply(&mut self, group: &[MarketEvent]) -> Result<bool, MarketError> {
        let Some(&MarketEvent { contract: id, sequence, time, .. }) = group.first() else { return Ok(false) };
        if !self.contracts.contains_key(&id) {
            self.add(id)?;
        }
        let Some(contract) = self.contracts.get_mut(&id) else { return Err(MarketError::UnknownClass(id)) };
        contract.changes += 1;
        contract.time = time;
        let (best, phase) = (contract.best(), contract.book.phase());
        for event in group {
            let wrong = |source| MarketError::Event { sequence, contract: id, source };
            contract.book.follow(event).map_err(wrong)?;
            if let Some(print) = TradePrint::of(event) {
                contract.print(print);
                self.indices.print(&print);
                self.trades += 1;
                self.ranking_changes += 1;
            }
            if matches!(event.body, MarketBody::Block(_)) {
                rise(&mut self.class_changes, id.class());
            }
        }
        let wrong = |source| MarketError::Event { sequence, contract: id, source };
        contract.book.check_whole().map_err(wrong)?;
        let top_changed = contract.best() != best;
        if top_changed || contract.book.phase() != phase {
            self.windows.touch(id.class());
        }
        Ok(top_changed)
    }

    /// What has changed of the indices and the standard windows since this was asked last, as it is after the command
    /// `sequence` at `time`. Of windows only a few classes at a time.
    pub(crate) fn summarize(&mut self, sequence: Sequence, time: Timestamp) -> Summary {
        let (contracts, order) = (&self.contracts, &self.order);
        let slots = |class: &Class, next: ContractId| {
            let all = order.range(next..=ContractId::new(class.no, Hour(u32::MAX)));
            let of_each = all.filter_map(|id| Some((id, contracts.get(id)?)));
            let trade = of_each.filter(|(_, contract)| contract.book.phase() == Phase::Continuous);
            trade.map(|(id, contract)| contract.slot(*id)).collect()
        };
        let windows = self.windows.news(&self.classes, sequence, time, slots);
        windows.iter().for_each(|window| rise(&mut self.class_changes, window.class));
        Summary { indices: self.indices.news(sequence, time), windows }
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

    /// The indices as they were told last.
    pub(crate) fn indices(&self) -> impl Iterator<Item = &Index> {
        self.indices.told()
    }

    /// The standard windows of a class that can be had, as they were told last.
    pub(crate) fn windows(&self, no: ClassNo) -> impl Iterator<Item = &Window> {
        self.windows.told(no)
    }

    /// The resting blocks of a class with the contracts of their first slots, by those, and of each in priority order.
    pub(crate) fn blocks(&self, no: ClassNo) -> impl Iterator<Item = (ContractId, &BlockEntry)> {
        let all = self.order.range(ContractId::new(no, Hour(0))..=ContractId::new(no, Hour(u32::MAX)));
        let of_each = all.filter_map(|id| Some((*id, self.contracts.get(id)?)));
        of_each.flat_map(|(id, contract)| contract.book.blocks().map(move |block| (id, block)))
    }

    /// Rises whenever what [`Market::blocks`] or [`Market::windows`] give for a class is something else.
    pub(crate) fn class_changes(&self, no: ClassNo) -> u64 {
        self.class_changes.get(usize::from(no.0)).copied().unwrap_or(0)
    }

    /// What a contract is doing in which nothing has happened yet and whose gate is to come, by the calendar. An auction
    /// may end a little later, at a moment that nobody knows before.
    pub(crate) fn untouched_phase(&self, class: &Class, id: ContractId, now: Timestamp) -> Phase {
        if self.halts.contains(&Scope::All) || self.halts.contains(&Scope::Class(class.no)) {
            Phase::Halted
        } else if class.spec.opening_minutes == 0 || now >= class.opening_until(id) {
            Phase::Continuous
        } else if now < class.opening_from(id) {
            Phase::PreOpen
        } else {
            Phase::Auction
        }
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

    /// Puts what everybody sees of an order into its book: of a stop that sleeps nothing, of an iceberg its clip, of a
    /// block all that is left.
    fn restore(&mut self, open: &OpenOrder) -> Result<(), MarketError> {
        let Some(body) = shown(open) else { return Ok(()) };
        let (order, id) = (open.order, open.terms.contract);
        let untouched = MarketError::Untouched { contract: id, order };
        let book = &mut self.contracts.get_mut(&id).ok_or(untouched)?.book;
        let wrong = |source| MarketError::Event { sequence: order, contract: id, source };
        book.apply(&body).map_err(wrong)
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

    /// The best bid and the best ask: price and all units at it.
    pub(crate) fn best(&self) -> [Option<(Ticks, u64)>; 2] {
        [Side::Buy, Side::Sell].map(|side| self.book.best(side).map(|level| (level.price, level.units)))
    }

    fn slot(&self, contract: ContractId) -> Slot {
        let [bid, ask] = self.best();
        Slot { contract, bid, ask }
    }

    fn print(&mut self, trade: TradePrint) {
        if self.trades.len() == TRADES_KEPT {
            self.trades.pop_front();
        }
        self.volume += u64::from(trade.units);
        self.trades.push_back(trade);
    }
}

fn rise(changes: &mut [u64], no: ClassNo) {
    if let Some(changes) = changes.get_mut(usize::from(no.0)) {
        *changes += 1;
    }
}

/// What everybody sees of an open order; `None` for nothing.
fn shown(open: &OpenOrder) -> Option<MarketBody> {
    let (order, terms) = (open.order, &open.terms);
    let (side, price) = (terms.side, terms.price);
    if !terms.is_block() {
        let units = open.shown;
        return (units > 0).then_some(MarketBody::Add(MarketEntry { order, side, price, units }));
    }
    Some(MarketBody::Block(BlockEntry {
        order,
        side,
        price,
        slots: terms.slots,
        units: open.left,
        min_units: terms.min_units,
        same_provider: terms.same_provider,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{AccountId, ClassSpec, KeyNo, NewOrder};

    fn contract_state(contract: ContractId, sequence: Sequence) -> StateEvent {
        StateEvent::Contract { contract, phase: Phase::Continuous, sequence, last_price: 7, auction_price: 5 }
    }

    #[test]
    fn a_recovered_book_shows_what_everybody_saw() {
        let contract = ContractId::new(ClassNo(0), Hour(498_710));
        let open = |order, shown, contract| {
            let terms = NewOrder { shown: 40, ..NewOrder::limit(contract, Side::Sell, 400, 20_000) };
            let (account, key) = (AccountId(2), KeyNo(2));
            StateEvent::Order(OpenOrder { account, order, slot: 1, key, number: 1, terms, left: 390, shown })
        };
        let untouched = ContractId::new(ClassNo(0), Hour(498_711));
        let terms = NewOrder { min_units: 4, ..NewOrder::block(contract, 8, Side::Buy, 16, 19_000) };
        let StateEvent::Order(other) = open(9, 0, contract) else { panic!() };
        let block = StateEvent::Order(OpenOrder { terms, left: 12, ..other });
        let market = Market::from_state(&[
            StateEvent::Class(Class { no: ClassNo(0), spec: ClassSpec::example() }),
            contract_state(contract, 9),
            open(8, 30, contract),
            open(7, 0, contract),
            block,
            contract_state(untouched, 0),
            open(6, 0, untouched),
        ])
        .unwrap();
        let orders: Vec<MarketEntry> = market.contract(contract).unwrap().book.orders().collect();
        assert_eq!(orders, [MarketEntry { order: 8, side: Side::Sell, price: 20_000, units: 30 }]);
        let book = &market.contract(contract).unwrap().book;
        let terms = BlockEntry {
            order: 9,
            side: Side::Buy,
            price: 19_000,
            slots: 8,
            units: 12,
            min_units: 4,
            same_provider: false,
        };
        assert!(book.blocks().eq([&terms]));
        assert_eq!((book.last_price(), book.auction_price()), (7, 5));
        assert_eq!(market.blocks(ClassNo(0)).next(), Some((contract, &terms)));
        assert!(market.contract(untouched).is_none(), "a stop that sleeps there is nobody's business");
    }
}
