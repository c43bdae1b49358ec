//! Reaching an exchange: where it is, who is speaking, and which classes it lists.

use crate::fail::Failure;
use crate::key::key_failure;
use crate::symbols;
use clap::Args;
use client::{CommandError, ExchangeInfo, PrivateKey, Session, SessionError};
use protocol::CloseCode;
use protocol::decimal::from_ticks;
use protocol::symbol::ClassSymbol;
use protocol::when::TimeText;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use types::{AccountName, Class, ClassNo, ContractId, RejectCode, Scope, Ticks, Timestamp};

/// Which exchange, and as whom.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// The exchange's address file; `cuex serve` writes it into its data directory.
    #[arg(long, env = "CUEX_EXCHANGE", value_name = "FILE", default_value = "cuex-data/exchange.toml")]
    exchange: PathBuf,
    /// Your key file, made by `cuex key new`.
    #[arg(long, env = "CUEX_KEY", value_name = "FILE")]
    key: Option<PathBuf>,
}

/// The address file: what a client must know of an exchange. Nothing in it is secret.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressFile {
    /// Order entry.
    pub(crate) gateway: SocketAddr,
    /// Market data.
    pub(crate) feed: SocketAddr,
    /// The market page.
    pub(crate) page: String,
    /// Prometheus metrics.
    pub(crate) metrics: String,
    /// The exchange's public key.
    pub(crate) public_key: String,
}

/// A session, and the classes the exchange lists.
pub(crate) struct Desk {
    pub(crate) session: Session,
    pub(crate) classes: Vec<Class>,
}

impl Target {
    /// Reads who and where.
    pub(crate) fn read(&self) -> Result<(ExchangeInfo, PrivateKey), Failure> {
        let info = AddressFile::read(&self.exchange)?;
        let file = self.key.as_ref().ok_or_else(|| {
            let message = "no key is named: say --key FILE or set CUEX_KEY; `cuex key new NAME` makes one";
            Failure::usage("no-key", message)
        })?;
        Ok((info, PrivateKey::load(file).map_err(key_failure)?))
    }

    /// The address file.
    pub(crate) fn file(&self) -> &Path {
        &self.exchange
    }

    /// Connects to the gateway.
    pub(crate) async fn session(&self) -> Result<Session, Failure> {
        let (info, key) = self.read()?;
        Session::connect(&info, &key).await.map_err(|error| session_failure(&error))
    }

    /// Connects to the gateway and asks for the classes.
    pub(crate) async fn desk(&self) -> Result<Desk, Failure> {
        let session = self.session().await?;
        let classes = session.classes().await.map_err(command_failure)?;
        Ok(Desk { session, classes })
    }
}

impl AddressFile {
    /// Reads what a client needs of the file a running exchange wrote.
    pub(crate) fn read(path: &Path) -> Result<ExchangeInfo, Failure> {
        let file = AddressFile::read_whole(path)?;
        let key = transport::parse_public_key(&file.public_key).map_err(|error| file_failure(path, error))?;
        Ok(ExchangeInfo { gateway: file.gateway, feed: file.feed, key })
    }

    /// Reads all of it.
    pub(crate) fn read_whole(path: &Path) -> Result<AddressFile, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!(
                "the exchange's address file {} cannot be read ({error}): say --exchange FILE; a running \
                 `cuex serve` keeps it in its data directory",
                path.display()
            );
            Failure::usage("no-address-file", message)
        })?;
        toml::from_str(&text).map_err(|error| file_failure(path, error.message()))
    }
}

fn file_failure(path: &Path, what: impl Display) -> Failure {
    let message = format!("{} is no address file of an exchange: {what}", path.display());
    Failure::usage("bad-address-file", message)
}

impl Desk {
    /// The listed class of this symbol.
    pub(crate) fn class(&self, symbol: ClassSymbol) -> Result<&Class, Failure> {
        find_class(&self.classes, symbol)
    }

    /// The contract's symbol in full.
    pub(crate) fn symbol(&self, contract: ContractId) -> String {
        full_symbol(&self.classes, contract)
    }

    /// The class with this number.
    pub(crate) fn class_of(&self, contract: ContractId) -> Option<&Class> {
        class_numbered(&self.classes, contract.class())
    }

    /// The account with this name, which only the operator can look up.
    pub(crate) async fn account_named(&self, name: &str) -> Result<types::Account, Failure> {
        let wanted: AccountName = name.parse().map_err(|error| Failure::usage("bad-name", error))?;
        let directory = self.session.accounts().await.map_err(command_failure)?;
        let found = directory.accounts.into_iter().find(|account| account.name == wanted);
        found.ok_or_else(|| Failure::refused("UnknownAccount", format!("there is no account '{name}'")))
    }
}

