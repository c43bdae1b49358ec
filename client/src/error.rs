//! What can go wrong: with a whole session, and with one command or question.

use protocol::CloseCode;
use protocol::order_entry::NotOnTheWire;
use std::net::SocketAddr;
use std::sync::Arc;
use types::{Lane, PublicKey, RejectCode};

/// Why there is no session, or no longer one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionError {
    /// The system gives no socket.
    #[error(transparent)]
    NoSocket(Arc<transport::EndpointError>),
    /// Nobody answers, or not as an exchange does.
    #[error(transparent)]
    Unreachable(Arc<transport::ConnectError>),
    /// Whoever answers has another key than the exchange's.
    #[error("the server at {address} does not have the key {expected}: check the exchange's key")]
    WrongServer {
        /// Where.
        address: SocketAddr,
        /// The key the exchange is known by.
        expected: PublicKey,
    },
    /// The exchange ended the session and said why.
    #[error("the exchange ended the session: {reason} ({code})")]
    Closed {
        /// Why.
        code: CloseCode,
        /// The same in a sentence.
        reason: String,
    },
    /// The connection was lost.
    #[error("the connection to the exchange was lost: {cause}")]
    Lost {
        /// How.
        cause: String,
    },
    /// The exchange says what the protocol does not allow.
    #[error("the exchange does not keep to the protocol: {what}")]
    Violation {
        /// What it said.
        what: String,
    },
    /// Another client has used the same key meanwhile, so the numbers of this session's commands mean nothing any
    /// more.
    #[error(
        "another client has used this key meanwhile: it is at number {taken} on the {lane:?} lane, this one at {last}"
    )]
    KeyShared {
        /// On which lane.
        lane: Lane,
        /// The highest number the exchange has taken.
        taken: u64,
        /// The last one this session gave.
        last: u64,
    },
    /// The exchange knows of fewer reports than have been seen: it is another one, or has lost some.
    #[error(
        "report {told} of this account has been seen, but the exchange has made {last} only: is it another one?"
    )]
    Rewound {
        /// The last report seen.
        told: u64,
        /// The last one the exchange knows of.
        last: u64,
    },
    /// The session was closed on this side.
    #[error("the session is closed")]
    Finished,
}

/// Why a command or a question came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandError {
    /// It was not taken: it has no place in the total order, no report and no effect.
    #[error("{}", code.sentence(*value))]
    Refused {
        /// Why.
        code: RejectCode,
        /// The value that goes with the code.
        value: i64,
    },
    /// It was taken and rejected: its report says so, and nothing changed.
    #[error("{}", code.sentence(*value))]
    Rejected {
        /// Why.
        code: RejectCode,
        /// The value that goes with the code.
        value: i64,
    },
    /// No client can say it.
    #[error(transparent)]
    NotOnTheWire(#[from] NotOnTheWire),
    /// The session has ended. The outcome of a command that was under way is unknown.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl SessionError {
    /// True if connecting again, as the same key to the same exchange, cannot help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            SessionError::Unreachable(_) | SessionError::Lost { .. } => false,
            SessionError::Closed { code, .. } => match code {
                CloseCode::Done
                | CloseCode::TooSlow
                | CloseCode::TooMany
                | CloseCode::Stopping
                | CloseCode::Failed
                | CloseCode::Silent => false,
                CloseCode::Malformed
                | CloseCode::TooLong
                | CloseCode::UnknownKind
                | CloseCode::WrongVersion
                | CloseCode::OutOfPlace
                | CloseCode::WrongLane
                | CloseCode::UnknownKey
                | CloseCode::KeyRevoked
                | CloseCode::NotAllowed
                | CloseCode::Superseded => true,
            },
            SessionError::NoSocket(_)
            | SessionError::WrongServer { .. }
            | SessionError::Violation { .. }
            | SessionError::KeyShared { .. }
            | SessionError::Rewound { .. }
            | SessionError::Finished => true,
        }
    }

    pub(crate) fn violation(what: impl Into<String>) -> SessionError {
        SessionError::Violation { what: what.into() }
    }
}

impl CommandError {
    /// The reject code, if the exchange refused or rejected.
    #[must_use]
    pub fn code(&self) -> Option<RejectCode> {
        match self {
            CommandError::Refused { code, .. } | CommandError::Rejected { code, .. } => Some(*code),
            CommandError::NotOnTheWire(_) | CommandError::Session(_) => None,
        }
    }
}
