//! Messages in, reports out: the challenge's rules over one book.

use crate::ids::Ids;
use engine::{Book, Fill, Slab};
use types::Side;

/// The owner numbers of resting and of incoming orders: the challenge knows no owners, so they never meet.
const RESTING: u32 = 1;
const INCOMING: u32 = 0;

/// One book and the clients' ids of its orders.
#[derive(Debug)]
pub struct Desk {
    book: Book,
    slab: Slab,
    ids: Ids,
    fills: Vec<Fill>,
}

/// A new order, or what a modified one shall be.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The client's id.
    pub id: u64,
    /// The message's number, given back in its reports.
    pub sequence: u64,
    /// In ticks.
    pub price: i64,
    /// In units.
    pub quantity: u32,
    /// Buy or sell.
    pub side: Side,
}

/// What is told, in the layout of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Report {
    /// A [`ReportKind`].
    pub kind: u8,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// Zero.
    pub padding: [u8; 6],
    /// Of the message that made it.
    pub sequence: u64,
    /// The order it is about: for a trade the incoming one.
    pub order: u64,
    /// In ticks.
    pub price: i64,
    /// In units.
    pub quantity: u32,
    /// Zero.
    pub padding_too: u32,
    /// Of a trade.
    pub maker: u64,
    /// Of a trade.
    pub taker: u64,
    /// Zero.
    pub padding_end: u64,
}

/// What a report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReportKind {
    /// A new order was taken.
    Ack = 0,
    /// Units changed hands.
    Trade = 1,
    /// An order ended with units left.
    CancelAck = 2,
    /// An order was modified.
    ModifyAck = 3,
    /// There was nothing to cancel.
    CancelReject = 4,
    /// There was nothing to modify.
    ModifyReject = 5,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk::new()
    }
}

impl Desk {
    /// An empty book.
    #[must_use]
    pub fn new() -> Desk {
        Desk {
            book: Book::default(),
            slab: Slab::with_room(1 << 22),
            ids: Ids::new(),
            fills: Vec::with_capacity(1 << 10),
        }
    }

    /// A new order; `ioc` if nothing of it may rest. One under the id of a resting order ends at once.
    #[inline(always)]
    pub fn new_order(&mut self, order: Order, ioc: bool, push: &mut impl FnMut(Report)) {
        push(report(ReportKind::Ack, &order));
        if self.ids.is_live(order.id) || order.id == u64::MAX {
            push(report(ReportKind::CancelAck, &order));
            return;
        }
        let left = self.match_it(&order, push);
        if left > 0 {
            let rest = Order { quantity: left, ..order };
            if ioc {
                push(report(ReportKind::CancelAck, &rest));
            } else {
                self.rest(&rest);
            }
        }
    }

    /// Takes an order out.
    #[inline(always)]
    pub fn cancel(&mut self, id: u64, sequence: u64, push: &mut impl FnMut(Report)) {
        let Some(slot) = self.ids.find(&self.slab, id) else {
            push(Report { kind: ReportKind::CancelReject as u8, sequence, order: id, ..Report::default() });
            return;
        };
        let Some(node) = self.slab.peek(slot) else { return };
        let order = Order { id, sequence, price: node.price, quantity: node.left, side: node.side() };
        self.book.remove(&mut self.slab, slot);
        self.ids.remove(id);
        push(report(ReportKind::CancelAck, &order));
    }

    /// Takes an order out and puts it in again at the end of the queue of its new price.
    #[inline(always)]
    pub fn modify(&mut self, order: Order, push: &mut impl FnMut(Report)) {
        let Some(slot) = self.ids.find(&self.slab, order.id) else {
            push(report(ReportKind::ModifyReject, &order));
            return;
        };
        self.book.remove(&mut self.slab, slot);
        self.ids.remove(order.id);
        push(report(ReportKind::ModifyAck, &order));
        let left = self.match_it(&order, push);
        if left > 0 {
            self.rest(&Order { quantity: left, ..order });
        }
    }

    /// The best price of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<i64> {
        self.book.best(side)
    }

    /// The units at one price of a side.
    #[must_use]
    pub fn depth_at(&self, side: Side, price: i64) -> u64 {
        self.book.depth_at(&self.slab, side, price)
    }

    /// Matches an order and tells its trades; what is left of it.
    #[inline(always)]
    fn match_it(&mut self, order: &Order, push: &mut impl FnMut(Report)) -> u32 {
        let Order { side, price, quantity, .. } = *order;
        let taken = self.book.take(&mut self.slab, side, price, quantity, INCOMING, false, &mut self.fills);
        if taken.left == quantity {
            return quantity;
        }
        for &fill in &self.fills {
            let maker = fill.maker - 1;
            if fill.left == 0 {
                self.ids.remove(maker);
            }
            let trade = Order { price: fill.price, quantity: fill.units, ..*order };
            push(Report { maker, taker: order.id, ..report(ReportKind::Trade, &trade) });
        }
        self.fills.clear();
        taken.left
    }

    #[inline(always)]
    fn rest(&mut self, order: &Order) {
        let Order { id, side, price, quantity, .. } = *order;
        let slot = self.book.rest(&mut self.slab, id + 1, RESTING, side, price, quantity);
        self.ids.insert(&self.slab, id, slot);
    }
}

#[inline(always)]
fn report(kind: ReportKind, order: &Order) -> Report {
    Report {
        kind: kind as u8,
        side: order.side as u8,
        sequence: order.sequence,
        order: order.id,
        price: order.price,
        quantity: order.quantity,
        ..Report::default()
    }
}
