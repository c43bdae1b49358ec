//! The messages of both protocols, from either side.

use super::{golden, no_words};
use crate::{Attempt, Target, Trace};
use protocol::decimal::{from_ticks, to_ticks};
use protocol::header::{Frame, Frames};
use protocol::market_data::{FeedMessage, Increment, SubscriberMessage, encode_increment};
use protocol::order_entry::{ClientMessage, ServerMessage, lane_of};
use protocol::symbol::{ClassSymbol, ContractSymbol, Pattern};
use protocol::{MESSAGE_MAX, Misfit, VERSION, WireError};
use std::fmt::Debug;
use std::mem::discriminant;
use types::{Class, Command, ContractId, Hour, PRICE_MAX, RejectCode};

/// How many messages of one input are looked at.
const FRAMES_MAX: usize = 64;
/// Where an increment says whether it is the last part of its command.
const LAST_PART_AT: usize = 34;

pub(super) const CLIENT: Target = Target {
    name: "client-messages",
    holds: "what a client says to the gateway is read or refused, and reads the same when written again",
    seeds: || golden::with_stream(golden::order_entry()),
    words: no_words,
    mend: Some(state_length),
    start: || each_frame(client),
};

pub(super) const GATEWAY: Target = Target {
    name: "gateway-messages",
    holds: "what the gateway says to a client is read or refused, and reads the same when written again",
    seeds: || golden::with_stream(golden::order_entry()),
    words: no_words,
    mend: Some(state_length),
    start: || each_frame(gateway),
};

pub(super) const SUBSCRIBER: Target = Target {
    name: "subscriber-messages",
    holds: "what a subscriber says to the feed is read or refused, and reads the same when written again",
    seeds: || golden::with_stream(golden::market_data()),
    words: no_words,
    mend: Some(state_length),
    start: || each_frame(subscriber),
};

pub(super) const FEED: Target = Target {
    name: "feed-messages",
    holds: "what the feed says to a subscriber is read or refused, and reads the same when written again",
    seeds: || golden::with_stream(golden::market_data()),
    words: no_words,
    mend: Some(state_length),
    start: || each_frame(feed),
};

pub(super) const CLASS: Target = Target {
    name: "class-info",
    holds: "a class that is read is in its ranges, and its prices and symbols go there and back",
    seeds: || golden::market_data().into_iter().filter(|bytes| bytes.get(2) == Some(&CLASS_KIND)).collect(),
    words: no_words,
    mend: Some(state_length),
    start: || each_frame(class),
};

/// The kind of a class on the wire.
const CLASS_KIND: u8 = 0x18;

