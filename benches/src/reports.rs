//! Where the contenders of a table push their reports: a ring of records of one cache line each.

use cuex_challenge::{Report, ReportKind};

/// How many reports a ring keeps that is only measured: few enough to stay in the second-level cache.
pub const RING: usize = 4_096;

/// A trade as contenders are compared by it: taker, maker, price, units.
pub type Trade = (u64, u64, i64, u32);

/// A ring of reports that nobody drains.
#[derive(Debug)]
pub struct Reports {
    records: Vec<Report>,
    pushed: usize,
}

impl Reports {
    /// A ring of so many records, a power of two.
    #[must_use]
    pub fn new(records: usize) -> Reports {
        Reports { records: vec![Report::default(); records.next_power_of_two()], pushed: 0 }
    }

    /// Pushes one report.
    #[inline]
    pub fn push(&mut self, report: Report) {
        let at = self.pushed & (self.records.len() - 1);
        self.records[at] = report;
        self.pushed += 1;
    }

    /// Pushes a report of something other than a trade.
    #[inline]
    pub fn tell(&mut self, kind: ReportKind, sequence: u64, order: u64, price: i64, quantity: u32) {
        let kind = kind as u8;
        self.push(Report { kind, sequence, order, price, quantity, ..Report::default() });
    }

    /// Pushes a trade.
    #[inline]
    pub fn trade(&mut self, sequence: u64, taker: u64, maker: u64, price: i64, quantity: u32) {
        let kind = ReportKind::Trade as u8;
        self.push(Report {
            kind,
            sequence,
            order: taker,
            price,
            quantity,
            maker,
            taker,
            ..Report::default()
        });
    }

    /// How many were pushed.
    #[must_use]
    pub fn pushed(&self) -> usize {
        self.pushed
    }

    /// The trades still in the ring, in order if it never went round.
    #[must_use]
    pub fn trades(&self) -> Vec<Trade> {
        let kept = self.pushed.min(self.records.len());
        let trades = self.records[..kept].iter().filter(|report| report.kind == ReportKind::Trade as u8);
        trades.map(|report| (report.taker, report.maker, report.price, report.quantity)).collect()
    }
}
