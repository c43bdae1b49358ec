//! What random streams came upon, so that a test can say what they must come upon.

use types::{CancelReason, Command, MarketBody, Output, Phase, RejectCode, ReportBody, Stamped};

use super::reference::{Reference, Work};

/// Something that can come up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Thing {
    Refused(RejectCode),
    Ended(CancelReason),
    /// Self-trade prevention took a part of an order.
    Decremented,
    Phase(Phase),
    Accepted,
    Triggered,
    Filled,
    Replaced {
        kept_priority: bool,
    },
    MassCancelDone,
    Deposited,
    Settled,
    Desk,
    /// An iceberg showed its next clip.
    Refilled,
    /// A stop woke another, and that a third.
    Cascade,
    /// A command brought about more work than it may do.
    LeftOver(Work),
    /// A continue command did some of that.
    GoneOnWith(Work),
}

/// What was met, and how often.
#[derive(Debug, Default)]
pub(crate) struct Met {
    things: Vec<(Thing, u64)>,
    left_over: Option<Work>,
}

impl Met {
    /// Counts what came of a command.
    pub(crate) fn count(&mut self, step: &Stamped, out: &Output, after: &Reference) {
        for report in &out.reports {
            self.add(named(&report.body));
        }
        for (at, event) in out.events.iter().enumerate() {
            match event.body {
                MarketBody::Phase(phase) => self.add(Thing::Phase(phase)),
                MarketBody::Add(entry) => {
                    let before = at.checked_sub(1).map(|before| out.events[before].body);
                    if matches!(before, Some(MarketBody::Trade(trade)) if trade.order == entry.order) {
                        self.add(Thing::Refilled);
                    }
                }
                _ => {}
            }
        }
        if after.cascade >= 3 {
            self.add(Thing::Cascade);
        }
        let is_own = step.sender.is_none() && step.command == Command::Continue;
        match self.left_over {
            Some(work) if is_own && !out.is_empty() => self.add(Thing::GoneOnWith(work)),
            _ => {}
        }
        self.left_over = after.left_over();
        if let Some(work) = self.left_over {
            self.add(Thing::LeftOver(work));
        }
    }

    /// A new stream begins.
    pub(crate) fn begin(&mut self) {
        self.left_over = None;
    }

    /// Fails if one of them was not met.
    pub(crate) fn assert_all(&self, things: &[Thing]) {
        let is_missing = |thing: &&Thing| self.things.iter().all(|(met, _)| met != *thing);
        let missing: Vec<_> = things.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "no stream came upon {missing:?}, only upon {:?}", self.things);
    }

    fn add(&mut self, thing: Thing) {
        match self.things.iter_mut().find(|(met, _)| *met == thing) {
            Some((_, times)) => *times += 1,
            None => self.things.push((thing, 1)),
        }
    }
}

fn named(body: &ReportBody) -> Thing {
    match *body {
        ReportBody::Rejected { code, .. } => Thing::Refused(code),
        ReportBody::Cancelled { left: 0, reason, .. } => Thing::Ended(reason),
        ReportBody::Cancelled { .. } => Thing::Decremented,
        ReportBody::Accepted { .. } | ReportBody::MassCancelAccepted(_) => Thing::Accepted,
        ReportBody::Triggered { .. } => Thing::Triggered,
        ReportBody::Filled { .. } => Thing::Filled,
        ReportBody::Replaced { kept_priority, .. } => Thing::Replaced { kept_priority },
        ReportBody::MassCancelDone { .. } => Thing::MassCancelDone,
        ReportBody::CashDeposited { .. } | ReportBody::CapacityDeposited { .. } => Thing::Deposited,
        ReportBody::Settled { .. } => Thing::Settled,
        ReportBody::ClassDefined { .. }
        | ReportBody::AccountOpened { .. }
        | ReportBody::KeyRegistered { .. }
        | ReportBody::KeyRevoked { .. }
        | ReportBody::KeyRotated { .. }
        | ReportBody::CancelOnDisconnectSet { .. }
        | ReportBody::CashCredited { .. } => Thing::Desk,
    }
}