/// Tries every message of an input.
fn each_frame(mut attempt: impl FnMut(Frame<'_>) -> Trace + 'static) -> Attempt {
    Box::new(move |input| {
        let mut traces = Vec::new();
        for frame in Frames::new(input).take(FRAMES_MAX) {
            match frame {
                Ok(frame) => {
                    assert!((4..=MESSAGE_MAX).contains(&frame.bytes.len()));
                    traces.push(attempt(frame));
                }
                Err(error) => traces.push(refused(0, &error)),
            }
        }
        // Many messages are no news: each is.
        traces.sort_unstable();
        traces.dedup();
        if traces.len() > 1 { Trace::of(traces.len()) } else { Trace::of(traces) }
    })
}

/// States the length the input has, and the version.
fn state_length(bytes: &mut Vec<u8>) {
    bytes.truncate(MESSAGE_MAX);
    let Ok(length) = u16::try_from(bytes.len()) else { return };
    if let Some(header) = bytes.first_chunk_mut::<4>() {
        header[..2].copy_from_slice(&length.to_le_bytes());
        header[3] = VERSION;
    }
}

fn client(frame: Frame<'_>) -> Trace {
    let message = match ClientMessage::decode(frame) {
        Ok(message) => message,
        Err(error) => return refused(frame.kind, &error),
    };
    if let ClientMessage::Misfit { code, lane, .. } = message {
        assert!(matches!(code, RejectCode::UnknownChoice | RejectCode::BadField), "{message:?}");
        assert!(message.encode(&mut Vec::new()).is_err(), "a misfit is never said");
        return Trace::of((frame.kind, code.number(), lane));
    }
    let mut again = Vec::new();
    message.encode(&mut again).expect("what was read from the wire can be written to it");
    comes_back(frame, &again, &message, ClientMessage::decode);
    let ClientMessage::Command { command, .. } = message else { return Trace::of((frame.kind, 0)) };
    let checked = match &command {
        Command::NewOrder(order) => order.check().map_err(|(code, _)| code.number()),
        Command::DefineClass { spec, .. } if !spec.is_valid() => Err(0),
        _ => Ok(()),
    };
    Trace::of((frame.kind, lane_of(&command), checked))
}

fn gateway(frame: Frame<'_>) -> Trace {
    let message = match ServerMessage::decode(frame) {
        Ok(message) => message,
        Err(error) => return refused(frame.kind, &error),
    };
    let mut again = Vec::new();
    message.encode(&mut again);
    comes_back(frame, &again, &message, ServerMessage::decode);
    match message {
        ServerMessage::Report(report) => Trace::of((frame.kind, report.answers.is_some())),
        ServerMessage::Refused(refused) => {
            assert!(!refused.code.sentence(refused.value).is_empty());
            Trace::of((frame.kind, refused.code.number()))
        }
        ServerMessage::Class(class) => Trace::of((frame.kind, listed(class))),
        _ => Trace::of((frame.kind, discriminant(&message))),
    }
}

fn subscriber(frame: Frame<'_>) -> Trace {
    let message = match SubscriberMessage::decode(frame) {
        Ok(message) => message,
        Err(error) => return refused(frame.kind, &error),
    };
    let mut again = Vec::new();
    message.encode(&mut again);
    comes_back(frame, &again, &message, SubscriberMessage::decode);
    if let SubscriberMessage::Subscribe(wish) = message {
        let text = wish.pattern.to_string();
        // A start beyond what a contract's id holds has a text, but nobody can type it.
        if wish.pattern.start.is_none_or(|start| start.0 < 1 << 21) {
            assert_eq!(text.parse::<Pattern>().as_ref(), Ok(&wish.pattern));
        }
        return Trace::of((frame.kind, discriminant(&wish.depth), wish.pattern.start.is_some()));
    }
    Trace::of(frame.kind)
}

fn feed(frame: Frame<'_>) -> Trace {
    let message = match FeedMessage::decode(frame) {
        Ok(message) => message,
        Err(error) => return refused(frame.kind, &error),
    };
    let mut again = Vec::new();
    message.encode(&mut again);
    comes_back(frame, &again, &message, FeedMessage::decode);
    match message {
        FeedMessage::Increment(increment) => {
            assert_eq!(again, frame.bytes, "an increment is passed on as it came");
            entries(frame, &increment)
        }
        FeedMessage::Class(class) => Trace::of((frame.kind, listed(class))),
        FeedMessage::Top(top) => Trace::of((frame.kind, top.bid.is_some(), top.ask.is_some())),
        _ => Trace::of(frame.kind),
    }
}

fn entries(frame: Frame<'_>, increment: &Increment<'_>) -> Trace {
    let read: Result<Vec<_>, WireError> = increment.events().collect();
    let events = match read {
        Ok(events) => events,
        Err(error) => return refused(frame.kind, &error),
    };
    assert_eq!(events.len(), increment.len());
    if !events.is_empty() {
        let mut again = Vec::new();
        encode_increment(&events, increment.several, &mut again);
        assert_eq!(again[LAST_PART_AT], 1, "all that is written is whole");
        again[LAST_PART_AT] = u8::from(increment.last);
        only_zeros_differ(frame.bytes, &again);
    }
    let kinds: Vec<_> = events.iter().map(|event| discriminant(&event.body)).collect();
    Trace::of((frame.kind, increment.last, increment.several, kinds.into_iter().take(2).collect::<Vec<_>>()))
}

fn class(frame: Frame<'_>) -> Trace {
    match FeedMessage::decode(frame) {
        Ok(FeedMessage::Class(class)) => Trace::of(listed(class)),
        Ok(_) => Trace::of(frame.kind),
        Err(error) => refused(frame.kind, &error),
    }
}

/// What must hold of a class that was read.
fn listed(class: Class) -> u8 {
    let Class { no, spec } = class;
    assert!(spec.is_valid(), "{class:?}");
    for ticks in [1, 2, 21_000, PRICE_MAX] {
        assert_eq!(to_ticks(from_ticks(ticks, &spec), &spec), Ok(ticks), "{class:?}");
    }
    let symbol = ClassSymbol::of(&spec);
    assert_eq!(symbol.to_string().parse(), Ok(symbol));
    for start in [0, 1, 498_710, (1 << 21) - 1] {
        let Some(contract) = class.contract(Hour(start)) else { continue };
        assert_eq!((contract.class(), contract.start()), (no, Hour(start)));
        assert_eq!(ContractSymbol::of(&class, contract).contract(&class), Ok(contract));
        assert!(
            class.gate(contract) <= contract.start().starts() && class.end(contract) > class.gate(contract)
        );
    }
    let odd = ContractId(u32::MAX);
    assert!(!ContractSymbol::of(&class, odd).to_string().is_empty());
    // Of how many decimal places prices are is about all that classes differ in here.
    u8::try_from(from_ticks(1, &spec).scale()).unwrap_or(u8::MAX)
}

/// The message, written again, is what was read, but for zeros where nobody looks; and reads the same.
fn comes_back<'a, M: PartialEq + Debug>(
    frame: Frame<'a>,
    again: &'a [u8],
    message: &M,
    decode: impl FnOnce(Frame<'a>) -> Result<M, WireError>,
) {
    only_zeros_differ(frame.bytes, again);
    let frame = Frame { kind: frame.kind, bytes: again };
    assert_eq!(decode(frame).as_ref(), Ok(message));
}

fn only_zeros_differ(read: &[u8], written: &[u8]) {
    assert_eq!(read.len(), written.len());
    let differ = |at: &usize| written[*at] != read[*at] && written[*at] != 0;
    let at = (0..read.len()).find(differ);
    assert_eq!(at, None, "read {read:02x?}, written {written:02x?}");
}

fn refused(kind: u8, error: &WireError) -> Trace {
    assert!(!error.to_string().is_empty());
    assert!(error.close_code().number() > 0);
    match error {
        WireError::BadValue(misfit) => Trace::of((kind, error.close_code().number(), field(misfit))),
        _ => Trace::of((kind, discriminant(error))),
    }
}

/// The field a misfit is about, without its value.
fn field(misfit: &Misfit) -> &'static str {
    match misfit {
        Misfit::Choice { field, .. } | Misfit::Form { field } => field,
    }
}
