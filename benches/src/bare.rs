//! Floors: what no book that does the same work can beat on this machine.
//!
//! [`dispatch`] tells messages apart and pushes a report for each. [`Bare`] matches them in a slab and a dense
//! ladder with a bitmap, and does nothing else: no owners, no kinds of orders, no reports, no prices beyond its
//! ladder, no second form.

use crate::books::Command;
use crate::flow::{Kind, Message};
use crate::reports::Reports;
use cuex_challenge::ReportKind;
use types::Side;

/// Dispatch and push, nothing else.
#[inline(never)]
pub fn dispatch(messages: &[Message], reports: &mut Reports) {
    for (sequence, message) in messages.iter().enumerate() {
        let kind = match message.kind {
            Kind::New => ReportKind::Ack,
            Kind::Ioc => {
                reports.tell(ReportKind::Ack, sequence as u64, message.id, message.price, message.quantity);
                ReportKind::CancelAck
            }
            Kind::Cancel => ReportKind::CancelReject,
            Kind::Modify => ReportKind::ModifyAck,
        };
        reports.tell(kind, sequence as u64, message.id, message.price, message.quantity);
    }
}

/// How many ticks a ladder has.
const TICKS: usize = 1 << 18;
const NIL: u32 = u32::MAX;

/// A slab, a ladder a side, and nothing else.
#[derive(Debug)]
pub struct Bare {
    nodes: Vec<Node>,
    free: u32,
    halves: [Half; 2],
    /// The price that ladders count from.
    origin: i64,
    /// How many trades there were.
    pub trades: u64,
    /// How many units changed hands.
    pub units: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    id: u64,
    units: u32,
    next: u32,
    prev: u32,
    /// Its place in the ladder, and the side in the highest bit.
    at: u32,
}

const ASK: u32 = 1 << 31;

impl Bare {
    /// An empty book for prices from `origin` up to 2^18 ticks above.
    #[must_use]
    pub fn new(origin: i64) -> Bare {
        Bare {
            nodes: Vec::with_capacity(1 << 21),
            free: NIL,
            halves: Default::default(),
            origin,
            trades: 0,
            units: 0,
        }
    }

    /// Applies all commands.
    pub fn run(&mut self, commands: &[Command]) {
        for command in commands {
            self.apply(command);
        }
    }

    #[inline]
    fn apply(&mut self, command: &Command) {
        let Command { message, slot } = *command;
        match message.kind {
            Kind::New | Kind::Ioc => self.enter(&message),
            Kind::Cancel | Kind::Modify => {
                if self.nodes.get(slot as usize).is_none_or(|node| node.id != message.id) {
                    return;
                }
                self.cancel(slot);
                if message.kind == Kind::Modify {
                    self.enter(&message);
                }
            }
        }
    }

    #[inline]
    fn enter(&mut self, message: &Message) {
        let left = self.take(message);
        if left > 0 && message.kind != Kind::Ioc {
            self.rest(message, left);
        }
    }

    /// A place that rises towards the best price of a side.
    #[inline]
    fn place(&self, side: Side, price: i64) -> usize {
        let above = usize::try_from(price - self.origin).unwrap_or(0) & (TICKS - 1);
        if side == Side::Buy { above } else { TICKS - 1 - above }
    }

    #[inline]
    fn take(&mut self, message: &Message) -> u32 {
        let against = message.side.opposite();
        let worst = self.place(against, message.price);
        let mut left = message.quantity;
        while let Some(best) = self.halves[against as usize].best().filter(|&best| left > 0 && best >= worst)
        {
            let half = &mut self.halves[against as usize];
            let mut head = half.levels[best][0];
            while left > 0 && head != NIL {
                let node = &mut self.nodes[head as usize];
                let traded = left.min(node.units);
                left -= traded;
                node.units -= traded;
                self.trades += 1;
                self.units += u64::from(traded);
                if node.units > 0 {
                    break;
                }
                let next = node.next;
                (node.id, node.next) = (0, self.free);
                self.free = head;
                head = next;
            }
            if head == NIL {
                half.clear(best);
            } else {
                half.levels[best][0] = head;
                self.nodes[head as usize].prev = NIL;
            }
        }
        left
    }

