//! Messages of the session itself: who is there, which stream is which lane, what was not taken.

use super::layouts;
use crate::choice::{Choice, flag, reject_code, rights};
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
        pad: [0; 1],
        time: welcome.time.0.into(),
        sequence: welcome.sequence.into(),
        taken_orders: welcome.taken[0].into(),
        taken_cancels: welcome.taken[1].into(),
        first_report: welcome.first_report.into(),
        last_report: welcome.last_report.into(),
    };
    put(&message, out);
}

pub(crate) fn decode_welcome(frame: Frame<'_>) -> Result<Welcome, WireError> {
    let message: &layouts::Welcome = read(frame)?;
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
    })
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
