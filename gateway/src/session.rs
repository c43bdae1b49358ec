//! One session as a machine: what a client says goes in, commands and answers come out. It knows no socket and
//! no clock; reports leave through its outbox, and the reason to end it through its closer.

use crate::checks::check;
use crate::meters;
use crate::numbers::{Numbers, Standing};
use crate::reports::ReportStore;
use protocol::order_entry::{ClientMessage, Refused, ServerMessage, encode_report, lane_of};
use protocol::{CloseCode, Frame, Frames, WireError};
use sequencer::Inbound;
use tokio::sync::oneshot;
use transport::{Outbox, OutboxError};
use types::{Command, Key, Lane, RejectCode, Sender};

/// Names a session, never twice while the gateway runs.
pub(crate) type SessionNo = u64;

/// Why a connection is closed: the code and one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: CloseCode,
    pub(crate) reason: String,
}

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) key: Key,
    /// False until the client has said hello: it gets no reports and has no lanes.
    pub(crate) is_greeted: bool,
    pub(crate) reports: Outbox,
    lanes: Vec<Lane>,
    closer: oneshot::Sender<Closing>,
}

/// What becomes of a command.
enum Verdict {
    /// It goes on to the sequencer.
    Forward(Command),
    /// It is on its way already, and its report will come.
    Wait,
    /// It was taken before: this report of the account says what came of it.
    Again(u64),
    /// It is not taken.
    Refuse(RejectCode, i64),
}

impl Session {
    /// The session of whoever has proved `key`.
    pub(crate) fn new(key: Key, reports: Outbox, closer: oneshot::Sender<Closing>) -> Session {
        Session { key, is_greeted: false, reports, lanes: Vec::new(), closer }
    }

    /// Notes that the client has opened a lane.
    pub(crate) fn open_lane(&mut self, lane: Lane) -> Result<(), Closing> {
        if !self.is_greeted {
            return Err(Closing::out_of_place("a lane is opened after the welcome, not before"));
        }
        if self.lanes.contains(&lane) {
            let name = lane_name(lane);
            return Err(Closing::new(CloseCode::WrongLane, format!("the {name} lane is open already")));
        }
        self.lanes.push(lane);
        Ok(())
    }

    /// Takes commands from a lane: those to send on are appended to `chunk`, also when a later one ends the
    /// session. Others are answered through the outbox.
    pub(crate) fn commands(
        &mut self,
        lane: Lane,
        frames: Frames<'_>,
        numbers: &mut Numbers,
        store: &ReportStore,
        chunk: &mut Vec<Inbound>,
    ) -> Result<(), Closing> {
        let mut answers = Vec::new();
        let mut taken = Ok(());
        for frame in frames {
            taken = frame
                .map_err(Closing::from)
                .and_then(|frame| self.command(lane, frame, numbers, store, chunk, &mut answers));
            if taken.is_err() {
                break;
            }
        }
        taken.and(self.send(&answers))
    }

    /// Sends bytes on the reports stream.
    pub(crate) fn send(&self, reports: &[u8]) -> Result<(), Closing> {
        if reports.is_empty() {
            return Ok(());
        }
        match self.reports.push(reports) {
            Err(error @ OutboxError::Overflow { .. }) => {
                Err(Closing::new(CloseCode::TooSlow, format!("reports are not read: {error}")))
            }
            // The connection is lost, and its end is on its way here.
            Ok(()) | Err(OutboxError::Closed) => Ok(()),
        }
    }

    /// Ends the session.
    pub(crate) fn close(self, closing: Closing) {
        meters::closed(closing.code);
        // Nobody waits for the reason if the connection is lost.
        let _ = self.closer.send(closing);
    }

    fn command(
        &self,
        lane: Lane,
        frame: Frame<'_>,
        numbers: &mut Numbers,
        store: &ReportStore,
        chunk: &mut Vec<Inbound>,
        answers: &mut Vec<u8>,
    ) -> Result<(), Closing> {
        let (number, verdict) = judge(lane, &ClientMessage::decode(frame)?, numbers)?;
        match verdict {
            Verdict::Forward(command) => {
                numbers.forward(number);
                chunk.push(Inbound { sender: Sender { key: self.key.no, lane, number }, command });
            }
            Verdict::Wait => {}
            Verdict::Again(report) => {
                let report = store.get(report).expect("an outcome is known as long as its report is kept");
                encode_report(report, answers);
            }
            Verdict::Refuse(code, value) => {
                meters::refused(code);
                ServerMessage::Refused(Refused { lane, number, code, value }).encode(answers);
            }
        }
        Ok(())
    }
}

/// Decides about one message on a lane. The number comes first: a number that was taken is answered with its
/// outcome, whatever else the message says this time.
fn judge(lane: Lane, message: &ClientMessage, numbers: &Numbers) -> Result<(u64, Verdict), Closing> {
    let (number, its_lane, command) = match *message {
        ClientMessage::Command { number, command } => {
            (number, lane_of(&command), check(&command).map(|()| command))
        }
        ClientMessage::Misfit { number, lane, code, value } => (number, lane, Err((code, value))),
        ClientMessage::Hello(_) | ClientMessage::Query(_) | ClientMessage::LaneOpen(_) => {
            return Err(Closing::out_of_place("a lane takes commands only"));
        }
    };
    if let Some(its_lane) = its_lane.filter(|its_lane| *its_lane != lane) {
        let (found, expected) = (lane_name(lane), lane_name(its_lane));
        let reason = format!("command {number} came on the {found} lane: it belongs on the {expected} lane");
        return Err(Closing::new(CloseCode::WrongLane, reason));
    }
    let stated = |highest: u64| i64::try_from(highest).unwrap_or(i64::MAX);
    let verdict = match (numbers.standing(number), command) {
        (Standing::New, Ok(command)) => Verdict::Forward(command),
        (Standing::New, Err((code, value))) => Verdict::Refuse(code, value),
        (Standing::InFlight, _) => Verdict::Wait,
        (Standing::Answered(report), _) => Verdict::Again(report),
        (Standing::NotTaken(highest), _) => Verdict::Refuse(RejectCode::NotTaken, stated(highest)),
        (Standing::TooOld(highest), _) => Verdict::Refuse(RejectCode::OutcomeTooOld, stated(highest)),
    };
    Ok((number, verdict))
}

fn lane_name(lane: Lane) -> &'static str {
    match lane {
        Lane::Orders => "orders",
        Lane::Cancels => "cancels",
    }
}

impl Closing {
    pub(crate) fn new(code: CloseCode, reason: impl Into<String>) -> Closing {
        Closing { code, reason: reason.into() }
    }

    /// Nothing is wrong: the client has left.
    pub(crate) fn done() -> Closing {
        Closing::new(CloseCode::Done, "the session is over")
    }

    pub(crate) fn out_of_place(reason: &str) -> Closing {
        Closing::new(CloseCode::OutOfPlace, reason)
    }
}

impl From<WireError> for Closing {
    fn from(error: WireError) -> Closing {
        Closing::new(error.close_code(), error.to_string())
    }
}
