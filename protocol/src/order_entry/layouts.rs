//! Every order-entry message as it stands on the wire, field by field; docs/order-entry.md says what each
//! field means. Numbers are little-endian; `pad` is sent as zeros and not looked at.

use super::terms::{MassCancelTerms, OrderTerms, ScopeTerms};
use crate::class_info::ClassTerms;
use crate::header::Header;
use crate::wire::{layout, message};
use zerocopy::little_endian::{I64, U16, U32, U64};

// Session.

layout! {
    /// What may still be said on a lane, and how that grows.
    AllowanceTerms {
        left: U32,
        rate: U32,
        burst: U32,
    }
}

message! {
    Hello = 0x01 {
        header: Header,
        pad: [u8; 4],
        resume_after: U64,
    }
}

message! {
    Welcome = 0x02 {
        header: Header,
        account: U32,
        key: U32,
        role: u8,
        rights: u8,
        resumed: u8,
        heartbeat: u8,
        time: U64,
        sequence: U64,
        taken_orders: U64,
        taken_cancels: U64,
        first_report: U64,
        last_report: U64,
        orders: AllowanceTerms,
        cancels: AllowanceTerms,
    }
}

message! {
    LaneOpen = 0x03 {
        header: Header,
        lane: u8,
        pad: [u8; 3],
    }
}

message! {
    Refused = 0x04 {
        header: Header,
        lane: u8,
        pad: [u8; 1],
        code: U16,
        number: U64,
        value: I64,
    }
}

message! {
    ClientHeartbeat = 0x05 {
        header: Header,
    }
}

message! {
    Heartbeat = 0x06 {
        header: Header,
        pad: [u8; 4],
        last_report: U64,
        orders: AllowanceTerms,
        cancels: AllowanceTerms,
    }
}

message! {
    Logout = 0x07 {
        header: Header,
    }
}

message! {
    LoggedOut = 0x08 {
        header: Header,
        pad: [u8; 4],
        last_report: U64,
    }
}

// Queries and their answers.

message! {
    AccountQuery = 0x10 {
        header: Header,
        request: U32,
    }
}

message! {
    ClassesQuery = 0x11 {
        header: Header,
        request: U32,
    }
}

message! {
    AccountsQuery = 0x12 {
        header: Header,
        request: U32,
    }
}

message! {
    QueryEnd = 0x13 {
        header: Header,
        request: U32,
        sequence: U64,
        last_report: U64,
    }
}

message! {
    QueryRefused = 0x14 {
        header: Header,
        request: U32,
        value: I64,
        code: U16,
        pad: [u8; 6],
    }
}

message! {
    Balance = 0x15 {
        header: Header,
        account: U32,
        free: I64,
        reserved: I64,
        currency: [u8; 12],
        pad: [u8; 4],
    }
}

message! {
    Holding = 0x16 {
        header: Header,
        account: U32,
        contract: U32,
        free: U32,
        reserved: U32,
    }
}

message! {
    OpenOrder = 0x17 {
        header: Header,
        account: U32,
        order: U64,
        number: U64,
        terms: OrderTerms,
        key: U32,
        slot: U32,
        left: U32,
        shown: U32,
    }
}

message! {
    AccountInfo = 0x19 {
        header: Header,
        account: U32,
        name: [u8; 16],
        order_value: I64,
        open_orders: U32,
        open_blocks: U32,
        role: u8,
        killed: u8,
        pad: [u8; 6],
    }
}

message! {
    KeyInfo = 0x1a {
        header: Header,
        key: U32,
        account: U32,
        rights: u8,
        revoked: u8,
        pad: [u8; 2],
        expires: U64,
        taken_orders: U64,
        taken_cancels: U64,
        public: [u8; 32],
        grace: U32,
        origin: U32,
    }
}

// Commands.

message! {
    NewOrder = 0x20 {
        header: Header,
        pad: [u8; 4],
        number: U64,
        terms: OrderTerms,
    }
}

message! {
    Cancel = 0x21 {
        header: Header,
        slot: U32,
        number: U64,
        order: U64,
        by: u8,
        pad: [u8; 7],
    }
}

message! {
    Replace = 0x22 {
        header: Header,
        slot: U32,
        number: U64,
        order: U64,
        price: I64,
        units: U32,
        by: u8,
        pad: [u8; 3],
    }
}

message! {
    DepositCapacity = 0x23 {
        header: Header,
        contract: U32,
        number: U64,
        external: U64,
        units: U32,
        pad: [u8; 4],
    }
}

message! {
    DepositCash = 0x24 {
        header: Header,
        account: U32,
        number: U64,
        external: U64,
        amount: I64,
        currency: [u8; 12],
        why: [u8; 63],
        pad: [u8; 5],
    }
}

message! {
    DefineClass = 0x25 {
        header: Header,
        pad: [u8; 4],
        number: U64,
        terms: ClassTerms,
        why: [u8; 63],
        pad_end: [u8; 1],
    }
}

message! {
    OpenAccount = 0x26 {
        header: Header,
        pad: [u8; 4],
        number: U64,
        name: [u8; 16],
        why: [u8; 63],
        role: u8,
    }
}

message! {
    RegisterKey = 0x27 {
        header: Header,
        account: U32,
        number: U64,
        expires: U64,
        public: [u8; 32],
        why: [u8; 63],
        rights: u8,
    }
}

message! {
    RevokeKey = 0x28 {
        header: Header,
        key: U32,
        number: U64,
        why: [u8; 63],
        pad: [u8; 1],
    }
}

