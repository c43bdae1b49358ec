//! What a session tells: reports and refusals, in order, many at a time.

use crate::account::AccountState;
use protocol::order_entry::Refused;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use types::Report;

/// What arrived together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// When it arrived.
    pub received: Instant,
    /// In order, at least one.
    pub events: Vec<Event>,
}

/// What a session tells. `sent` is the moment a command of this session was given to it, and stands with the one
/// event that is the command's outcome.
#[derive(Clone, Debug)]
pub enum Event {
    /// The account's next report: its number is one more than that of the last one told, or than
    /// [`AccountState::last_report`] after a resynchronisation.
    Report {
        /// What happened.
        report: Report,
        /// If this is the outcome of a command of this session: when that was given.
        sent: Option<Instant>,
    },
    /// A command of this session was not taken and has no report.
    Refused {
        /// Which, and why.
        refused: Refused,
        /// When it was given.
        sent: Instant,
    },
    /// The exchange no longer has all reports since the last one told. This is the account instead; the reports
    /// after `last_report` follow.
    Resynchronised(Box<AccountState>),
    /// The outcome of a command of this session, from a report that is in the account's state already: it comes
    /// after, or right before, a resynchronisation only.
    Outcome {
        /// What happened.
        report: Report,
        /// When the command was given.
        sent: Instant,
    },
}

/// Everything the session tells from some moment on: every report of the account in order, exactly once, without
/// a gap, whichever key or connection caused it.
///
/// It must be read or dropped: what is not read holds the session back, its requests too, and a session held back
/// too long is cut by the exchange and resumed.
#[derive(Debug)]
pub struct Reports {
    pub(crate) batches: mpsc::Receiver<Arc<Batch>>,
}

impl Reports {
    /// Waits for what arrives next; `None` once the session has ended and all is read. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self) -> Option<Arc<Batch>> {
        self.batches.recv().await
    }

    /// What has arrived and was not yet read, without waiting.
    pub fn try_next(&mut self) -> Option<Arc<Batch>> {
        self.batches.try_recv().ok()
    }
}
