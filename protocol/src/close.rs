//! Close codes: why a connection ended.

use std::fmt;

/// Why a connection ended: the application close code of QUIC. It comes with one sentence of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CloseCode {
    /// Whoever closed is done; nothing is wrong.
    Done = 0,
    /// A message's length does not go with its kind, a field outside a command holds what names nothing, or a
    /// stream ended inside a message.
    Malformed = 1,
    /// A message is longer than [`crate::MESSAGE_MAX`].
    TooLong = 2,
    /// A message of a kind this side never takes.
    UnknownKind = 3,
    /// A message of another protocol version.
    WrongVersion = 4,
    /// A message on a stream, or at a moment, it does not belong to; a stream too many.
    OutOfPlace = 5,
    /// A cancel on the orders lane or another command on the cancels lane; a lane opened twice.
    WrongLane = 6,
    /// The client's key is not registered here, or has expired.
    UnknownKey = 7,
    /// The key has been revoked.
    KeyRevoked = 8,
    /// The key has no right to be here.
    NotAllowed = 9,
    /// The same key has connected again; the newer connection stays.
    Superseded = 10,
    /// The client does not take its reports or its market data fast enough; it may come back and resume.
    TooSlow = 11,
    /// There are as many connections as there may be.
    TooMany = 12,
    /// The exchange is stopping in good order.
    Stopping = 13,
    /// The exchange has failed; the outcome of what was not answered is unknown.
    Failed = 14,
    /// Nothing was heard from the other end for three heartbeats, or no hello in time.
    Silent = 15,
}

impl CloseCode {
    /// Every code there is, in rising order.
    pub const ALL: [CloseCode; 16] = [
        CloseCode::Done,
        CloseCode::Malformed,
        CloseCode::TooLong,
        CloseCode::UnknownKind,
        CloseCode::WrongVersion,
        CloseCode::OutOfPlace,
        CloseCode::WrongLane,
        CloseCode::UnknownKey,
        CloseCode::KeyRevoked,
        CloseCode::NotAllowed,
        CloseCode::Superseded,
        CloseCode::TooSlow,
        CloseCode::TooMany,
        CloseCode::Stopping,
        CloseCode::Failed,
        CloseCode::Silent,
    ];

    /// The code as it stands on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The code with this number, if there is one.
    #[must_use]
    pub fn from_number(number: u64) -> Option<CloseCode> {
        CloseCode::ALL.into_iter().find(|code| u64::from(code.number()) == number)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_come_back() {
        assert!(CloseCode::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(u64::from(code.number())), Some(code));
        }
        assert_eq!(CloseCode::from_number(u64::MAX), None);
    }
}
