//! The operator's desk: lists classes, opens accounts and gives them keys, many at a time.

use client::{Event, ExchangeInfo, PrivateKey};
use std::collections::HashMap;
use types::{
    AccountId, AccountName, Class, ClassSpec, Code, Command, KeyNo, Money, PublicKey, RejectCode, Report,
    ReportBody, Role, Timestamp, Why,
};

use crate::seat::{Seat, SeatError};

/// The operator at work.
#[derive(Debug)]
pub(crate) struct Desk {
    seat: Seat,
    /// Commands with an outcome so far.
    commands: u64,
}

/// Why the operator could not set the market up.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeskError {
    /// The operator's session is of no use.
    #[error("the operator's session: {0}")]
    Seat(#[from] SeatError),
    /// The exchange would not do it.
    #[error("the operator was refused: {}", code.sentence(*value))]
    Refused {
        /// Why.
        code: RejectCode,
        /// The value that goes with the code.
        value: i64,
    },
    /// The exchange answered something else.
    #[error("the operator got an answer that is none to the question: {0:?}")]
    Unexpected(ReportBody),
}

impl Desk {
    /// Takes the operator's seat.
    pub(crate) async fn open(info: &ExchangeInfo, operator: &PrivateKey) -> Result<Desk, DeskError> {
        Ok(Desk { seat: Seat::take(info, operator).await.map_err(SeatError::from)?, commands: 0 })
    }

    /// Lists the classes, or finds them if they are listed; in the order given.
    pub(crate) async fn list(&mut self, specs: &[ClassSpec]) -> Result<Vec<Class>, DeskError> {
        let answers = self
            .ask(specs.iter().map(|spec| Command::DefineClass { spec: Box::new(*spec), why: Why::NONE }))
            .await?;
        let classes = answers.into_iter().zip(specs).map(|(body, spec)| match body {
            ReportBody::ClassDefined { class } => Ok(Class { no: class, spec: *spec }),
            ReportBody::Rejected { code: RejectCode::ClassListed, value } => {
                let no = u16::try_from(value).map_err(|_| DeskError::Unexpected(body))?;
                Ok(Class { no: types::ClassNo(no), spec: *spec })
            }
            other => Err(refused(other)),
        });
        classes.collect()
    }

    /// Opens the accounts, or finds them if there are accounts of these names; in the order given.
    pub(crate) async fn open_accounts(
        &mut self,
        accounts: &[(AccountName, Role)],
    ) -> Result<Vec<AccountId>, DeskError> {
        let commands =
            accounts.iter().map(|&(name, role)| Command::OpenAccount { name, role, why: Why::NONE });
        let ids = self.ask(commands).await?.into_iter().map(|body| match body {
            ReportBody::AccountOpened { account } => Ok(account),
            ReportBody::Rejected { code: RejectCode::NameTaken, value } => {
                u32::try_from(value).map(AccountId).map_err(|_| DeskError::Unexpected(body))
            }
            other => Err(refused(other)),
        });
        ids.collect()
    }

    /// Gives each account a key with all the rights of its role, for good; the keys' numbers in the order given.
    pub(crate) async fn register(
        &mut self,
        keys: &[(AccountId, Role, PublicKey)],
    ) -> Result<Vec<KeyNo>, DeskError> {
        let commands = keys.iter().map(|&(account, role, public)| Command::RegisterKey {
            account,
            public,
            rights: role.rights(),
            expires: Timestamp::MAX,
            why: Why::NONE,
        });
        let numbers = self.ask(commands).await?.into_iter().map(|body| match body {
            ReportBody::KeyRegistered { key, .. } => Ok(key),
            other => Err(refused(other)),
        });
        numbers.collect()
    }

    /// Credits the same amount to each account, as the transfer `external`.
    pub(crate) async fn deposit(
        &mut self,
        accounts: &[AccountId],
        currency: Code,
        amount: Money,
        external: u64,
    ) -> Result<(), DeskError> {
        let commands = accounts.iter().map(|&account| Command::DepositCash {
            account,
            currency,
            amount,
            external,
            why: Why::NONE,
        });
        let mut answers = self.ask(commands).await?.into_iter();
        answers.try_for_each(|body| match body {
            ReportBody::CashCredited { .. } => Ok(()),
            other => Err(refused(other)),
        })
    }

    /// Takes the keys' rights away.
    pub(crate) async fn revoke(&mut self, keys: &[KeyNo]) -> Result<(), DeskError> {
        let mut answers =
            self.ask(keys.iter().map(|&key| Command::RevokeKey { key, why: Why::NONE })).await?.into_iter();
        answers.try_for_each(|body| match body {
            ReportBody::KeyRevoked { .. } => Ok(()),
            other => Err(refused(other)),
        })
    }

    /// Leaves the desk, and says how many commands were carried out or rejected there.
    pub(crate) async fn close(self) -> u64 {
        self.seat.leave().await;
        self.commands
    }

    /// Sends all commands at once and waits for their outcomes, in the same order.
    async fn ask(&mut self, commands: impl Iterator<Item = Command>) -> Result<Vec<ReportBody>, DeskError> {
        let mut numbers = Vec::new();
        for command in commands {
            numbers.push(self.seat.submit(command).await?);
        }
        let mut outcomes = HashMap::new();
        while self.seat.unanswered() > 0 {
            for event in &self.seat.next().await?.events {
                match event {
                    Event::Report { report: Report { answers: Some(answers), body, .. }, sent: Some(_) } => {
                        self.commands += 1;
                        outcomes.insert(answers.number, *body);
                    }
                    Event::Refused { refused, .. } => {
                        return Err(DeskError::Refused { code: refused.code, value: refused.value });
                    }
                    _ => {}
                }
            }
        }
        Ok(numbers.iter().filter_map(|number| outcomes.remove(number)).collect())
    }
}

fn refused(body: ReportBody) -> DeskError {
    match body {
        ReportBody::Rejected { code, value } => DeskError::Refused { code, value },
        other => DeskError::Unexpected(other),
    }
}
