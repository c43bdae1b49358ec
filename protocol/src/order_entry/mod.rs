//! Order entry: what a client and the gateway say to each other (docs/order-entry.md).
//!
//! A session is one QUIC connection of one key. Its control stream carries [`Hello`], [`Welcome`] and queries;
//! its two lanes carry commands in; a fourth stream carries reports out.

mod commands;
pub(crate) mod layouts;
mod operators;
mod queries;
mod reports;
mod session;
pub(crate) mod terms;

pub use commands::{NotOnTheWire, encode_command, lane_of};
pub use queries::{Query, QueryEnd, QueryKind, QueryRefused};
pub use reports::{encode_report, outcome_of};
pub use session::{Allowance, HEARTBEATS_MISSED, Heartbeat, Hello, Refused, Welcome};

use crate::class_info::{self, ClassInfo};
use crate::header::{Frame, WireError};
use crate::wire::Wire;
use types::{
    Account, AccountId, Class, Code, Command, ContractId, Key, Lane, Money, OpenOrder, RejectCode, Report,
    StateEvent, Units,
};

/// The name of this protocol and its version in the TLS handshake.
pub const ALPN: &[u8] = b"cuex-order/4";

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Control stream, first: who I am is known from the key; what reports I want.
    Hello(Hello),
    /// Control stream: a question.
    Query(Query),
    /// Control stream: I am there.
    Heartbeat,
    /// Control stream, last: I send no more commands and want to leave in good order.
    Logout,
    /// First on a lane's stream: which lane it is.
    LaneOpen(Lane),
    /// On a lane: a command.
    Command {
        /// The client's number of it.
        number: u64,
        /// What is asked.
        command: Command,
    },
    /// On a lane: a command in its layout, but with a field that names nothing. It is refused; the session goes
    /// on. Only ever decoded.
    Misfit {
        /// The client's number of it.
        number: u64,
        /// The lane it goes by, as [`lane_of`] says.
        lane: Option<Lane>,
        /// Why it is refused.
        code: RejectCode,
        /// The value that goes with the code.
        value: i64,
    },
}

/// What the gateway says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// Control stream: the answer to [`Hello`].
    Welcome(Welcome),
    /// In an answer: an account's cash in one currency.
    Balance {
        /// Whose.
        account: AccountId,
        /// Of which currency.
        currency: Code,
        /// What it can use.
        free: Money,
        /// What its buy orders hold.
        reserved: Money,
    },
    /// In an answer: an account's units of a contract.
    Holding {
        /// Whose.
        account: AccountId,
        /// Of what.
        contract: ContractId,
        /// What it can sell.
        free: Units,
        /// What its sell orders hold.
        reserved: Units,
    },
    /// In an answer: an open order.
    OpenOrder(OpenOrder),
    /// In an answer: a listed class.
    Class(Class),
    /// In an answer: an account.
    Account(Account),
    /// In an answer: a key.
    Key(Key),
    /// The end of an answer.
    QueryEnd(QueryEnd),
    /// The whole answer: no.
    QueryRefused(QueryRefused),
    /// Reports stream: what happened, numbered.
    Report(Report),
    /// Reports stream: a command that was not taken.
    Refused(Refused),
    /// Reports stream: the gateway is there, and this is all it has said.
    Heartbeat(Heartbeat),
    /// Reports stream, last: the answer to [`ClientMessage::Logout`], once every command that was taken has its outcome.
    LoggedOut {
        /// The account's newest report, 0 for none.
        last_report: u64,
    },
}

impl ClientMessage {
    /// Reads what a client says.
    ///
    /// # Errors
    /// [`WireError::UnknownKind`] for what a client never says here, [`WireError::WrongLength`],
    /// [`WireError::BadValue`] for a bad field outside a command.
    pub fn decode(frame: Frame<'_>) -> Result<ClientMessage, WireError> {
        match frame.kind {
            layouts::Hello::KIND => session::decode_hello(frame).map(ClientMessage::Hello),
            layouts::LaneOpen::KIND => session::decode_lane_open(frame).map(ClientMessage::LaneOpen),
            layouts::ClientHeartbeat::KIND => {
                session::decode_client_heartbeat(frame).map(|()| ClientMessage::Heartbeat)
            }
            layouts::Logout::KIND => session::decode_logout(frame).map(|()| ClientMessage::Logout),
            layouts::AccountQuery::KIND..=layouts::AccountsQuery::KIND => {
                queries::decode_query(frame).map(ClientMessage::Query)
            }
            _ => commands::decode(frame),
        }
    }

