//! One session as a machine: what a client says goes in, commands and answers come out. It knows no socket and
//! no clock; reports leave through its outbox, and the reason to end it through its closer.

use crate::buckets::Buckets;
use crate::checks::check;
use crate::meters;
use crate::numbers::{Numbers, Standing};
use crate::reports::ReportStore;
use protocol::order_entry::{ClientMessage, Heartbeat, Refused, ServerMessage, lane_of};
use protocol::{CloseCode, Frame, Frames, WireError};
use sequencer::Inbound;
use std::time::Duration;
use tokio::sync::oneshot;
use transport::{Outbox, OutboxError};
use types::{Command, Key, Lane, RejectCode, Sender, Timestamp};

/// A lane on which a command was refused as one too many is left alone for so long at least, and at most.
const HELD_MIN: Duration = Duration::from_millis(10);
const HELD_MAX: Duration = Duration::from_secs(1);

/// Names a session, never twice while the gateway runs.
pub type SessionNo = u64;

/// Why a connection is closed: the code and one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The code.
    pub code: CloseCode,
    /// The sentence.
    pub reason: String,
}

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) key: Key,
    /// False until the client has said hello: it gets no reports and has no lanes.
    pub(crate) is_greeted: bool,
    pub(crate) reports: Outbox,
    /// What it may say.
    pub(crate) buckets: Buckets,
    /// When something was last heard of it.
    pub(crate) heard: Timestamp,
    /// When it was last told that the gateway is there.
    pub(crate) told: Timestamp,
    /// True once the client has said that it leaves: nothing more is taken.
    pub(crate) is_leaving: bool,
    lanes: Vec<Lane>,
    closer: oneshot::Sender<Closing>,
}

