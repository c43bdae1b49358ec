//! Commands together with everything they bring about at once.

use crate::error::CommandError;
use crate::events::{Batch, Event};
use crate::session::{BATCHES_WAITING, Session, usual_lane};
use tokio::sync::{mpsc, oneshot};
use types::{CancelReason, Command, Report, ReportBody, Sender, Sequence};

impl Session {
    /// Sends a command and waits for all the reports it makes for this account at once: its outcome, its fills,
    /// the end of an order that does not rest, stops of the account that its trades woke; of a mass cancel the
    /// ends of all orders and [`ReportBody::MassCancelDone`]. For people's commands; it costs a question besides.
    ///
    /// # Errors
    /// As [`Session::request`].
    pub async fn execute(&self, command: Command) -> Result<Vec<Report>, CommandError> {
        let (reader, mut batches) = mpsc::channel(BATCHES_WAITING);
        let (waiter, outcome) = oneshot::channel();
        let lane = usual_lane(&command);
        let is_mass_cancel = matches!(command, Command::MassCancel(_));
        let number = self.send(lane, command, Some(waiter), Some(reader)).await?;
        let whole = async {
            let first = outcome.await.unwrap_or_else(|_| Err(self.over().into()))?;
            Ok::<_, CommandError>((first, self.ask_classes().await?.1))
        };
        tokio::pin!(whole);
        let key = self.welcome().key;
        let mut own = OwnReports::new(Sender { key, lane, number });
        own.is_mass_cancel = is_mass_cancel;
        let (first, last) = loop {
            tokio::select! {
                whole = &mut whole => break whole?,
                Some(batch) = batches.recv() => own.collect(&batch),
            }
        };
        while own.seen < last || own.is_mass_cancel {
            let Some(batch) = batches.recv().await else { return Err(self.over().into()) };
            own.collect(&batch);
        }
        Ok(if own.reports.is_empty() { vec![first] } else { own.reports })
    }
}

/// Collects the reports of one command.
struct OwnReports {
    command: Sender,
    /// The command's place in the total order, once it is known.
    sequence: Option<Sequence>,
    reports: Vec<Report>,
    /// The last report of the account seen.
    seen: u64,
    /// True while it is a mass cancel that is not done.
    is_mass_cancel: bool,
}

impl OwnReports {
    fn new(command: Sender) -> OwnReports {
        OwnReports { command, sequence: None, reports: Vec::new(), seen: 0, is_mass_cancel: false }
    }

    fn collect(&mut self, batch: &Batch) {
        for event in &batch.events {
            match event {
                Event::Report { report, .. } => {
                    self.seen = report.number;
                    self.collect_one(report);
                }
                Event::Outcome { report, .. } => self.collect_one(report),
                Event::Resynchronised(state) => {
                    self.seen = state.last_report;
                    // Its end may be among the reports that are lost.
                    self.is_mass_cancel = false;
                }
                Event::Refused { .. } => {}
            }
        }
    }

    fn collect_one(&mut self, report: &Report) {
        if self.sequence.is_none() && report.answers == Some(self.command) {
            self.sequence = Some(report.sequence);
        }
        let is_done =
            report.answers == Some(self.command) && matches!(report.body, ReportBody::MassCancelDone { .. });
        let is_end = matches!(report.body, ReportBody::Cancelled { reason: CancelReason::Mass, .. });
        let goes_on = self.is_mass_cancel && self.sequence.is_some();
        if self.sequence == Some(report.sequence) || (goes_on && (is_end || is_done)) {
            self.reports.push(*report);
        }
        self.is_mass_cancel &= !is_done;
    }
}
