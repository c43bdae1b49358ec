//! The orders of one book in their queues. An order's entry says which level it is in, so what happens to it costs one
//! look-up by id and never a search by price; the tree of prices is asked when a level comes or goes, or an order comes.

use super::Level;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry as Slot;
use std::iter::successors;
use types::{MarketEntry, OrderId, Side, Ticks, Units};

/// No order, or no level: the end of a queue or of what is free.
const NONE: u32 = u32::MAX;

/// See the head of this file. A level is there while an order is in it.
#[derive(Clone, Debug)]
pub(super) struct Queues {
    /// Where in `orders` each order is.
    places: FxHashMap<OrderId, u32>,
    /// The entries of the orders and, linked by `next`, those that are free.
    orders: Vec<Order>,
    /// The same of the levels, linked by `first`.
    levels: Vec<Queue>,
    free_order: u32,
    free_level: u32,
    /// Of bids and asks: where the level of each price is. Keys are negated prices for bids, so that the best comes first.
    prices: [BTreeMap<i64, u32>; 2],
    /// Of bids and asks: where the best level is.
    best: [u32; 2],
}

/// An order in its queue.
#[derive(Clone, Copy, Debug)]
struct Order {
    id: OrderId,
    units: Units,
    level: u32,
    previous: u32,
    next: u32,
}

/// A level and its queue, first come first.
#[derive(Clone, Copy, Debug)]
struct Queue {
    level: Level,
    side: Side,
    first: u32,
    last: u32,
}

/// Why an order cannot be changed as an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It is not there.
    Unknown,
    /// It is on another side or at another price.
    Place,
    /// It shows so many units, with which the event does not go.
    Units(Units),
}

impl Queues {
    /// How many orders there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// True if the order is there.
    pub(super) fn contains(&self, order: OrderId) -> bool {
        self.places.contains_key(&order)
    }

    /// What an order shows, if it is there.
    pub(super) fn shown(&self, order: OrderId) -> Option<Units> {
        Some(self.order(*self.places.get(&order)?).units)
    }

    /// The best level of a side.
    pub(super) fn best(&self, side: Side) -> Option<Level> {
        Some(self.levels.get(index(self.best[half(side)]))?.level)
    }

