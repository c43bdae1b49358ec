//! Subscriptions, and the feed's signs of life.

use super::{FeedMessage, SubscriberMessage, layouts};
use crate::choice::{Choice, Misfit, code, reject_code};
use crate::header::{Frame, WireError};
use crate::symbol::Pattern;
use crate::wire::{Wire, put, read};
use types::{Code, Hour, RejectCode, Sequence, Timestamp};

/// How much of a contract a subscription shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Depth {
    /// Every order: a snapshot, then increments.
    Book,
    /// Best bid and ask whenever they change.
    Top,
    /// Every trade.
    Trades,
}

/// Send me this from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The subscriber's number of it, not in use yet on this connection.
    pub subscription: u32,
    /// Of what.
    pub pattern: Pattern,
    /// How much of it.
    pub depth: Depth,
}

/// A subscription that is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeRefused {
    /// Which.
    pub subscription: u32,
    /// Why.
    pub code: RejectCode,
    /// The value that goes with the code.
    pub value: i64,
}

/// The subscription is served: all its snapshots are out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Which.
    pub subscription: u32,
    /// How many contracts there are of it now.
    pub contracts: u32,
}

/// A model or region of a pattern: any.
const ANY_CODE: [u8; 12] = [0; 12];
/// A start hour of a pattern: any.
const ANY_HOUR: u32 = u32::MAX;

pub(crate) fn encode_subscriber(message: &SubscriberMessage, out: &mut Vec<u8>) {
    match message {
        SubscriberMessage::Hello => {
            put(&layouts::FeedHello { header: layouts::FeedHello::HEADER, pad: [0; 4] }, out);
        }
        SubscriberMessage::Subscribe(subscribe) => {
            let pattern = &subscribe.pattern;
            let message = layouts::Subscribe {
                header: layouts::Subscribe::HEADER,
                subscription: subscribe.subscription.into(),
                model: pattern.model.map_or(ANY_CODE, |model| model.bytes()),
                region: pattern.region.map_or(ANY_CODE, |region| region.bytes()),
                start: pattern.start.map_or(ANY_HOUR, |start| start.0).into(),
                depth: subscribe.depth.byte(),
                pad: [0; 3],
            };
            put(&message, out);
        }
        SubscriberMessage::Unsubscribe { subscription } => {
            let header = layouts::Unsubscribe::HEADER;
            put(&layouts::Unsubscribe { header, subscription: (*subscription).into() }, out);
        }
    }
}

pub(crate) fn decode_subscriber(frame: Frame<'_>) -> Result<SubscriberMessage, WireError> {
    match frame.kind {
        layouts::FeedHello::KIND => {
            read::<layouts::FeedHello>(frame)?;
            Ok(SubscriberMessage::Hello)
        }
        layouts::Subscribe::KIND => {
            let message: &layouts::Subscribe = read(frame)?;
            let start = message.start.get();
            Ok(SubscriberMessage::Subscribe(Subscribe {
                subscription: message.subscription.get(),
                pattern: Pattern {
                    model: code_or_any("model", message.model)?,
                    region: code_or_any("region", message.region)?,
                    start: (start != ANY_HOUR).then_some(Hour(start)),
                },
                depth: Depth::from_byte(message.depth)?,
            }))
        }
        layouts::Unsubscribe::KIND => {
            let message: &layouts::Unsubscribe = read(frame)?;
            Ok(SubscriberMessage::Unsubscribe { subscription: message.subscription.get() })
        }
        kind => Err(WireError::UnknownKind { kind }),
    }
}

fn code_or_any(field: &'static str, bytes: [u8; 12]) -> Result<Option<Code>, Misfit> {
    if bytes == ANY_CODE { Ok(None) } else { code(field, bytes).map(Some) }
}

pub(crate) fn encode_welcome(sequence: Sequence, time: Timestamp, out: &mut Vec<u8>) {
    let header = layouts::FeedWelcome::HEADER;
    let (sequence, time) = (sequence.into(), time.0.into());
    put(&layouts::FeedWelcome { header, pad: [0; 4], sequence, time }, out);
}

pub(crate) fn encode_heartbeat(sequence: Sequence, time: Timestamp, out: &mut Vec<u8>) {
    let header = layouts::FeedHeartbeat::HEADER;
    let (sequence, time) = (sequence.into(), time.0.into());
    put(&layouts::FeedHeartbeat { header, pad: [0; 4], sequence, time }, out);
}

pub(crate) fn encode_refused(refused: &SubscribeRefused, out: &mut Vec<u8>) {
    let message = layouts::SubscribeRefused {
        header: layouts::SubscribeRefused::HEADER,
        subscription: refused.subscription.into(),
        value: refused.value.into(),
        code: refused.code.number().into(),
        pad: [0; 6],
    };
    put(&message, out);
}

pub(crate) fn encode_subscribed(subscribed: &Subscribed, out: &mut Vec<u8>) {
    let message = layouts::Subscribed {
        header: layouts::Subscribed::HEADER,
        subscription: subscribed.subscription.into(),
        contracts: subscribed.contracts.into(),
    };
    put(&message, out);
}

/// Reads what the feed says about subscriptions and its own progress.
pub(crate) fn decode_feed<'a>(frame: Frame<'_>) -> Result<FeedMessage<'a>, WireError> {
    match frame.kind {
        layouts::FeedWelcome::KIND => {
            let message: &layouts::FeedWelcome = read(frame)?;
            let (sequence, time) = (message.sequence.get(), Timestamp(message.time.get()));
            Ok(FeedMessage::Welcome { sequence, time })
        }
        layouts::FeedHeartbeat::KIND => {
            let message: &layouts::FeedHeartbeat = read(frame)?;
            let (sequence, time) = (message.sequence.get(), Timestamp(message.time.get()));
            Ok(FeedMessage::Heartbeat { sequence, time })
        }
        layouts::SubscribeRefused::KIND => {
            let message: &layouts::SubscribeRefused = read(frame)?;
            Ok(FeedMessage::SubscribeRefused(SubscribeRefused {
                subscription: message.subscription.get(),
                code: reject_code(message.code.get())?,
                value: message.value.get(),
            }))
        }
        layouts::Subscribed::KIND => {
            let message: &layouts::Subscribed = read(frame)?;
            let (subscription, contracts) = (message.subscription.get(), message.contracts.get());
            Ok(FeedMessage::Subscribed(Subscribed { subscription, contracts }))
        }
        kind => Err(WireError::UnknownKind { kind }),
    }
}
