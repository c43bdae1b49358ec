//! Reject codes: every reason a command can be refused, one number each.

use std::fmt;

/// Why a command was refused. Below 100: stateless, from the gateway; it took no number and is not journaled.
/// From 100: stateful, from the engine; journaled, and answered with a numbered report.
///
/// The `value` beside a code is what is stated with it; 0 where nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum RejectCode {
    /// The price is not from 1 to the highest; value: the price in ticks.
    PriceOutOfRange = 1,
    /// The units are not from 1 to the most; value: the units.
    UnitsOutOfRange = 2,
    /// A side, time in force, role or other choice that does not exist; value: the byte.
    UnknownChoice = 3,
    /// A text that is no code or name, or an amount below 1; value: the amount, or 0.
    BadField = 4,
    /// The number is not above the highest taken on this lane and was never taken itself; value: the highest.
    NotTaken = 5,
    /// The number was taken, but its outcome is older than what is kept; value: the highest taken.
    OutcomeTooOld = 6,
    /// Too many commands a second; value: how many milliseconds to wait.
    Throttled = 7,
    /// The exchange is stopping and takes nothing more.
    Stopping = 8,
    /// The minimum is more than the units; value: the minimum.
    MinUnitsOutOfRange = 9,
    /// An iceberg shows more than its units, or less than a hundredth of them; value: what it would show.
    ShownOutOfRange = 10,
    /// The trigger is not from 1 to the highest price; value: the trigger in ticks.
    TriggerOutOfRange = 11,
    /// Terms that exclude each other; value: 1 an iceberg that may not rest, 2 a post-only order that may not
    /// rest, 3 a post-only order with a minimum, 4 a block as a market order, 5 a block as an iceberg, 6 a post-only
    /// block, 7 a block as a stop, 8 a block that decrements, 9 same provider of anything but a buy block.
    TermsConflict = 12,
    /// The grace of a cancel on disconnect is longer than a day; value: the grace in seconds.
    GraceOutOfRange = 13,
    /// The exchange's disk is full: nothing is taken that makes the journal longer, cancels last of all. The same number
    /// may be sent again when there is space.
    NoRoom = 14,
    /// A block is for fewer slots than 2 or more than the most; value: the slots.
    SlotsOutOfRange = 15,
    /// A limit of an account is below 0, or of open orders above the most there can be; value: the limit.
    LimitOutOfRange = 16,

    /// No such key is registered.
    UnknownKey = 100,
    /// The key is revoked; value: its number.
    KeyRevoked = 101,
    /// The key has expired; value: its number.
    KeyExpired = 102,
    /// The key, or its account's role, may not do this; value: its rights as bits.
    NotAllowed = 103,
    /// The client's number is not above the last one taken; value: the last one.
    NumberNotRising = 104,
    /// The account's kill switch is on; value: its id.
    AccountKilled = 105,

    /// No such class; value: its number.
    UnknownClass = 110,
    /// No slot of the class starts at that hour; value: the slot length in hours.
    NotASlot = 111,
    /// The slot starts beyond the class's horizon; value: the horizon in hours.
    BeyondHorizon = 112,
    /// The contract's gate has closed; value: the gate in seconds since 1970.
    GateClosed = 113,
    /// The gate of a block's first slot has closed, and that of its last has not; value: the first gate in seconds
    /// since 1970.
    BlockAcrossGate = 114,
    /// A block ends beyond the class's horizon, or its class has no more slots in one; value: the horizon in hours.
    BlockBeyondHorizon = 115,
    /// The gates of all slots of a block have closed; value: the last gate in seconds since 1970.
    BlockInThePast = 116,
    /// Orders of this kind are not taken in the contract's phase; value: the phase's number.
    WrongPhase = 117,
    /// The contract, or one of a block's, is halted; value: the contract's id.
    Halted = 118,
    /// The contract's auction is being worked out, which takes a moment; value: the contract's id.
    Uncrossing = 119,

    /// No open order of the account is named so: never there, not its own, filled or cancelled.
    UnknownOrder = 120,
    /// The new total is not above what is filled already; value: units filled.
    AlreadyFilled = 121,
    /// A post-only order would trade at once; value: the price it would trade at first, in ticks.
    WouldTrade = 122,
    /// The moment it is good till is not to come; value: that moment in seconds since 1970.
    ExpiryPassed = 123,
    /// A market order names no protection price, and its class has no band to protect it.
    NoProtection = 124,
    /// The limit is outside the class's static band; value: the nearest price within, in ticks.
    OutsideBand = 125,
    /// The account has as many open orders as it may have; value: how many.
    TooManyOrders = 126,
    /// The account has as many resting blocks as it may have; value: how many.
    TooManyBlocks = 127,
    /// More units than one order of the class may have; value: the most.
    OrderTooLarge = 128,
    /// The order is worth more at its limit than the account's orders may be; value: the most, in millionths.
    ValueTooLarge = 129,

    /// Not enough free cash; value: what the order would reserve more, in millionths.
    NotEnoughCash = 130,
    /// Not enough free units of the contract; value: what is free.
    NotEnoughUnits = 131,
    /// The amounts do not fit in a 64-bit number of millionths, or the units in 32 bits; value: the units or
    /// millionths asked for.
    TooLarge = 132,

    /// No such account; value: its id.
    UnknownAccount = 140,
    /// Another account has that name; value: its id.
    NameTaken = 141,
    /// The class is listed already; value: its number.
    ClassListed = 142,
    /// A term of the class is out of its range.
    BadClass = 143,
    /// The public key is registered already; value: its number.
    KeyListed = 144,
    /// The exchange is full: of classes, accounts, keys, currencies or orders; value: the most there can be.
    Full = 145,
    /// No class is in that currency.
    UnknownCurrency = 146,
    /// A deposit with this external id is there already, of another size; value: its size.
    DepositDiffers = 147,
    /// Only the exchange itself says this.
    SequencerOnly = 149,
}