    /// Appends the message to `out`.
    ///
    /// # Errors
    /// [`NotOnTheWire`] for a command only the exchange itself says; nothing is appended then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), NotOnTheWire> {
        match self {
            ClientMessage::Hello(hello) => session::encode_hello(hello, out),
            ClientMessage::Query(query) => queries::encode_query(query, out),
            ClientMessage::LaneOpen(lane) => session::encode_lane_open(*lane, out),
            ClientMessage::Heartbeat => session::encode_client_heartbeat(out),
            ClientMessage::Logout => session::encode_logout(out),
            ClientMessage::Command { number, command } => return encode_command(*number, command, out),
            ClientMessage::Misfit { .. } => return Err(NotOnTheWire),
        }
        Ok(())
    }
}

impl ServerMessage {
    /// Reads what the gateway says.
    ///
    /// # Errors
    /// [`WireError::UnknownKind`] for what a gateway never says, [`WireError::WrongLength`],
    /// [`WireError::BadValue`].
    pub fn decode(frame: Frame<'_>) -> Result<ServerMessage, WireError> {
        match frame.kind {
            layouts::Welcome::KIND => session::decode_welcome(frame).map(ServerMessage::Welcome),
            layouts::Refused::KIND => session::decode_refused(frame).map(ServerMessage::Refused),
            layouts::Heartbeat::KIND => session::decode_heartbeat(frame).map(ServerMessage::Heartbeat),
            layouts::LoggedOut::KIND => {
                session::decode_logged_out(frame).map(|last_report| ServerMessage::LoggedOut { last_report })
            }
            ClassInfo::KIND => class_info::decode(frame).map(ServerMessage::Class),
            layouts::Accepted::KIND..=layouts::Resumed::KIND => {
                reports::decode(frame).map(ServerMessage::Report)
            }
            _ => queries::decode_answer(frame),
        }
    }

    /// Appends the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            ServerMessage::Welcome(welcome) => session::encode_welcome(welcome, out),
            ServerMessage::Refused(refused) => session::encode_refused(refused, out),
            ServerMessage::Heartbeat(heartbeat) => session::encode_heartbeat(heartbeat, out),
            ServerMessage::LoggedOut { last_report } => session::encode_logged_out(*last_report, out),
            ServerMessage::Report(report) => encode_report(report, out),
            ServerMessage::Class(class) => class_info::encode(class, out),
            ServerMessage::Balance { account, currency, free, reserved } => {
                queries::encode_balance(*account, *currency, *free, *reserved, out);
            }
            ServerMessage::Holding { account, contract, free, reserved } => {
                queries::encode_holding(*account, *contract, *free, *reserved, out);
            }
            ServerMessage::OpenOrder(order) => queries::encode_open_order(order, out),
            ServerMessage::Account(account) => queries::encode_account(account, out),
            ServerMessage::Key(key) => queries::encode_key(key, out),
            ServerMessage::QueryEnd(end) => queries::encode_end(end, out),
            ServerMessage::QueryRefused(refused) => queries::encode_refused(refused, out),
        }
    }

    /// The line of an answer that says this piece of state; `None` for what no answer says (contracts and
    /// report counts).
    #[must_use]
    pub fn from_state(state: &StateEvent) -> Option<ServerMessage> {
        Some(match *state {
            StateEvent::Class(class) => ServerMessage::Class(class),
            StateEvent::Account(account) => ServerMessage::Account(account),
            StateEvent::Key(key) => ServerMessage::Key(key),
            StateEvent::Cash { account, currency, free, reserved } => {
                ServerMessage::Balance { account, currency, free, reserved }
            }
            StateEvent::Holding { account, contract, free, reserved } => {
                ServerMessage::Holding { account, contract, free, reserved }
            }
            StateEvent::Order(order) => ServerMessage::OpenOrder(order),
            StateEvent::Contract { .. }
            | StateEvent::Halt { .. }
            | StateEvent::Traded { .. }
            | StateEvent::Reports { .. } => return None,
        })
    }
}
