//! Every market-data message as it stands on the wire, field by field; docs/market-data.md says what each
//! field means. Numbers are little-endian; `pad` is sent as zeros and not looked at.

use crate::header::Header;
use crate::wire::{layout, message};
use zerocopy::little_endian::{I64, U16, U32, U64};

// Control.

message! {
    FeedHello = 0x80 {
        header: Header,
        pad: [u8; 4],
    }
}

message! {
    FeedWelcome = 0x81 {
        header: Header,
        pad: [u8; 4],
        sequence: U64,
        time: U64,
    }
}

message! {
    Subscribe = 0x82 {
        header: Header,
        subscription: U32,
        model: [u8; 12],
        region: [u8; 12],
        start: U32,
        depth: u8,
        pad: [u8; 3],
    }
}

message! {
    Unsubscribe = 0x83 {
        header: Header,
        subscription: U32,
    }
}

message! {
    SubscribeRefused = 0x84 {
        header: Header,
        subscription: U32,
        value: I64,
        code: U16,
        pad: [u8; 6],
    }
}

// Data.

message! {
    Subscribed = 0x85 {
        header: Header,
        subscription: U32,
        contracts: U32,
    }
}

message! {
    FeedHeartbeat = 0x86 {
        header: Header,
        pad: [u8; 4],
        sequence: U64,
        time: U64,
    }
}

message! {
    SnapshotStart = 0x90 {
        header: Header,
        contract: U32,
        sequence: U64,
        last_price: I64,
        auction_price: I64,
        indicative_price: I64,
        indicative_volume: U32,
        orders: U32,
        blocks: U32,
        phase: u8,
        pad: [u8; 3],
    }
}

message! {
    SnapshotOrder = 0x91 {
        header: Header,
        units: U32,
        order: U64,
        price: I64,
        side: u8,
        pad: [u8; 7],
    }
}

message! {
    SnapshotBlock = 0x93 {
        header: Header,
        units: U32,
        order: U64,
        price: I64,
        min_units: U32,
        slots: U16,
        side: u8,
        same_provider: u8,
    }
}

message! {
    SnapshotEnd = 0x92 {
        header: Header,
        contract: U32,
        sequence: U64,
        digest: U32,
        pad: [u8; 4],
    }
}

layout! {
    /// What an increment starts with; as many entries as it counts follow.
    IncrementHead {
        header: Header,
        contract: U32,
        previous: U64,
        sequence: U64,
        time: U64,
        count: U16,
        last: u8,
        several: u8,
        pad: [u8; 4],
    }
}

layout! {
    /// One change of a book.
    Entry {
        change: u8,
        side: u8,
        phase: u8,
        same_provider: u8,
        units: U32,
        price: I64,
        order: U64,
        min_units: U32,
        slots: U16,
        pad: [u8; 2],
    }
}

message! {
    BookDigest = 0xa1 {
        header: Header,
        contract: U32,
        sequence: U64,
        digest: U32,
        pad: [u8; 4],
    }
}

message! {
    Top = 0xa2 {
        header: Header,
        contract: U32,
        sequence: U64,
        time: U64,
        bid: I64,
        bid_units: U64,
        ask: I64,
        ask_units: U64,
    }
}

message! {
    TradePrint = 0xa3 {
        header: Header,
        contract: U32,
        sequence: U64,
        time: U64,
        price: I64,
        maker: U64,
        units: U32,
        taker: u8,
        kind: u8,
        pad: [u8; 2],
    }
}

message! {
    CommandEnd = 0xa4 {
        header: Header,
        pad: [u8; 4],
        sequence: U64,
    }
}

message! {
    Index = 0xa5 {
        header: Header,
        model: [u8; 12],
        currency: [u8; 12],
        precision: [u8; 12],
        sequence: U64,
        time: U64,
        price: I64,
        pflop_hour: I64,
        unit_hours: U64,
    }
}

message! {
    Window = 0xa6 {
        header: Header,
        contract: U32,
        sequence: U64,
        price: I64,
        total: I64,
        units: U64,
        class: U16,
        hours: u8,
        side: u8,
        start: u8,
        pad: [u8; 3],
    }
}

/// The kind of an increment, the one message of varying length.
pub(crate) const INCREMENT_KIND: u8 = 0xa0;