impl RejectCode {
    /// Every code there is, in rising order.
    pub const ALL: [RejectCode; 54] = [
        RejectCode::PriceOutOfRange,
        RejectCode::UnitsOutOfRange,
        RejectCode::UnknownChoice,
        RejectCode::BadField,
        RejectCode::NotTaken,
        RejectCode::OutcomeTooOld,
        RejectCode::Throttled,
        RejectCode::Stopping,
        RejectCode::MinUnitsOutOfRange,
        RejectCode::ShownOutOfRange,
        RejectCode::TriggerOutOfRange,
        RejectCode::TermsConflict,
        RejectCode::GraceOutOfRange,
        RejectCode::NoRoom,
        RejectCode::SlotsOutOfRange,
        RejectCode::LimitOutOfRange,
        RejectCode::UnknownKey,
        RejectCode::KeyRevoked,
        RejectCode::KeyExpired,
        RejectCode::NotAllowed,
        RejectCode::NumberNotRising,
        RejectCode::AccountKilled,
        RejectCode::UnknownClass,
        RejectCode::NotASlot,
        RejectCode::BeyondHorizon,
        RejectCode::GateClosed,
        RejectCode::BlockAcrossGate,
        RejectCode::BlockBeyondHorizon,
        RejectCode::BlockInThePast,
        RejectCode::WrongPhase,
        RejectCode::Halted,
        RejectCode::Uncrossing,
        RejectCode::UnknownOrder,
        RejectCode::AlreadyFilled,
        RejectCode::WouldTrade,
        RejectCode::ExpiryPassed,
        RejectCode::NoProtection,
        RejectCode::OutsideBand,
        RejectCode::TooManyOrders,
        RejectCode::TooManyBlocks,
        RejectCode::OrderTooLarge,
        RejectCode::ValueTooLarge,
        RejectCode::NotEnoughCash,
        RejectCode::NotEnoughUnits,
        RejectCode::TooLarge,
        RejectCode::UnknownAccount,
        RejectCode::NameTaken,
        RejectCode::ClassListed,
        RejectCode::BadClass,
        RejectCode::KeyListed,
        RejectCode::Full,
        RejectCode::UnknownCurrency,
        RejectCode::DepositDiffers,
        RejectCode::SequencerOnly,
    ];

