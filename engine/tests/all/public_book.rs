//! What anybody can rebuild from market events alone, and whether it is what the engine has.

use std::collections::BTreeMap;

use types::{
    ContractId, MarketBody, MarketEntry, MarketEvent, Phase, Sequence, Side, Stamped, StateEvent, Ticks,
};

/// All contracts as the public sees them.
#[derive(Default)]
pub(crate) struct PublicBooks {
    books: BTreeMap<ContractId, PublicBook>,
}

struct PublicBook {
    phase: Phase,
    last: Sequence,
    last_price: Ticks,
    /// In the order in which they went to the end of a queue.
    orders: Vec<MarketEntry>,
}

const NEW: PublicBook = PublicBook { phase: Phase::Continuous, last: 0, last_price: 0, orders: Vec::new() };

impl PublicBooks {
    /// Applies what came of one command.
    pub(crate) fn apply(&mut self, step: &Stamped, events: &[MarketEvent]) -> Result<(), String> {
        let mut before = BTreeMap::new();
        for event in events {
            let book = self.books.entry(event.contract).or_insert(NEW);
            let previous = *before.entry(event.contract).or_insert(book.last);
            if (event.previous, event.sequence, event.time) != (previous, step.sequence, step.time) {
                return Err(format!("{event:?} does not follow on command {previous}"));
            }
            book.last = event.sequence;
            book.change(event.body).map_err(|what| format!("{event:?}: {what}"))?;
        }
        for contract in before.into_keys() {
            let book = &self.books[&contract];
            book.check().map_err(|what| format!("{contract:?} after command {}: {what}", step.sequence))?;
            if book.phase == Phase::Settled {
                self.books.remove(&contract);
            }
        }
        Ok(())
    }

    /// Compares all books with the state the engine emitted.
    pub(crate) fn check(&self, state: &[StateEvent]) -> Result<(), String> {
        let untold = NEW;
        let mut orders: BTreeMap<ContractId, Vec<MarketEntry>> = BTreeMap::new();
        for event in state {
            match event {
                StateEvent::Order(order) => {
                    let (side, price, units) = (order.side, order.price, order.left);
                    let entry = MarketEntry { order: order.order, side, price, units };
                    orders.entry(order.contract).or_default().push(entry);
                }
                StateEvent::Contract { contract, phase, sequence, last_price } => {
                    let book = self.books.get(contract).unwrap_or(&untold);
                    if (book.phase, book.last, book.last_price) != (*phase, *sequence, *last_price) {
                        return Err(format!("{event:?} is not what was told in public"));
                    }
                }
                _ => {}
            }
        }
        for (contract, book) in &self.books {
            let resting = orders.remove(contract).unwrap_or_default();
            if book.sorted() != resting {
                return Err(format!(
                    "the public book of {contract:?} is {:?}, but there rest {resting:?}",
                    book.sorted()
                ));
            }
        }
        match orders.pop_first() {
            Some((contract, resting)) => Err(format!("nobody was told of {resting:?} in {contract:?}")),
            None => Ok(()),
        }
    }
}

impl PublicBook {
    fn change(&mut self, body: MarketBody) -> Result<(), String> {
        let (entry, is_trade) = match body {
            MarketBody::Phase(phase) => {
                self.phase = phase;
                return Ok(());
            }
            MarketBody::Add(entry) => {
                let is_new = entry.units > 0 && self.orders.iter().all(|order| order.order != entry.order);
                self.orders.push(entry);
                return if is_new { Ok(()) } else { Err("it is there already, or shows nothing".to_owned()) };
            }
            MarketBody::Reduce(entry) | MarketBody::Delete(entry) => (entry, false),
            MarketBody::Trade(entry) => (entry, true),
        };
        let at = self.orders.iter().position(|order| order.order == entry.order);
        let at = at.ok_or("no such order rests")?;
        let resting = self.orders[at];
        if (resting.side, resting.price) != (entry.side, entry.price) {
            return Err(format!("it rests as {resting:?}"));
        }
        let (is_right, left) = match body {
            MarketBody::Reduce(_) => (0 < entry.units && entry.units < resting.units, entry.units),
            MarketBody::Delete(_) => (entry.units == resting.units, 0),
            _ => (0 < entry.units, resting.units.checked_sub(entry.units).ok_or("more than it showed")?),
        };
        if !is_right {
            return Err(format!("it showed {} units", resting.units));
        }
        if is_trade {
            if self.phase != Phase::Continuous {
                return Err(format!("a trade while {:?}", self.phase));
            }
            self.last_price = entry.price;
        }
        if left == 0 {
            self.orders.remove(at);
        } else {
            self.orders[at].units = left;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let of_side = |side| self.orders.iter().filter(move |order| order.side == side);
        let bid = of_side(Side::Buy).map(|order| order.price).max();
        let ask = of_side(Side::Sell).map(|order| order.price).min();
        match self.phase {
            Phase::Continuous if bid.zip(ask).is_some_and(|(bid, ask)| bid >= ask) => {
                Err(format!("crossed at rest: {bid:?} and {ask:?}"))
            }
            Phase::InDelivery | Phase::Settled if !self.orders.is_empty() => {
                Err(format!("orders are left: {:?}", self.orders))
            }
            _ => Ok(()),
        }
    }

    /// Bids before asks, best price first, then first come.
    fn sorted(&self) -> Vec<MarketEntry> {
        let mut orders = self.orders.clone();
        orders.sort_by_key(|order| match order.side {
            Side::Buy => (Side::Buy, -order.price),
            Side::Sell => (Side::Sell, order.price),
        });
        orders
    }
}
