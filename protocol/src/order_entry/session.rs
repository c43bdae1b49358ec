//! Messages of the session itself: who is there, which stream is which lane, what was not taken.

use super::layouts;
use crate::choice::{Choice, Misfit, flag, reject_code, rights};
use crate::header::{Frame, WireError};
use crate::wire::{Wire, put, read};
use types::{AccountId, KeyNo, Lane, RejectCode, Rights, Role, Sequence, Timestamp};

/// A client's first words on the control stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The number of the last report the client has seen; the reports after it come again. `None`: only new
    /// ones.
    pub resume_after: Option<u64>,
}

/// The gateway's answer to [`Hello`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The account the key speaks for.
    pub account: AccountId,
    /// The key's number.
    pub key: KeyNo,
    /// What the account is for.
    pub role: Role,
    /// What the key may do.
    pub rights: Rights,
    /// False if the reports asked for are no longer kept: ask for the account's state instead.
    pub resumed: bool,
    /// The stamp of the last released command.
    pub time: Timestamp,
    /// The last released command.
    pub sequence: Sequence,
    /// The highest number taken from this key on the orders lane and on the cancels lane, 0 for none.
    pub taken: [u64; 2],
    /// The oldest report still kept; one more than `last_report` if none is.
    pub first_report: u64,
    /// The account's newest report, 0 for none.
    pub last_report: u64,
    /// How often either end says that it is there, in seconds, at least 1. Who has heard nothing for
    /// [`HEARTBEATS_MISSED`] times as long closes.
    pub heartbeat: u8,
    /// What may be said on the orders lane and on the cancels lane.
    pub allowances: [Allowance; 2],
}

/// After so many heartbeats' time without a word from the other end, either end closes with
/// [`CloseCode::Silent`](crate::CloseCode::Silent).
pub const HEARTBEATS_MISSED: u32 = 3;

/// How many commands may be said on a lane before the next is refused as too many: those that are left of the session's
/// and of its account's allowance, whichever is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// So many at once, now.
    pub left: u32,
    /// So many more every second, 0 if there is no limit: then the other numbers mean nothing.
    pub rate: u32,
    /// But never more than so many at once.
    pub burst: u32,
}

/// The gateway is there. It stands on the reports stream, behind all that it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The account's newest report, 0 for none: it came before this on the same stream, or was left out of it by the
    /// welcome.
    pub last_report: u64,
    /// What may be said on the orders lane and on the cancels lane.
    pub allowances: [Allowance; 2],
}

/// A command was not taken: it has no place in the total order, no report and no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// On which lane.
    pub lane: Lane,
    /// The client's number of the command.
    pub number: u64,
    /// Why.
    pub code: RejectCode,
    /// The value that goes with the code.
    pub value: i64,
}

impl Allowance {
    /// No limit.
    pub const UNLIMITED: Allowance = Allowance { left: 0, rate: 0, burst: 0 };
}

/// In `Hello`: only new reports.
const ONLY_NEW: u64 = u64::MAX;

pub(crate) fn encode_hello(hello: &Hello, out: &mut Vec<u8>) {
    let resume_after = hello.resume_after.unwrap_or(ONLY_NEW).into();
    put(&layouts::Hello { header: layouts::Hello::HEADER, pad: [0; 4], resume_after }, out);
}

pub(crate) fn decode_hello(frame: Frame<'_>) -> Result<Hello, WireError> {
    let message: &layouts::Hello = read(frame)?;
    let resume_after = message.resume_after.get();
    Ok(Hello { resume_after: (resume_after != ONLY_NEW).then_some(resume_after) })
}

pub(crate) fn encode_welcome(welcome: &Welcome, out: &mut Vec<u8>) {
    let message = layouts::Welcome {
        header: layouts::Welcome::HEADER,
        account: welcome.account.0.into(),
        key: welcome.key.0.into(),
        role: welcome.role.byte(),
        rights: welcome.rights.0,
        resumed: welcome.resumed.into(),
        heartbeat: welcome.heartbeat,
        time: welcome.time.0.into(),
        sequence: welcome.sequence.into(),
        taken_orders: welcome.taken[0].into(),
        taken_cancels: welcome.taken[1].into(),
        first_report: welcome.first_report.into(),
        last_report: welcome.last_report.into(),
        orders: terms(welcome.allowances[0]),
        cancels: terms(welcome.allowances[1]),
    };
    put(&message, out);
}

