//! What random streams came upon, so that a test can say what they must come upon.

use std::collections::BTreeSet;

use engine::BLOCK_EVALUATIONS_PER_COMMAND;
use types::{
    CancelReason, Command, MarketBody, OrderId, Output, Phase, RejectCode, ReportBody, Side, Stamped,
};

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
    /// An order traded in an auction.
    Auctioned,
    /// An indicative price was told, or that there is none.
    Indicated(bool),
    /// Limits were set, or a kill switch, or a halt, or one ended.
    Supervised,
    Replaced {
        kept_priority: bool,
    },
    MassCancelDone,
    Deposited,
    Settled,
    Desk,
    /// An iceberg showed its next clip.
    Refilled,
    /// A block came to rest, or changed there.
    BlockRests(Side),
    /// A block, which had rested or just come in, traded with singles.
    BlockMetSingles {
        side: Side,
        rested: bool,
    },
    /// A block traded with others of its window.
    BlockMetBlocks {
        side: Side,
    },
    /// A block ended unfilled.
    BlockEnded(CancelReason),
    /// A command considered as many blocks as it may.
    AllConsidered,
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
    /// The blocks of the stream.
    blocks: BTreeSet<OrderId>,
}

impl Met {
    /// Counts what came of a command.
    pub(crate) fn count(&mut self, step: &Stamped, out: &Output, after: &Reference) {
        for report in &out.reports {
            self.add(named(&report.body));
        }
        self.count_blocks(out, after);
        for (at, event) in out.events.iter().enumerate() {
            match event.body {
                MarketBody::Phase(phase) => self.add(Thing::Phase(phase)),
                MarketBody::AuctionTrade { .. } => self.add(Thing::Auctioned),
                MarketBody::Indicative { price, .. } => self.add(Thing::Indicated(price > 0)),
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
            Some(work) if is_own && (!out.is_empty() || after.met_blocks > 0) => {
                self.add(Thing::GoneOnWith(work))
            }
            _ => {}
        }
        self.left_over = after.left_over();
        if let Some(work) = self.left_over {
            self.add(Thing::LeftOver(work));
        }
    }

    fn count_blocks(&mut self, out: &Output, after: &Reference) {
        let met_blocks = out.events.iter().any(|event| matches!(event.body, MarketBody::BlockPrint { .. }));
        for (at, report) in out.reports.iter().enumerate() {
            match report.body {
                ReportBody::BlockTraded { side, .. } => {
                    let fill = out.reports.get(at + 1).map(|fill| fill.body);
                    let is_maker = matches!(fill, Some(ReportBody::Filled { maker: true, .. }));
                    self.add(match (is_maker, met_blocks) {
                        (true, _) | (_, true) => Thing::BlockMetBlocks { side },
                        _ => Thing::BlockMetSingles { side, rested: report.answers.is_none() },
                    });
                }
                ReportBody::Accepted { order, terms, .. } if terms.slots > 1 => {
                    self.blocks.insert(order);
                }
                ReportBody::Cancelled { order, reason, .. } if self.blocks.contains(&order) => {
                    self.add(Thing::BlockEnded(reason));
                }
                _ => {}
            }
        }
        for event in &out.events {
            match event.body {
                MarketBody::Block(entry) if entry.units > 0 => self.add(Thing::BlockRests(entry.side)),
                _ => {}
            }
        }
        if after.met_blocks == BLOCK_EVALUATIONS_PER_COMMAND {
            self.add(Thing::AllConsidered);
        }
    }

    /// Fails if it was met less often than that.
    pub(crate) fn assert_often(&self, thing: Thing, times: u64) {
        let met = self.things.iter().find(|(met, _)| *met == thing).map_or(0, |(_, met)| *met);
        assert!(met >= times, "{thing:?} was met {met} times, of {times}; all: {:?}", self.things);
    }

    /// A new stream begins.
    pub(crate) fn begin(&mut self) {
        self.left_over = None;
        self.blocks.clear();
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
        ReportBody::Filled { .. } | ReportBody::BlockTraded { .. } => Thing::Filled,
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
        ReportBody::LimitsSet { .. }
        | ReportBody::KillSwitchSet { .. }
        | ReportBody::Halted(_)
        | ReportBody::Resumed(_) => Thing::Supervised,
    }
}
