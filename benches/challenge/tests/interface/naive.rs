//! The challenge's rules as plain as can be: a list of orders in the order they came, and what it would report.

use crate::library::Ask;
use cuex_challenge::{Report, ReportKind};

/// A report without what only a client's own book-keeping needs: the message's number, the kind, the order it is
/// about, and of a trade its price, units and maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) sequence: u64,
    pub(crate) kind: u8,
    pub(crate) id: u64,
    pub(crate) trade: Option<(i64, u32, u64)>,
}

impl Told {
    pub(crate) fn of(report: &Report) -> Told {
        let is_trade = report.kind == ReportKind::Trade as u8;
        let trade = is_trade.then_some((report.price, report.quantity, report.maker));
        assert!(!is_trade || report.taker == report.order, "a trade is told of the incoming order");
        Told { sequence: report.sequence, kind: report.kind, id: report.order, trade }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) side: u8,
    pub(crate) price: i64,
    pub(crate) units: u32,
}

#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) orders: Vec<Order>,
    pub(crate) told: Vec<Told>,
    sequence: u64,
}

impl Naive {
    pub(crate) fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::New { id, side, price, units } => {
                self.tell(ReportKind::Ack, id);
                let units = self.take(Order { id, side, price, units });
                self.rest(Order { id, side, price, units });
            }
            Ask::Ioc { id, side, price, units } => {
                self.tell(ReportKind::Ack, id);
                if self.take(Order { id, side, price, units }) > 0 {
                    self.tell(ReportKind::CancelAck, id);
                }
            }
            Ask::Cancel { id } if self.remove(id) => self.tell(ReportKind::CancelAck, id),
            Ask::Cancel { id } => self.tell(ReportKind::CancelReject, id),
            Ask::Modify { id, side, price, units } if self.remove(id) => {
                self.tell(ReportKind::ModifyAck, id);
                let units = self.take(Order { id, side, price, units });
                self.rest(Order { id, side, price, units });
            }
            Ask::Modify { id, .. } => self.tell(ReportKind::ModifyReject, id),
        }
        self.sequence += 1;
    }

    fn tell(&mut self, kind: ReportKind, id: u64) {
        self.told.push(Told { sequence: self.sequence, kind: kind as u8, id, trade: None });
    }

    fn rest(&mut self, order: Order) {
        if order.units > 0 {
            self.orders.push(order);
        }
    }

    fn remove(&mut self, id: u64) -> bool {
        let before = self.orders.len();
        self.orders.retain(|order| order.id != id);
        self.orders.len() < before
    }

    fn take(&mut self, mut incoming: Order) -> u32 {
        let Order { id, side, price: limit, .. } = incoming;
        while incoming.units > 0 {
            let others = self.orders.iter().enumerate().filter(|(_, order)| order.side != side);
            let best =
                others.min_by_key(|(at, order)| (if side == 0 { order.price } else { !order.price }, *at));
            let Some((at, &Order { id: maker, price, units, .. })) = best else { break };
            if if side == 0 { price > limit } else { price < limit } {
                break;
            }
            let traded = incoming.units.min(units);
            let kind = ReportKind::Trade as u8;
            let trade = Some((price, traded, maker));
            self.told.push(Told { sequence: self.sequence, kind, id, trade });
            incoming.units -= traded;
            self.orders[at].units -= traded;
            if self.orders[at].units == 0 {
                self.orders.remove(at);
            }
        }
        incoming.units
    }

    pub(crate) fn best(&self) -> (i64, i64) {
        let bids = self.orders.iter().filter(|order| order.side == 0).map(|order| order.price);
        let asks = self.orders.iter().filter(|order| order.side == 1).map(|order| order.price);
        (bids.max().unwrap_or(i64::MIN), asks.min().unwrap_or(i64::MAX))
    }
}