/// The listed class of this symbol.
pub(crate) fn find_class(classes: &[Class], symbol: ClassSymbol) -> Result<&Class, Failure> {
    classes.iter().find(|class| ClassSymbol::of(&class.spec) == symbol).ok_or_else(|| {
        let message = format!("there is no class '{symbol}' on this exchange: `cuex class list` shows them");
        Failure::refused("UnknownClass", message)
    })
}

/// The class with this number.
pub(crate) fn class_numbered(classes: &[Class], no: ClassNo) -> Option<&Class> {
    classes.iter().find(|class| class.no == no)
}

/// The contract's symbol in full.
pub(crate) fn full_symbol(classes: &[Class], contract: ContractId) -> String {
    span_symbol(classes, contract, 1)
}

/// The symbol in full of what an order is for: a contract or, with more slots than one, a window.
pub(crate) fn span_symbol(classes: &[Class], first: ContractId, slots: u16) -> String {
    class_numbered(classes, first.class())
        .map_or_else(|| first.0.to_string(), |class| symbols::full(class, first, slots))
}

/// The symbol of what a command is about: everything, a class, or a contract.
pub(crate) fn scope_words(classes: &[Class], scope: Scope) -> String {
    match scope {
        Scope::All => "all contracts".to_owned(),
        Scope::Class(class) => class_numbered(classes, class)
            .map_or_else(|| format!("class {}", class.0), |class| ClassSymbol::of(&class.spec).to_string()),
        Scope::Contract(contract) => full_symbol(classes, contract),
    }
}

/// A price of the contract as people write it; in ticks if its class is unknown.
pub(crate) fn price_text(classes: &[Class], contract: ContractId, price: Ticks) -> String {
    let class = class_numbered(classes, contract.class());
    class.map_or_else(|| price.to_string(), |class| from_ticks(price, &class.spec).to_string())
}

/// Why there is no session, or no longer one.
pub(crate) fn session_failure(error: &SessionError) -> Failure {
    match error {
        SessionError::Unreachable(_) | SessionError::NoSocket(_) => {
            Failure::unreachable("unreachable", error)
        }
        SessionError::Lost { .. } => Failure::unreachable("connection-lost", error),
        SessionError::WrongServer { .. } => Failure::unreachable("wrong-server", error),
        SessionError::Closed { code: CloseCode::Stopping, .. } => Failure::unreachable("stopping", error),
        SessionError::Closed { code, .. } => Failure::refused(format!("{code:?}"), error),
        SessionError::Violation { .. } => Failure::refused("violation", error),
        SessionError::KeyShared { .. } => Failure::refused("key-shared", error),
        SessionError::Rewound { .. } => Failure::refused("other-exchange", error),
        SessionError::Finished => Failure::refused("finished", error),
    }
}

/// Why a command or question came to nothing.
pub(crate) fn command_failure(error: CommandError) -> Failure {
    match &error {
        CommandError::Rejected { code: RejectCode::GateClosed, value } => {
            let message = format!("the contract stopped trading at its gate closure, {}", second(*value));
            Failure::refused(RejectCode::GateClosed, message)
        }
        CommandError::Rejected { code: RejectCode::BlockAcrossGate, value } => {
            let message = format!("the block's first slot stopped trading at its gate, {}", second(*value));
            Failure::refused(RejectCode::BlockAcrossGate, message)
        }
        CommandError::Rejected { code: RejectCode::BlockInThePast, value } => {
            let message =
                format!("all slots of the block have stopped trading, the last at {}", second(*value));
            Failure::refused(RejectCode::BlockInThePast, message)
        }
        CommandError::Rejected { code: RejectCode::ExpiryPassed, value } => {
            let message = format!("good till a moment that has passed, {}", second(*value));
            Failure::refused(RejectCode::ExpiryPassed, message)
        }
        CommandError::Refused { code, .. } | CommandError::Rejected { code, .. } => {
            Failure::refused(code, &error)
        }
        CommandError::NotOnTheWire(_) => Failure::usage("bad-command", &error),
        CommandError::Session(error) => session_failure(error),
    }
}

/// A moment in seconds since 1970.
fn second(value: i64) -> TimeText {
    TimeText(Timestamp(u64::try_from(value).unwrap_or(0).saturating_mul(1_000_000_000)))
}