    /// The levels of a side, best first.
    pub(super) fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.prices[half(side)].values().map(|level| self.queue(*level).level)
    }

    /// The orders of a side, by level and then first come.
    pub(super) fn orders(&self, side: Side) -> impl Iterator<Item = MarketEntry> + '_ {
        self.prices[half(side)].values().flat_map(move |level| {
            let queue = self.queue(*level);
            let price = queue.level.price;
            let orders =
                successors(self.orders.get(index(queue.first)), |order| self.orders.get(index(order.next)));
            orders.map(move |order| MarketEntry { order: order.id, side, price, units: order.units })
        })
    }

    /// Adds an order at the end of its level; false if it is there already. `units` and `price` are at least 1.
    pub(super) fn add(&mut self, entry: &MarketEntry) -> bool {
        let MarketEntry { order: id, side, price, units } = *entry;
        let Slot::Vacant(vacant) = self.places.entry(id) else { return false };
        let order = Order { id, units, level: NONE, previous: NONE, next: NONE };
        let place = take_free(&mut self.orders, &mut self.free_order, order, |free| free.next);
        vacant.insert(place);
        let level = self.level_at(side, price);
        let queue = &mut self.levels[index(level)];
        queue.level.units += u64::from(units);
        queue.level.orders += 1;
        let previous = std::mem::replace(&mut queue.last, place);
        match self.orders.get_mut(index(previous)) {
            Some(previous) => previous.next = place,
            None => queue.first = place,
        }
        let order = &mut self.orders[index(place)];
        (order.level, order.previous) = (level, previous);
        true
    }

    /// Brings an order down to what `left_of` makes of the units it shows; at none it is out.
    ///
    /// # Errors
    /// [`Misfit`] if it is not there, on that side and at that price, or if `left_of` gives nothing.
    pub(super) fn change(
        &mut self,
        entry: &MarketEntry,
        left_of: impl Fn(Units) -> Option<Units>,
    ) -> Result<(), Misfit> {
        let Slot::Occupied(there) = self.places.entry(entry.order) else { return Err(Misfit::Unknown) };
        let place = *there.get();
        let order = &mut self.orders[index(place)];
        let queue = &mut self.levels[index(order.level)];
        if (queue.side, queue.level.price) != (entry.side, entry.price) {
            return Err(Misfit::Place);
        }
        let left = left_of(order.units).ok_or(Misfit::Units(order.units))?;
        queue.level.units -= u64::from(order.units - left);
        order.units = left;
        if left == 0 {
            there.remove();
            self.take_out(place);
        }
        Ok(())
    }

    /// Takes an order that shows nothing any more out of its queue, and the level with the last of them.
    fn take_out(&mut self, place: u32) {
        let Order { level, previous, next, .. } = *self.order(place);
        let queue = &mut self.levels[index(level)];
        match self.orders.get_mut(index(previous)) {
            Some(previous) => previous.next = next,
            None => queue.first = next,
        }
        match self.orders.get_mut(index(next)) {
            Some(next) => next.previous = previous,
            None => queue.last = previous,
        }
        self.orders[index(place)].next = std::mem::replace(&mut self.free_order, place);
        queue.level.orders -= 1;
        if queue.level.orders == 0 {
            self.drop_level(level);
        }
    }

    /// The level of this price; a new one if there is none.
    fn level_at(&mut self, side: Side, price: Ticks) -> u32 {
        let (half, key) = (half(side), key_of(side, price));
        if let Some(level) = self.prices[half].get(&key) {
            return *level;
        }
        let queue = Queue { level: Level { price, units: 0, orders: 0 }, side, first: NONE, last: NONE };
        let level = take_free(&mut self.levels, &mut self.free_level, queue, |free| free.first);
        self.prices[half].insert(key, level);
        self.find_best(half);
        level
    }

    fn drop_level(&mut self, level: u32) {
        let Queue { side, level: Level { price, .. }, .. } = *self.queue(level);
        self.prices[half(side)].remove(&key_of(side, price));
        self.levels[index(level)].first = std::mem::replace(&mut self.free_level, level);
        self.find_best(half(side));
    }

    fn find_best(&mut self, half: usize) {
        self.best[half] = self.prices[half].first_key_value().map_or(NONE, |(_, level)| *level);
    }

    fn order(&self, place: u32) -> &Order {
        &self.orders[index(place)]
    }

    fn queue(&self, level: u32) -> &Queue {
        &self.levels[index(level)]
    }
}

impl Default for Queues {
    fn default() -> Queues {
        Queues {
            places: FxHashMap::default(),
            orders: Vec::new(),
            levels: Vec::new(),
            free_order: NONE,
            free_level: NONE,
            prices: [BTreeMap::new(), BTreeMap::new()],
            best: [NONE, NONE],
        }
    }
}

/// The price as a key: the better first.
pub(super) fn key_of(side: Side, price: Ticks) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

/// Puts `value` where something is free, or at the end, and says where; `next_free` says what is free after an entry.
fn take_free<T>(all: &mut Vec<T>, free: &mut u32, value: T, next_free: impl Fn(&T) -> u32) -> u32 {
    let place = *free;
    if let Some(entry) = all.get_mut(index(place)) {
        *free = next_free(entry);
        *entry = value;
        return place;
    }
    all.push(value);
    u32::try_from(all.len() - 1).expect("a book of four billion orders does not fit in memory")
}

fn half(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

/// Of [`NONE`] a place at which nothing is.
fn index(place: u32) -> usize {
    usize::try_from(place).expect("u32 fits in usize here")
}
