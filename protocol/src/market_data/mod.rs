//! Market data: what a subscriber and the feed say to each other (docs/market-data.md).
//!
//! One QUIC connection: a control stream on which the subscriber asks, and one stream of data back.

mod control;
mod entry;
mod figures;
mod increment;
pub(crate) mod layouts;
mod snapshot;

pub use control::{Depth, Subscribe, SubscribeRefused, Subscribed};
pub use figures::{BookDigest, Index, Start, Top, TradeKind, TradePrint, WINDOW_HOURS, Window, WindowPrice};
pub use increment::{CommandEnd, ENTRIES_MAX, Increment, by_contract, commands, encode_increment, groups};
pub use snapshot::{SnapshotEnd, SnapshotStart, encode_snapshot};

use crate::class_info::{self, ClassInfo};
use crate::header::{Frame, WireError};
use crate::wire::Wire;
use types::{BlockEntry, Class, MarketEntry, Sequence, Timestamp};

/// The name of this protocol and its version in the TLS handshake.
pub const ALPN: &[u8] = b"cuex-feed/3";

/// What a subscriber says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriberMessage {
    /// First: who I am is known from the key.
    Hello,
    /// Send me this from now on.
    Subscribe(Subscribe),
    /// Send me this no longer.
    Unsubscribe {
        /// Which subscription.
        subscription: u32,
    },
}

/// What the feed says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedMessage<'a> {
    /// Control stream: the answer to `Hello`.
    Welcome {
        /// The last released command.
        sequence: Sequence,
        /// Its stamp.
        time: Timestamp,
    },
    /// Control stream: a subscription that is not served.
    SubscribeRefused(SubscribeRefused),
    /// A listed class.
    Class(Class),
    /// A snapshot begins.
    SnapshotStart(SnapshotStart),
    /// An order of the snapshot.
    SnapshotOrder(MarketEntry),
    /// A resting block of the snapshot.
    SnapshotBlock(BlockEntry),
    /// The snapshot is whole.
    SnapshotEnd(SnapshotEnd),
    /// The subscription is served: all its snapshots are out.
    Subscribed(Subscribed),
    /// What one command changed in one book, or a part of it.
    Increment(Increment<'a>),
    /// All has come of a command that changed several contracts.
    CommandEnd(CommandEnd),
    /// What the book must come to.
    BookDigest(BookDigest),
    /// Best bid and ask.
    Top(Top),
    /// A trade.
    TradePrint(TradePrint),
    /// The index of a model.
    Index(Index),
    /// What a window of a standard length costs or brings.
    Window(Window),
    /// Nothing is lost up to here.
    Heartbeat {
        /// The last released command.
        sequence: Sequence,
        /// Its stamp, or the time the feed had come to.
        time: Timestamp,
    },
}

impl SubscriberMessage {
    /// Reads what a subscriber says.
    ///
    /// # Errors
    /// [`WireError::UnknownKind`] for what a subscriber never says, [`WireError::WrongLength`],
    /// [`WireError::BadValue`].
    pub fn decode(frame: Frame<'_>) -> Result<SubscriberMessage, WireError> {
        control::decode_subscriber(frame)
    }

    /// Appends the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        control::encode_subscriber(self, out);
    }
}

impl<'a> FeedMessage<'a> {
    /// Reads what the feed says.
    ///
    /// # Errors
    /// [`WireError::UnknownKind`] for what a feed never says, [`WireError::WrongLength`],
    /// [`WireError::BadValue`]. The entries of an increment are read, and refused, one by one later.
    pub fn decode(frame: Frame<'a>) -> Result<FeedMessage<'a>, WireError> {
        match frame.kind {
            layouts::INCREMENT_KIND => increment::decode(frame).map(FeedMessage::Increment),
            layouts::BookDigest::KIND => figures::decode_digest(frame).map(FeedMessage::BookDigest),
            layouts::Top::KIND => figures::decode_top(frame).map(FeedMessage::Top),
            layouts::CommandEnd::KIND => increment::decode_end(frame).map(FeedMessage::CommandEnd),
            layouts::TradePrint::KIND => figures::decode_print(frame).map(FeedMessage::TradePrint),
            layouts::Index::KIND => figures::decode_index(frame).map(FeedMessage::Index),
            layouts::Window::KIND => figures::decode_window(frame).map(FeedMessage::Window),
            layouts::SnapshotStart::KIND => snapshot::decode_start(frame).map(FeedMessage::SnapshotStart),
            layouts::SnapshotOrder::KIND => snapshot::decode_order(frame).map(FeedMessage::SnapshotOrder),
            layouts::SnapshotBlock::KIND => snapshot::decode_block(frame).map(FeedMessage::SnapshotBlock),
            layouts::SnapshotEnd::KIND => snapshot::decode_end(frame).map(FeedMessage::SnapshotEnd),
            ClassInfo::KIND => class_info::decode(frame).map(FeedMessage::Class),
            _ => control::decode_feed(frame),
        }
    }

    /// Appends the message to `out`. An increment that was read is passed on as it came; a new one is written
    /// by [`encode_increment`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            FeedMessage::Increment(increment) => increment.copy_to(out),
            FeedMessage::BookDigest(digest) => figures::encode_digest(digest, out),
            FeedMessage::Top(top) => figures::encode_top(top, out),
            FeedMessage::CommandEnd(end) => increment::encode_end(end, out),
            FeedMessage::TradePrint(print) => figures::encode_print(print, out),
            FeedMessage::Index(index) => figures::encode_index(index, out),
            FeedMessage::Window(window) => figures::encode_window(window, out),
            FeedMessage::SnapshotStart(start) => snapshot::encode_start(start, out),
            FeedMessage::SnapshotOrder(entry) => snapshot::encode_order(entry, out),
            FeedMessage::SnapshotBlock(block) => snapshot::encode_block(block, out),
            FeedMessage::SnapshotEnd(end) => snapshot::encode_end(end, out),
            FeedMessage::Class(class) => class_info::encode(class, out),
            FeedMessage::Welcome { sequence, time } => control::encode_welcome(*sequence, *time, out),
            FeedMessage::SubscribeRefused(refused) => control::encode_refused(refused, out),
            FeedMessage::Subscribed(subscribed) => control::encode_subscribed(subscribed, out),
            FeedMessage::Heartbeat { sequence, time } => control::encode_heartbeat(*sequence, *time, out),
        }
    }
}