    #[inline]
    fn rest(&mut self, message: &Message, units: u32) {
        let at = self.place(message.side, message.price);
        let ask = if message.side == Side::Sell { ASK } else { 0 };
        let place = u32::try_from(at).expect("less than 2^18") | ask;
        let mut node = Node { id: message.id, units, next: NIL, prev: NIL, at: place };
        let slot = self.free;
        let half = &mut self.halves[message.side as usize];
        let slot = if let Some(free) = self.nodes.get(slot as usize) {
            self.free = free.next;
            slot
        } else {
            self.nodes.push(node);
            u32::try_from(self.nodes.len() - 1).expect("few orders")
        };
        if half.has(at) {
            let tail = std::mem::replace(&mut half.levels[at][1], slot);
            node.prev = tail;
            self.nodes[tail as usize].next = slot;
        } else {
            half.levels[at] = [slot; 2];
            half.set(at);
        }
        self.nodes[slot as usize] = node;
    }

    #[inline]
    fn cancel(&mut self, slot: u32) {
        let free = std::mem::replace(&mut self.free, slot);
        let node = &mut self.nodes[slot as usize];
        let Node { next, prev, at, .. } = *node;
        (node.id, node.next) = (0, free);
        let half = &mut self.halves[usize::from(at & ASK != 0)];
        let at = (at & !ASK) as usize;
        match (prev, next) {
            (NIL, NIL) => return half.clear(at),
            (NIL, _) => half.levels[at][0] = next,
            _ => self.nodes[prev as usize].next = next,
        }
        if next == NIL {
            half.levels[at][1] = prev;
        } else {
            self.nodes[next as usize].prev = prev;
        }
    }
}

/// One side: the first and last order of each tick, and which ticks have any, in three layers.
#[derive(Debug)]
struct Half {
    levels: Vec<[u32; 2]>,
    low: Vec<u64>,
    mid: [u64; 64],
    top: u64,
}

impl Default for Half {
    fn default() -> Half {
        Half { levels: vec![[0; 2]; TICKS], low: vec![0; TICKS / 64], mid: [0; 64], top: 0 }
    }
}

impl Half {
    #[inline]
    fn best(&self) -> Option<usize> {
        let top = self.top.checked_ilog2()? as usize;
        let mid = top * 64 + self.mid[top].checked_ilog2()? as usize;
        Some(mid * 64 + self.low[mid].checked_ilog2()? as usize)
    }

    #[inline]
    fn has(&self, at: usize) -> bool {
        self.low[at / 64] >> (at % 64) & 1 != 0
    }

    #[inline]
    fn set(&mut self, at: usize) {
        self.low[at / 64] |= 1 << (at % 64);
        self.mid[at / 4_096] |= 1 << (at / 64 % 64);
        self.top |= 1 << (at / 4_096);
    }

    #[inline]
    fn clear(&mut self, at: usize) {
        self.low[at / 64] &= !(1 << (at % 64));
        if self.low[at / 64] == 0 {
            self.mid[at / 4_096] &= !(1 << (at / 64 % 64));
            if self.mid[at / 4_096] == 0 {
                self.top &= !(1 << (at / 4_096));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Books;
    use crate::flow::SCENARIOS;

    #[test]
    fn the_bare_floor_trades_what_the_book_trades() {
        for scenario in SCENARIOS {
            let messages = scenario.messages(5_000);
            let commands = Books::commands(1, &messages);
            let mut reports = Reports::new(messages.len() * 4);
            Books::new(1).run(&commands, false, &mut reports);
            let trades = reports.trades();
            let mut bare = Bare::new(0);
            bare.run(&commands);
            let units: u64 = trades.iter().map(|trade| u64::from(trade.3)).sum();
            assert!(units > 0);
            assert_eq!((bare.trades, bare.units), (trades.len() as u64, units), "{}", scenario.name);
        }
    }
}
