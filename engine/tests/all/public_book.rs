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
    /// Best price first, at one price in the order in which they went to the end of the queue.
    bids: Vec<MarketEntry>,
    asks: Vec<MarketEntry>,
}

const NEW: PublicBook =
    PublicBook { phase: Phase::Continuous, last: 0, last_price: 0, bids: Vec::new(), asks: Vec::new() };

impl PublicBooks {
    /// Applies what came of one command.
    pub(crate) fn apply(&mut self, step: &Stamped, events: &[MarketEvent]) -> Result<(), String> {
        for (at, event) in events.iter().enumerate() {
            let book = self.books.entry(event.contract).or_insert(NEW);
            let told = events[..at].iter().find(|before| before.contract == event.contract);
            let previous = told.map_or(book.last, |first| first.previous);
            if (event.previous, event.sequence, event.time) != (previous, step.sequence, step.time) {
                return Err(format!("{event:?} does not follow on command {previous}"));
            }
            book.last = event.sequence;
            book.change(event.body).map_err(|what| format!("{event:?}: {what}"))?;
        }
        for event in events {
            let Some(book) = self.books.get(&event.contract) else { continue };
            book.check().map_err(|what| format!("{event:?}: {what}"))?;
            if book.phase == Phase::Settled {
                self.books.remove(&event.contract);
            }
        }
        Ok(())
    }

    /// Compares all books with the state the engine emitted.
    pub(crate) fn check(&self, state: &[StateEvent]) -> Result<(), String> {
        let untold = NEW;
        for event in state {
            if let StateEvent::Contract { contract, phase, sequence, last_price, .. } = event {
                let book = self.books.get(contract).unwrap_or(&untold);
                if (book.phase, book.last, book.last_price) != (*phase, *sequence, *last_price) {
                    return Err(format!("{event:?} is not what was told in public"));
                }
            }
        }
        let shown = state.iter().filter_map(|event| match event {
            StateEvent::Order(order) if order.shown > 0 => {
                let (side, price, units) = (order.terms.side, order.terms.price, order.shown);
                Some((order.terms.contract, MarketEntry { order: order.order, side, price, units }))
            }
            _ => None,
        });
        let told = self
            .books
            .iter()
            .flat_map(|(contract, book)| book.bids.iter().chain(&book.asks).map(|entry| (*contract, *entry)));
        if told.clone().eq(shown.clone()) {
            return Ok(());
        }
        let differs = told.clone().zip(shown.clone()).find(|(told, shown)| told != shown);
        let (told, shown) = (told.count(), shown.count());
        Err(format!("the public was told of {told} orders, and {shown} are shown; at first {differs:?}"))
    }
}

impl PublicBook {
    fn change(&mut self, body: MarketBody) -> Result<(), String> {
        let entry = match body {
            MarketBody::Phase(phase) => {
                self.phase = phase;
                return Ok(());
            }
            MarketBody::AuctionTrade { price, .. } if self.phase == Phase::Auction => {
                self.last_price = price;
                return Ok(());
            }
            MarketBody::Indicative { .. } if self.phase == Phase::Auction => return Ok(()),
            MarketBody::AuctionTrade { .. } | MarketBody::Indicative { .. } => {
                return Err(format!("it is {:?}", self.phase));
            }
            MarketBody::BlockPrint { .. } | MarketBody::Block(_) => return Ok(()),
            MarketBody::Add(entry)
            | MarketBody::Reduce(entry)
            | MarketBody::Delete(entry)
            | MarketBody::Trade(entry)
            | MarketBody::BlockTrade(entry) => entry,
        };
        let orders = if entry.side == Side::Buy { &mut self.bids } else { &mut self.asks };
        let at = orders.iter().position(|order| order.order == entry.order);
        if let MarketBody::Add(_) = body {
            if at.is_some() || entry.units == 0 {
                return Err("it is there already, or shows nothing".to_owned());
            }
            let is_before = |order: &MarketEntry| match entry.side {
                Side::Buy => order.price >= entry.price,
                Side::Sell => order.price <= entry.price,
            };
            orders.insert(orders.partition_point(is_before), entry);
            return Ok(());
        }
        let at = at.ok_or("no such order rests")?;
        let resting = orders[at];
        if resting.price != entry.price {
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
        if let MarketBody::Trade(_) = body {
            if self.phase != Phase::Continuous {
                return Err(format!("a trade while {:?}", self.phase));
            }
            if at != 0 {
                return Err(format!("a trade before {:?}", orders[0]));
            }
            self.last_price = entry.price;
        }
        if left == 0 {
            orders.remove(at);
        } else {
            orders[at].units = left;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let best = (self.bids.first().map(|bid| bid.price), self.asks.first().map(|ask| ask.price));
        match (self.phase, best) {
            (Phase::Continuous, (Some(bid), Some(ask))) if bid >= ask => {
                Err(format!("crossed at rest: {bid} and {ask}"))
            }
            (Phase::InDelivery | Phase::Settled, best) if best != (None, None) => {
                Err(format!("orders are left: {:?} and {:?}", self.bids, self.asks))
            }
            _ => Ok(()),
        }
    }
}