message! {
    MassCancel = 0x29 {
        header: Header,
        pad: [u8; 4],
        number: U64,
        terms: MassCancelTerms,
    }
}

message! {
    RotateKey = 0x2a {
        header: Header,
        pad: [u8; 4],
        number: U64,
        public: [u8; 32],
    }
}

message! {
    CancelOnDisconnect = 0x2b {
        header: Header,
        grace: U32,
        number: U64,
    }
}

message! {
    SetLimits = 0x2c {
        header: Header,
        account: U32,
        number: U64,
        order_value: I64,
        open_orders: U32,
        open_blocks: U32,
        why: [u8; 63],
        pad: [u8; 1],
    }
}

message! {
    SetKillSwitch = 0x2d {
        header: Header,
        account: U32,
        number: U64,
        why: [u8; 63],
        on: u8,
    }
}

message! {
    Halt = 0x2e {
        header: Header,
        pad: [u8; 4],
        number: U64,
        terms: ScopeTerms,
        why: [u8; 63],
        pad_end: [u8; 1],
    }
}

message! {
    Resume = 0x2f {
        header: Header,
        pad: [u8; 4],
        number: U64,
        terms: ScopeTerms,
        why: [u8; 63],
        pad_end: [u8; 1],
    }
}

// Reports.

layout! {
    /// What every report starts with.
    ReportHead {
        header: Header,
        account: U32,
        report: U64,
        sequence: U64,
        time: U64,
        number: U64,
        key: U32,
        lane: u8,
        pad: [u8; 3],
    }
}

message! {
    Accepted = 0x40 {
        head: ReportHead,
        order: U64,
        terms: OrderTerms,
        slot: U32,
        pad: [u8; 4],
    }
}

message! {
    Filled = 0x41 {
        head: ReportHead,
        order: U64,
        counter: U64,
        price: I64,
        fee: I64,
        contract: U32,
        units: U32,
        left: U32,
        side: u8,
        maker: u8,
        pad: [u8; 2],
    }
}

message! {
    Cancelled = 0x42 {
        head: ReportHead,
        order: U64,
        contract: U32,
        units: U32,
        left: U32,
        side: u8,
        reason: u8,
        pad: [u8; 2],
    }
}

message! {
    Replaced = 0x43 {
        head: ReportHead,
        order: U64,
        price: I64,
        contract: U32,
        units: U32,
        left: U32,
        slot: U32,
        side: u8,
        kept_priority: u8,
        pad: [u8; 6],
    }
}

message! {
    Rejected = 0x44 {
        head: ReportHead,
        value: I64,
        code: U16,
        pad: [u8; 6],
    }
}

message! {
    CashDeposited = 0x45 {
        head: ReportHead,
        amount: I64,
        external: U64,
        currency: [u8; 12],
        pad: [u8; 4],
    }
}

message! {
    CapacityDeposited = 0x46 {
        head: ReportHead,
        external: U64,
        contract: U32,
        units: U32,
    }
}

message! {
    Settled = 0x47 {
        head: ReportHead,
        contract: U32,
        units: U32,
    }
}

message! {
    ClassDefined = 0x48 {
        head: ReportHead,
        class: U16,
        pad: [u8; 6],
    }
}

message! {
    AccountOpened = 0x49 {
        head: ReportHead,
        opened: U32,
        pad: [u8; 4],
    }
}

message! {
    KeyRegistered = 0x4a {
        head: ReportHead,
        registered: U32,
        owner: U32,
    }
}

message! {
    KeyRevoked = 0x4b {
        head: ReportHead,
        revoked: U32,
        pad: [u8; 4],
    }
}

message! {
    CashCredited = 0x4c {
        head: ReportHead,
        amount: I64,
        external: U64,
        currency: [u8; 12],
        credited: U32,
    }
}

message! {
    Triggered = 0x4d {
        head: ReportHead,
        order: U64,
        contract: U32,
        left: U32,
        slot: U32,
        side: u8,
        pad: [u8; 3],
    }
}

message! {
    MassCancelAccepted = 0x4e {
        head: ReportHead,
        terms: MassCancelTerms,
    }
}

message! {
    MassCancelDone = 0x4f {
        head: ReportHead,
        orders: U32,
        pad: [u8; 4],
    }
}

message! {
    CancelOnDisconnectSet = 0x50 {
        head: ReportHead,
        grace: U32,
        pad: [u8; 4],
    }
}

message! {
    KeyRotated = 0x51 {
        head: ReportHead,
        replacement: U32,
        pad: [u8; 4],
    }
}

message! {
    BlockTraded = 0x52 {
        head: ReportHead,
        order: U64,
        value: I64,
        contract: U32,
        units: U32,
        left: U32,
        fills: U32,
        slots: U16,
        side: u8,
        pad: [u8; 5],
    }
}

message! {
    LimitsSet = 0x53 {
        head: ReportHead,
        order_value: I64,
        limited: U32,
        open_orders: U32,
        open_blocks: U32,
        pad: [u8; 4],
    }
}

message! {
    KillSwitchSet = 0x54 {
        head: ReportHead,
        stopped: U32,
        on: u8,
        pad: [u8; 3],
    }
}

message! {
    Halted = 0x55 {
        head: ReportHead,
        terms: ScopeTerms,
    }
}

message! {
    Resumed = 0x56 {
        head: ReportHead,
        terms: ScopeTerms,
    }
}
