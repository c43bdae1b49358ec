//! A seat at the exchange: one participant's session with its reports, and how many commands have no outcome yet.

use client::{
    AccountState, Batch, Burst, CommandError, Event, ExchangeInfo, Options, PrivateKey, Reports, Session,
    SessionError,
};
use std::sync::Arc;
use std::time::Duration;
use types::Command;

/// More than any seat has under way, so that [`Seat::submit`] never waits: whoever sits here reads the reports.
const IN_FLIGHT: usize = 1 << 16;

/// One participant's session.
#[derive(Debug)]
pub(crate) struct Seat {
    session: Session,
    reports: Reports,
    unanswered: usize,
    /// The number of the last report read.
    seen: u64,
}

/// Commands of one seat that go out together, when this is dropped.
#[derive(Debug)]
pub(crate) struct SeatBurst<'a> {
    burst: Burst<'a>,
    unanswered: &'a mut usize,
}

/// Why a seat is of no use any more.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SeatError {
    /// A command or question came to nothing.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The session has ended.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Reports were missed for good.
    #[error(
        "the session was cut off for longer than the exchange keeps reports: what became of its orders is unknown"
    )]
    FellBehind,
    /// Commands got no outcome in time.
    #[error("{unanswered} commands have no outcome after {} s", patience.as_secs())]
    Unanswered {
        /// How many.
        unanswered: usize,
        /// How long they were waited for.
        patience: Duration,
    },
}

impl Seat {
    /// Takes a seat. Only new reports are told.
    pub(crate) async fn take(info: &ExchangeInfo, key: &PrivateKey) -> Result<Seat, SessionError> {
        let options = Options { in_flight: IN_FLIGHT, ..Options::default() };
        let (session, reports) = Session::open(info, key, options).await?;
        Ok(Seat { session, reports, unanswered: 0, seen: 0 })
    }

    /// How many commands have no outcome yet. Whoever sits here keeps it far below [`IN_FLIGHT`].
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Sends a command and gives its number on its lane.
    pub(crate) async fn submit(&mut self, command: Command) -> Result<u64, SeatError> {
        let number = self.session.submit(command).await?;
        self.unanswered += 1;
        Ok(number)
    }

    /// Commands that go out together.
    pub(crate) fn burst(&mut self) -> SeatBurst<'_> {
        SeatBurst { burst: self.session.burst(), unanswered: &mut self.unanswered }
    }

    /// Waits for what is told next. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Arc<Batch>, SeatError> {
        let Some(batch) = self.reports.next().await else { return Err(self.session.ended().await.into()) };
        for event in &batch.events {
            let is_outcome = match event {
                Event::Report { report, sent } => {
                    self.seen = report.number;
                    sent.is_some()
                }
                Event::Refused { .. } | Event::Outcome { .. } => true,
                Event::Resynchronised(_) => return Err(SeatError::FellBehind),
            };
            self.unanswered = self.unanswered.saturating_sub(usize::from(is_outcome));
        }
        Ok(batch)
    }

    /// Waits until every command has its outcome and every report that was due by then is read; `take` gets
    /// what is told meanwhile. Gives the account as it was then.
    ///
    /// # Errors
    /// [`SeatError::Unanswered`] after `patience`, or the end of the session.
    pub(crate) async fn settle(
        &mut self,
        patience: Duration,
        mut take: impl FnMut(&Batch),
    ) -> Result<AccountState, SeatError> {
        match tokio::time::timeout(patience, self.read_out(&mut take)).await {
            Ok(settled) => settled,
            Err(_) => Err(SeatError::Unanswered { unanswered: self.unanswered, patience }),
        }
    }

    async fn read_out(&mut self, take: &mut impl FnMut(&Batch)) -> Result<AccountState, SeatError> {
        while self.unanswered > 0 {
            take(&*self.next().await?);
        }
        let session = self.session.clone();
        let account = session.account();
        tokio::pin!(account);
        let account = loop {
            tokio::select! {
                account = &mut account => break account?,
                batch = self.next() => take(&*batch?),
            }
        };
        while self.seen < account.last_report {
            take(&*self.next().await?);
        }
        Ok(account)
    }

    /// Leaves.
    pub(crate) async fn leave(self) {
        // Unread reports must not hold the session back.
        drop(self.reports);
        self.session.close().await;
    }
}

impl SeatBurst<'_> {
    /// Takes a command and gives its number on its lane; `None` where [`Seat::submit`] would wait.
    pub(crate) fn submit(&mut self, command: Command) -> Result<Option<u64>, SeatError> {
        let number = self.burst.submit(command)?;
        *self.unanswered += usize::from(number.is_some());
        Ok(number)
    }
}
