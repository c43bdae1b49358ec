//! An agent's own open orders, followed through its reports.

use rustc_hash::FxHashMap;
use types::{
    CancelReason, Command, ContractId, Lane, NewOrder, OrderId, OrderRef, RejectCode, Report, ReportBody,
    Side, SlotHint, Ticks, Units,
};

use super::Wish;

/// The open orders of one key; `T` is what the agent remembers with each. What has ended is forgotten.
#[derive(Debug)]
pub(crate) struct OwnOrders<T> {
    by_number: FxHashMap<u64, Own<T>>,
    numbers: FxHashMap<OrderId, u64>,
    /// Replaces and cancels without an outcome: by lane and own number, the number of the order they change.
    changes: FxHashMap<(Lane, u64), u64>,
}

/// One order without an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own<T> {
    pub(crate) tag: T,
    pub(crate) price: Ticks,
    /// Its total.
    pub(crate) units: Units,
    pub(crate) left: Units,
    /// How to name it; known once it is accepted.
    name: Option<(OrderId, SlotHint)>,
    /// True while a change of it is under way.
    changing: bool,
}

/// What a report means to the agent whose order it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News<T> {
    /// It was accepted or replaced.
    Taken {
        /// What the order is remembered by.
        tag: T,
    },
    /// Units of it traded.
    Filled {
        /// What the order is remembered by.
        tag: T,
        /// For what.
        contract: ContractId,
        /// Which way.
        side: Side,
        /// At which price.
        price: Ticks,
        /// How many units traded.
        units: Units,
        /// How many are left.
        left: Units,
    },
    /// It ended before it was filled.
    Cancelled {
        /// What the order is remembered by.
        tag: T,
        /// Why.
        reason: CancelReason,
    },
    /// The order, or a change of it, was not taken.
    Rejected {
        /// What the order is remembered by.
        tag: T,
        /// Why.
        code: RejectCode,
        /// True if there is an order still: only its change was rejected.
        open: bool,
    },
}

impl<T: Copy> OwnOrders<T> {
    /// The order a command of that number made, while it is open.
    pub(crate) fn get(&self, number: u64) -> Option<&Own<T>> {
        self.by_number.get(&number)
    }

    /// How many are open or under way.
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// A command of the agent was sent as this number.
    pub(crate) fn sent(&mut self, number: u64, wish: Wish<T>) {
        match wish.command {
            Command::NewOrder(NewOrder { price, units, .. }) => {
                let own = Own { tag: wish.tag, price, units, left: units, name: None, changing: false };
                self.by_number.insert(number, own);
            }
            Command::Replace { order, .. } => self.changing(Lane::Orders, number, order),
            Command::Cancel(order) => self.changing(Lane::Cancels, number, order),
            _ => {}
        }
    }

    /// Follows a report; `None` if it is about none of these orders.
    pub(crate) fn follow(&mut self, report: &Report) -> Option<News<T>> {
        match report.body {
            ReportBody::Accepted { order, slot, .. } => {
                let number = report.answers?.number;
                let own = self.by_number.get_mut(&number)?;
                own.name = Some((order, slot));
                self.numbers.insert(order, number);
                Some(News::Taken { tag: own.tag })
            }
            ReportBody::Replaced { order, slot, price, units, left, .. } => {
                self.changed(report);
                let own = self.by_number.get_mut(self.numbers.get(&order)?)?;
                (own.price, own.units, own.left, own.name) = (price, units, left, Some((order, slot)));
                Some(News::Taken { tag: own.tag })
            }
            ReportBody::Filled { order, contract, side, price, units, left, .. } => {
                let own = self.by_number.get_mut(self.numbers.get(&order)?)?;
                own.left = left;
                let tag = own.tag;
                if left == 0 {
                    self.forget(order);
                }
                Some(News::Filled { tag, contract, side, price, units, left })
            }
            ReportBody::Triggered { order, slot, .. } => {
                self.by_number.get_mut(self.numbers.get(&order)?)?.name = Some((order, slot));
                None
            }
            ReportBody::Cancelled { order, left: 0, reason, .. } => {
                self.changed(report);
                let tag = self.forget(order)?.tag;
                Some(News::Cancelled { tag, reason })
            }
            ReportBody::Cancelled { order, units, left, .. } => {
                let own = self.by_number.get_mut(self.numbers.get(&order)?)?;
                (own.units, own.left) = (own.units - units, left);
                None
            }
            ReportBody::Rejected { code, .. } => {
                let answers = report.answers?;
                self.not_taken(answers.lane, answers.number, code)
            }
            _ => None,
        }
    }

    /// The command of that number was rejected, or refused before it was taken.
    pub(crate) fn not_taken(&mut self, lane: Lane, number: u64, code: RejectCode) -> Option<News<T>> {
        if let Some(order) = self.changes.remove(&(lane, number)) {
            let own = self.by_number.get_mut(&order)?;
            own.changing = false;
            return Some(News::Rejected { tag: own.tag, code, open: true });
        }
        if lane == Lane::Cancels {
            return None;
        }
        let own = self.by_number.remove(&number)?;
        Some(News::Rejected { tag: own.tag, code, open: false })
    }

    fn changing(&mut self, lane: Lane, number: u64, order: OrderRef) {
        let order = match order {
            OrderRef::Id { order, .. } => self.numbers.get(&order).copied(),
            OrderRef::Number(number) => Some(number),
        };
        if let Some(order) = order
            && let Some(own) = self.by_number.get_mut(&order)
        {
            own.changing = true;
            self.changes.insert((lane, number), order);
        }
    }

    /// The change this report answers is done.
    fn changed(&mut self, report: &Report) {
        if let Some(answers) = report.answers
            && let Some(order) = self.changes.remove(&(answers.lane, answers.number))
            && let Some(own) = self.by_number.get_mut(&order)
        {
            own.changing = false;
        }
    }

    fn forget(&mut self, order: OrderId) -> Option<Own<T>> {
        self.by_number.remove(&self.numbers.remove(&order)?)
    }
}

impl<T> Own<T> {
    /// How to name the order in a change; `None` while it is not accepted or another change is under way.
    pub(crate) fn free(&self) -> Option<OrderRef> {
        let (order, slot) = self.name.filter(|_| !self.changing)?;
        Some(OrderRef::Id { order, slot })
    }
}

impl<T> Default for OwnOrders<T> {
    fn default() -> Self {
        Self { by_number: FxHashMap::default(), numbers: FxHashMap::default(), changes: FxHashMap::default() }
    }
}