    /// The code as it stands on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The code with this number, if there is one.
    #[must_use]
    pub fn from_number(number: u16) -> Option<RejectCode> {
        RejectCode::ALL.into_iter().find(|code| code.number() == number)
    }

    /// One clear sentence about the refusal with its `value` in it.
    #[must_use]
    pub fn sentence(self, value: i64) -> String {
        match self {
            RejectCode::PriceOutOfRange => {
                format!("the price of {value} ticks is out of range: expected 1 to {}", crate::PRICE_MAX)
            }
            RejectCode::UnitsOutOfRange => {
                format!("{value} units are out of range: expected 1 to {}", crate::UNITS_MAX)
            }
            RejectCode::UnknownChoice => format!("a choice coded {value} does not exist"),
            RejectCode::BadField => format!("a code, name or amount is not in its form (value {value})"),
            RejectCode::NotTaken => format!("the command was never taken; numbers up to {value} are used up"),
            RejectCode::OutcomeTooOld => {
                format!("the command was taken, but its outcome is no longer kept; last taken was {value}")
            }
            RejectCode::Throttled => format!("too many commands: wait {value} ms"),
            RejectCode::Stopping => "the exchange is stopping and takes nothing more".to_owned(),
            RejectCode::MinUnitsOutOfRange => {
                format!("a minimum of {value} units is more than the order's units")
            }
            RejectCode::ShownOutOfRange => {
                format!(
                    "{value} shown units are out of range: expected a hundredth of the units to all of them"
                )
            }
            RejectCode::TriggerOutOfRange => {
                format!("the trigger of {value} ticks is out of range: expected 1 to {}", crate::PRICE_MAX)
            }
            RejectCode::TermsConflict => match value {
                1 => "an iceberg must be able to rest: it cannot be IOC, FOK or a market order",
                2 => "a post-only order must be able to rest: it cannot be IOC, FOK or a market order",
                3 => "a post-only order cannot have a minimum to trade at once",
                4 => "a block needs a limit: it cannot be a market order",
                5 => "a block cannot be an iceberg",
                6 => "a block cannot be post-only",
                7 => "a block cannot be a stop",
                8 => "a block cannot be decremented: all its slots have the same units",
                _ => "only a block that buys can ask for the same provider",
            }
            .to_owned(),
            RejectCode::UnknownKey => "the key is not registered here".to_owned(),
            RejectCode::KeyRevoked => format!("key {value} is revoked"),
            RejectCode::KeyExpired => format!("key {value} has expired"),
            RejectCode::NotAllowed => {
                let rights = crate::Rights(u8::try_from(value).unwrap_or(0));
                format!("the key may not do this; it may {rights}")
            }
            RejectCode::NoRoom => "the exchange's disk is full: try again when there is space".to_owned(),
            RejectCode::SlotsOutOfRange => {
                format!("a block is for 2 to {} slots in a row, this one for {value}", crate::BLOCK_SLOTS_MAX)
            }
            RejectCode::LimitOutOfRange => format!("a limit of {value} is out of range"),
            RejectCode::GraceOutOfRange => {
                format!("a grace of {value} s is too long: expected at most {} s", crate::GRACE_MAX)
            }
            RejectCode::NumberNotRising => {
                format!("the command's number is not above the last taken, {value}")
            }
            RejectCode::AccountKilled => {
                format!("account {value} has been stopped by an operator: it may only read")
            }
            RejectCode::UnknownClass => format!("there is no class number {value}"),
            RejectCode::NotASlot => {
                format!(
                    "no slot starts at that hour: slots are {value} h long and start at multiples of that"
                )
            }
            RejectCode::BeyondHorizon => format!("the slot is too far ahead: contracts exist for {value} h"),
            RejectCode::GateClosed => {
                format!("the contract stopped trading at gate closure ({value} s since 1970)")
            }
            RejectCode::BlockAcrossGate => {
                format!("the block's first slot stopped trading at its gate closure ({value} s since 1970)")
            }
            RejectCode::BlockBeyondHorizon => {
                format!("the block ends too far ahead: contracts exist for {value} h")
            }
            RejectCode::BlockInThePast => {
                format!("all slots of the block have stopped trading, the last at {value} s since 1970")
            }
            RejectCode::WrongPhase => {
                let phase = usize::try_from(value).ok().and_then(|number| crate::Phase::ALL.get(number));
                let phase = phase.map_or_else(|| "another".to_owned(), |phase| format!("{phase:?}"));
                format!(
                    "the contract's phase is {phase}: only limit and market orders, good till cancelled or a date, are \
                     taken"
                )
            }
            RejectCode::Halted => {
                format!("trading is halted (contract {value}): orders can only be cancelled")
            }
            RejectCode::Uncrossing => {
                format!("the auction of contract {value} is being worked out: try again in a moment")
            }
            RejectCode::UnknownOrder => "no open order of this account is named so".to_owned(),
            RejectCode::AlreadyFilled => {
                format!("{value} units are filled already: the new total must be higher")
            }
            RejectCode::WouldTrade => format!("post-only, but it would trade at once, at {value} ticks"),
            RejectCode::ExpiryPassed => {
                format!("good till a moment that is not to come: {value} seconds since 1970")
            }
            RejectCode::NoProtection => {
                "a market order needs a protection price here: the class has no price band".to_owned()
            }
            RejectCode::OutsideBand => {
                format!("the price is outside the class's static band: the nearest within is {value} ticks")
            }
            RejectCode::TooManyOrders => format!("the account may have no more than {value} open orders"),
            RejectCode::TooManyBlocks => format!("the account may have no more than {value} resting blocks"),
            RejectCode::OrderTooLarge => {
                format!("one order of the class may have no more than {value} units")
            }
            RejectCode::ValueTooLarge => {
                format!(
                    "one order of the account may be worth no more than {}.{:06}",
                    value / 1_000_000,
                    value % 1_000_000
                )
            }
            RejectCode::NotEnoughCash => {
                format!(
                    "not enough free cash: {}.{:06} more would be reserved",
                    value / 1_000_000,
                    value % 1_000_000
                )
            }
            RejectCode::NotEnoughUnits => format!("not enough free units of the contract: {value} are free"),
            RejectCode::TooLarge => "the amount is too large to be kept".to_owned(),
            RejectCode::UnknownAccount => format!("there is no account {value}"),
            RejectCode::NameTaken => format!("account {value} has that name already"),
            RejectCode::ClassListed => format!("the class is listed already, as number {value}"),
            RejectCode::BadClass => "a term of the class is out of its range".to_owned(),
            RejectCode::KeyListed => format!("the public key is registered already, as key {value}"),
            RejectCode::Full => format!("the exchange is full: there can be {value} at most"),
            RejectCode::UnknownCurrency => "no class is in that currency".to_owned(),
            RejectCode::DepositDiffers => {
                format!("a deposit with this external id is there already, of another size: {value}")
            }
            RejectCode::SequencerOnly => "only the exchange itself may say this".to_owned(),
        }
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_come_back() {
        assert!(RejectCode::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        for code in RejectCode::ALL {
            assert_eq!(RejectCode::from_number(code.number()), Some(code));
        }
        assert_eq!(RejectCode::from_number(0), None);
    }

    #[test]
    fn every_sentence_stands() {
        for code in RejectCode::ALL {
            assert!(code.sentence(7).len() > 10, "{code}");
        }
        assert!(RejectCode::NotEnoughCash.sentence(12_500_000).contains("12.500000"));
    }
}