/// What a session shares with others: the numbers of its key on a lane, and what its account has.
pub(crate) struct Shares<'a> {
    pub(crate) numbers: &'a mut Numbers,
    pub(crate) store: &'a ReportStore,
    pub(crate) buckets: &'a mut Buckets,
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
    pub(crate) fn new(
        key: Key,
        reports: Outbox,
        closer: oneshot::Sender<Closing>,
        buckets: Buckets,
        now: Timestamp,
    ) -> Session {
        let (is_greeted, is_leaving, lanes) = (false, false, Vec::new());
        Session { key, is_greeted, reports, buckets, heard: now, told: now, is_leaving, lanes, closer }
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
    /// session. Others are answered through the outbox. Gives for how long the lane is not to be read.
    pub(crate) fn commands(
        &mut self,
        lane: Lane,
        frames: Frames<'_>,
        mut shares: Shares<'_>,
        now: Timestamp,
        chunk: &mut Vec<Inbound>,
    ) -> Result<Duration, Closing> {
        self.buckets.lane(lane).refill(now);
        shares.buckets.lane(lane).refill(now);
        let mut answers = Vec::new();
        let mut taken = Ok(());
        let mut wait = Duration::ZERO;
        for frame in frames {
            let judged = frame
                .map_err(Closing::from)
                .and_then(|frame| self.command(lane, frame, &mut shares, chunk, &mut answers));
            match judged {
                Ok(this) => wait = wait.max(this),
                Err(closing) => {
                    taken = Err(closing);
                    break;
                }
            }
        }
        if !wait.is_zero() {
            self.heartbeat(shares.store.last(), shares.buckets, now).encode(&mut answers);
        }
        let held = if wait.is_zero() { wait } else { wait.clamp(HELD_MIN, HELD_MAX) };
        taken.and(self.send(&answers)).map(|()| held)
    }

    /// What tells the client that the gateway is there, what its account's last report is and how much it may say.
    pub(crate) fn heartbeat(
        &mut self,
        last_report: u64,
        account: &mut Buckets,
        now: Timestamp,
    ) -> ServerMessage {
        let allowances = self.buckets.allowances(account, now);
        ServerMessage::Heartbeat(Heartbeat { last_report, allowances })
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

    /// Tells that a command was not taken, after it had been sent on.
    pub(crate) fn refuse(&self, lane: Lane, number: u64, code: RejectCode) -> Result<(), Closing> {
        meters::refused(code);
        let mut answer = Vec::new();
        ServerMessage::Refused(Refused { lane, number, code, value: 0 }).encode(&mut answer);
        self.send(&answer)
    }

    /// Ends the session.
    pub(crate) fn close(self, closing: Closing) {
        meters::closed(closing.code);
        // Nobody waits for the reason if the connection is lost.
        let _ = self.closer.send(closing);
    }

    /// Takes one command, and gives how long to wait if it was one too many.
    fn command(
        &mut self,
        lane: Lane,
        frame: Frame<'_>,
        shares: &mut Shares<'_>,
        chunk: &mut Vec<Inbound>,
        answers: &mut Vec<u8>,
    ) -> Result<Duration, Closing> {
        let buckets = [self.buckets.lane(lane), shares.buckets.lane(lane)];
        let wait = buckets[0].wait().max(buckets[1].wait());
        let (number, verdict) = judge(lane, ClientMessage::decode(frame)?, shares.numbers, wait)?;
        let is_throttled = matches!(verdict, Verdict::Refuse(RejectCode::Throttled, _));
        if !is_throttled {
            buckets.into_iter().for_each(|bucket| bucket.spend(1));
        }
        match verdict {
            Verdict::Forward(command) => {
                shares.numbers.forward(number);
                chunk.push(Inbound::sent(Sender { key: self.key.no, lane, number }, command));
            }
            Verdict::Wait => {}
            Verdict::Again(report) => {
                let report =
                    shares.store.get(report).expect("an outcome is known as long as its report is kept");
                answers.extend_from_slice(report);
            }
            Verdict::Refuse(code, value) => {
                meters::refused(code);
                ServerMessage::Refused(Refused { lane, number, code, value }).encode(answers);
            }
        }
        Ok(if is_throttled { wait } else { Duration::ZERO })
    }
}

/// Decides about one message on a lane. The number comes first: a number that was taken is answered with its
/// outcome, whatever else the message says this time, and whoever says too much. `wait` is how long it takes until
/// there is a token for a new one.
fn judge(
    lane: Lane,
    message: ClientMessage,
    numbers: &Numbers,
    wait: Duration,
) -> Result<(u64, Verdict), Closing> {
    let (number, its_lane, command) = match message {
        ClientMessage::Command { number, command } => {
            (number, lane_of(&command), check(&command).map(|()| command))
        }
        ClientMessage::Misfit { number, lane, code, value } => (number, lane, Err((code, value))),
        ClientMessage::Hello(_)
        | ClientMessage::Query(_)
        | ClientMessage::LaneOpen(_)
        | ClientMessage::Heartbeat
        | ClientMessage::Logout => return Err(Closing::out_of_place("a lane takes commands only")),
    };
    if let Some(its_lane) = its_lane.filter(|its_lane| *its_lane != lane) {
        let (found, expected) = (lane_name(lane), lane_name(its_lane));
        let reason = format!("command {number} came on the {found} lane: it belongs on the {expected} lane");
        return Err(Closing::new(CloseCode::WrongLane, reason));
    }
    let stated = |highest: u64| i64::try_from(highest).unwrap_or(i64::MAX);
    let verdict = match (numbers.standing(number), command) {
        (Standing::New, _) if !wait.is_zero() => Verdict::Refuse(RejectCode::Throttled, milliseconds(wait)),
        (Standing::New, Ok(command)) => Verdict::Forward(command),
        (Standing::New, Err((code, value))) => Verdict::Refuse(code, value),
        (Standing::InFlight, _) => Verdict::Wait,
        (Standing::Answered(report), _) => Verdict::Again(report),
        (Standing::NotTaken(highest), _) => Verdict::Refuse(RejectCode::NotTaken, stated(highest)),
        (Standing::TooOld(highest), _) => Verdict::Refuse(RejectCode::OutcomeTooOld, stated(highest)),
    };
    Ok((number, verdict))
}

/// Whole ones, rounded up: who waits so long has waited enough.
pub(crate) fn milliseconds(wait: Duration) -> i64 {
    i64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

fn lane_name(lane: Lane) -> &'static str {
    match lane {
        Lane::Orders => "orders",
        Lane::Cancels => "cancels",
    }
}

impl Closing {
    /// A reason to close.
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Closing {
        Closing { code, reason: reason.into() }
    }

    /// Nothing is wrong: the client has left.
    #[must_use]
    pub fn done() -> Closing {
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
