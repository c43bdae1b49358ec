//! Questions to the exchange that have no answer yet, and the lines of the answer that is coming in.

use crate::account::{AccountState, Cash, Directory, Holding};
use crate::error::{CommandError, SessionError};
use protocol::order_entry::{ClientMessage, Query, QueryEnd, QueryKind, QueryRefused, ServerMessage};
use std::collections::VecDeque;
use tokio::sync::oneshot;
use types::{Account, AccountId, Class, Key, OpenOrder, RejectCode};

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) enum Asker {
    /// For the own account's state.
    Account(oneshot::Sender<Result<AccountState, CommandError>>),
    /// For the listed classes, and the account's newest report when they were looked up.
    Classes(oneshot::Sender<Result<(Vec<Class>, u64), CommandError>>),
    /// For who is who.
    Accounts(oneshot::Sender<Result<Directory, CommandError>>),
    /// The session itself, which has missed reports for good.
    Resynchronisation,
}

/// Questions, asked one after the other and answered in the same order.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    last: u32,
    open: VecDeque<Question>,
    lines: Lines,
}

#[derive(Debug)]
struct Question {
    request: u32,
    asker: Asker,
}

/// What has come of the answer to the first open question.
#[derive(Debug, Default)]
struct Lines {
    cash: Vec<Cash>,
    holdings: Vec<Holding>,
    orders: Vec<OpenOrder>,
    classes: Vec<Class>,
    accounts: Vec<Account>,
    keys: Vec<Key>,
}

impl Questions {
    /// Takes a question in and appends it to `out`.
    pub(crate) fn ask(&mut self, asker: Asker, out: &mut Vec<u8>) {
        self.last = self.last.wrapping_add(1);
        let question = Question { request: self.last, asker };
        question.encode(out);
        self.open.push_back(question);
    }

    /// Appends all open questions to `out`, for a new connection.
    pub(crate) fn ask_again(&mut self, out: &mut Vec<u8>) {
        self.open.iter().for_each(|question| question.encode(out));
    }

    /// The connection is gone, with what has come of an answer. The session's own question is withdrawn.
    pub(crate) fn detach(&mut self) {
        self.lines = Lines::default();
        self.open.retain(|question| !matches!(question.asker, Asker::Resynchronisation));
    }

    /// Takes a line or an end of an answer in. Gives the state out if it is the session itself that asked.
    pub(crate) fn take(
        &mut self,
        message: ServerMessage,
        own: AccountId,
    ) -> Result<Option<AccountState>, SessionError> {
        if self.open.is_empty() {
            return Err(SessionError::violation("an answer without a question"));
        }
        match message {
            ServerMessage::Balance { account, currency, free, reserved } => {
                self.lines.cash.push(Cash { account, currency, free, reserved });
            }
            ServerMessage::Holding { account, contract, free, reserved } => {
                self.lines.holdings.push(Holding { account, contract, free, reserved });
            }
            ServerMessage::OpenOrder(order) => self.lines.orders.push(order),
            ServerMessage::Class(class) => self.lines.classes.push(class),
            ServerMessage::Account(account) => self.lines.accounts.push(account),
            ServerMessage::Key(key) => self.lines.keys.push(key),
            ServerMessage::QueryEnd(end) => return self.end(end, own),
            ServerMessage::QueryRefused(refused) => self.refuse(refused)?,
            ServerMessage::Welcome(_)
            | ServerMessage::Report(_)
            | ServerMessage::Refused(_)
            | ServerMessage::Heartbeat(_)
            | ServerMessage::LoggedOut { .. } => {
                return Err(SessionError::violation("a message that is no line of an answer"));
            }
        }
        Ok(None)
    }

    /// No question will be answered any more.
    pub(crate) fn fail(&mut self, error: &SessionError) {
        self.open.drain(..).for_each(|question| question.asker.fail(error.clone().into()));
    }

    fn end(&mut self, end: QueryEnd, own: AccountId) -> Result<Option<AccountState>, SessionError> {
        let asker = self.close(end.request)?;
        let lines = std::mem::take(&mut self.lines);
        let QueryEnd { sequence, last_report, .. } = end;
        // Whoever no longer waits for the answer does not get it.
        match asker {
            Asker::Account(waiter) => drop(waiter.send(Ok(lines.account(own, end)))),
            Asker::Classes(waiter) => drop(waiter.send(Ok((lines.classes, last_report)))),
            Asker::Accounts(waiter) => {
                let Lines { accounts, keys, cash, .. } = lines;
                drop(waiter.send(Ok(Directory { sequence, accounts, keys, cash })));
            }
            Asker::Resynchronisation => return Ok(Some(lines.account(own, end))),
        }
        Ok(None)
    }

    fn refuse(&mut self, refused: QueryRefused) -> Result<(), SessionError> {
        let QueryRefused { request, code, value } = refused;
        match self.close(request)? {
            // On the next connection, after a pause.
            Asker::Resynchronisation if code == RejectCode::Throttled => {
                Err(SessionError::Lost { cause: "too many questions of this account".to_owned() })
            }
            Asker::Resynchronisation => Err(SessionError::violation("an account may not see its own state")),
            asker => {
                asker.fail(CommandError::Refused { code, value });
                Ok(())
            }
        }
    }

    /// The first open question is answered; it must be the one of that number.
    fn close(&mut self, request: u32) -> Result<Asker, SessionError> {
        match self.open.pop_front() {
            Some(question) if question.request == request => Ok(question.asker),
            _ => Err(SessionError::violation(format!(
                "an answer to question {request}, which is not the next"
            ))),
        }
    }
}

impl Question {
    fn encode(&self, out: &mut Vec<u8>) {
        let kind = match self.asker {
            Asker::Account(_) | Asker::Resynchronisation => QueryKind::Account,
            Asker::Classes(_) => QueryKind::Classes,
            Asker::Accounts(_) => QueryKind::Accounts,
        };
        ClientMessage::Query(Query { request: self.request, kind })
            .encode(out)
            .expect("a question is no command");
    }
}

impl Asker {
    fn fail(self, error: CommandError) {
        // Whoever no longer waits for the answer does not get it.
        match self {
            Asker::Account(waiter) => drop(waiter.send(Err(error))),
            Asker::Classes(waiter) => drop(waiter.send(Err(error))),
            Asker::Accounts(waiter) => drop(waiter.send(Err(error))),
            Asker::Resynchronisation => {}
        }
    }
}

impl Lines {
    fn account(self, account: AccountId, end: QueryEnd) -> AccountState {
        let Lines { cash, holdings, orders, accounts, .. } = self;
        let QueryEnd { sequence, last_report, .. } = end;
        let profile = accounts.into_iter().find(|known| known.id == account);
        AccountState { account, sequence, last_report, profile, cash, holdings, orders }
    }
}