pub(crate) fn decode_welcome(frame: Frame<'_>) -> Result<Welcome, WireError> {
    let message: &layouts::Welcome = read(frame)?;
    if message.heartbeat == 0 {
        return Err(Misfit::Form { field: "heartbeat" }.into());
    }
    Ok(Welcome {
        account: AccountId(message.account.get()),
        key: KeyNo(message.key.get()),
        role: Role::from_byte(message.role)?,
        rights: rights(message.rights)?,
        resumed: flag("resumed", message.resumed)?,
        time: Timestamp(message.time.get()),
        sequence: message.sequence.get(),
        taken: [message.taken_orders.get(), message.taken_cancels.get()],
        first_report: message.first_report.get(),
        last_report: message.last_report.get(),
        heartbeat: message.heartbeat,
        allowances: [allowance(&message.orders), allowance(&message.cancels)],
    })
}

pub(crate) fn encode_client_heartbeat(out: &mut Vec<u8>) {
    put(&layouts::ClientHeartbeat { header: layouts::ClientHeartbeat::HEADER }, out);
}

pub(crate) fn decode_client_heartbeat(frame: Frame<'_>) -> Result<(), WireError> {
    read::<layouts::ClientHeartbeat>(frame).map(|_| ())
}

pub(crate) fn encode_heartbeat(heartbeat: &Heartbeat, out: &mut Vec<u8>) {
    let message = layouts::Heartbeat {
        header: layouts::Heartbeat::HEADER,
        pad: [0; 4],
        last_report: heartbeat.last_report.into(),
        orders: terms(heartbeat.allowances[0]),
        cancels: terms(heartbeat.allowances[1]),
    };
    put(&message, out);
}

pub(crate) fn decode_heartbeat(frame: Frame<'_>) -> Result<Heartbeat, WireError> {
    let message: &layouts::Heartbeat = read(frame)?;
    Ok(Heartbeat {
        last_report: message.last_report.get(),
        allowances: [allowance(&message.orders), allowance(&message.cancels)],
    })
}

pub(crate) fn encode_logout(out: &mut Vec<u8>) {
    put(&layouts::Logout { header: layouts::Logout::HEADER }, out);
}

pub(crate) fn decode_logout(frame: Frame<'_>) -> Result<(), WireError> {
    read::<layouts::Logout>(frame).map(|_| ())
}

pub(crate) fn encode_logged_out(last_report: u64, out: &mut Vec<u8>) {
    let last_report = last_report.into();
    put(&layouts::LoggedOut { header: layouts::LoggedOut::HEADER, pad: [0; 4], last_report }, out);
}

/// The account's newest report.
pub(crate) fn decode_logged_out(frame: Frame<'_>) -> Result<u64, WireError> {
    Ok(read::<layouts::LoggedOut>(frame)?.last_report.get())
}

fn terms(allowance: Allowance) -> layouts::AllowanceTerms {
    let Allowance { left, rate, burst } = allowance;
    layouts::AllowanceTerms { left: left.into(), rate: rate.into(), burst: burst.into() }
}

fn allowance(terms: &layouts::AllowanceTerms) -> Allowance {
    Allowance { left: terms.left.get(), rate: terms.rate.get(), burst: terms.burst.get() }
}

pub(crate) fn encode_lane_open(lane: Lane, out: &mut Vec<u8>) {
    put(&layouts::LaneOpen { header: layouts::LaneOpen::HEADER, lane: lane.byte(), pad: [0; 3] }, out);
}

pub(crate) fn decode_lane_open(frame: Frame<'_>) -> Result<Lane, WireError> {
    let message: &layouts::LaneOpen = read(frame)?;
    Ok(Lane::from_byte(message.lane)?)
}

pub(crate) fn encode_refused(refused: &Refused, out: &mut Vec<u8>) {
    let message = layouts::Refused {
        header: layouts::Refused::HEADER,
        lane: refused.lane.byte(),
        pad: [0; 1],
        code: refused.code.number().into(),
        number: refused.number.into(),
        value: refused.value.into(),
    };
    put(&message, out);
}

pub(crate) fn decode_refused(frame: Frame<'_>) -> Result<Refused, WireError> {
    let message: &layouts::Refused = read(frame)?;
    Ok(Refused {
        lane: Lane::from_byte(message.lane)?,
        number: message.number.get(),
        code: reject_code(message.code.get())?,
        value: message.value.get(),
    })
}
