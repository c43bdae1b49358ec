//! `cuex account`: the operator opens accounts, registers keys, pays in and limits; everybody sees their own.

mod limits;

use crate::capacity::{holding_rows, holdings};
use crate::connect::{Desk, Target, command_failure};
use crate::fail::{Done, Failure};
use crate::show;
use crate::typed;
use clap::{Args, Subcommand, ValueEnum};
use protocol::decimal::from_money;
use protocol::when::{TimeText, parse_time};
use serde_json::{Value, json};
use types::{
    Account, AccountId, AccountName, Code, Money, PublicKey, ReportBody, Rights, Role, Timestamp, Why,
};

/// Accounts, their keys and their cash.
#[derive(Debug, Args)]
pub(crate) struct AccountArguments {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Your own cash, units and role.
    #[command(after_help = "Example:\n  cuex account --key acme.key show")]
    Show,
    /// Operator: open an account and let a key speak for it.
    #[command(
        after_help = "Example:\n  cuex account --key cuex-data/operator.key open acme --role provider \
        --public-key $(cuex key show acme.key | cut -d' ' -f1)"
    )]
    Open {
        /// Its name: 1 to 16 characters of a-z, 0-9 and '-'.
        name: String,
        /// What it is for.
        #[arg(long)]
        role: RoleName,
        /// The public key that speaks for it, from `cuex key new`.
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
        #[command(flatten)]
        reason: Reason,
    },
    /// Operator: let another key speak for an account.
    #[command(
        after_help = "Example:\n  cuex account --key cuex-data/operator.key add-key acme HEX --expires +30d"
    )]
    AddKey {
        /// The account's name.
        name: String,
        /// The public key.
        #[arg(value_name = "HEX")]
        public_key: String,
        /// Only for reading: orders and deposits are refused.
        #[arg(long)]
        read_only: bool,
        /// When it expires, such as +30d or 2027-01-01T00:00:00Z; never if not said.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        #[command(flatten)]
        reason: Reason,
    },
    /// Operator: pay cash in.
    #[command(
        after_help = "Example:\n  cuex account --key cuex-data/operator.key deposit lab 1000.00 --id 1"
    )]
    Deposit {
        /// The account's name.
        name: String,
        /// How much.
        amount: String,
        /// Of which currency.
        #[arg(long, default_value = "USD")]
        currency: String,
        /// Your own id of this deposit: the same again is the same deposit, never a second one.
        #[arg(long)]
        id: u64,
        #[command(flatten)]
        reason: Reason,
    },
    /// Operator: how much an account may have open.
    #[command(after_help = "Example:\n  \
        cuex account --key cuex-data/operator.key limits lab --open-orders 1000 --order-value 5000.00 --why \"new here\"")]
    Limits(limits::LimitsArguments),
    /// Operator: an account's kill switch. All its orders end, and it may only read.
    #[command(after_help = "Example:\n  \
        cuex account --key cuex-data/operator.key kill lab --why \"its program has gone wild\"")]
    Kill(limits::KillArguments),
    /// Operator: take the kill switch back.
    #[command(
        after_help = "Example:\n  cuex account --key cuex-data/operator.key revive lab --why \"repaired\""
    )]
    Revive(limits::KillArguments),
    /// Operator: all accounts and keys.
    #[command(after_help = "Example:\n  cuex account --key cuex-data/operator.key list")]
    List,
}

/// Why an operator does something.
#[derive(Debug, Args)]
pub(crate) struct Reason {
    /// Why, for `cuex audit`: up to 63 printable ASCII characters.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    why: String,
}

impl Reason {
    pub(crate) fn read(&self) -> Result<Why, Failure> {
        typed::why(&self.why)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    Broker,
    Provider,
    Analyst,
    Operator,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Role {
        match name {
            RoleName::Broker => Role::Broker,
            RoleName::Provider => Role::Provider,
            RoleName::Analyst => Role::Analyst,
            RoleName::Operator => Role::Operator,
        }
    }
}

pub(crate) async fn run(arguments: AccountArguments, as_json: bool) -> Done {
    let AccountArguments { target, command } = arguments;
    match command {
        AccountCommand::Show => show_own(&target, as_json).await,
        AccountCommand::List => list(&target, as_json).await,
        AccountCommand::Limits(arguments) => limits::set(&target, arguments, as_json).await,
        AccountCommand::Kill(arguments) => limits::kill(&target, arguments, true, as_json).await,
        AccountCommand::Revive(arguments) => limits::kill(&target, arguments, false, as_json).await,
        AccountCommand::Open { name, role, public_key, reason } => {
            let name: AccountName = name.parse().map_err(|error| Failure::usage("bad-name", error))?;
            let public = public_key.as_deref().map(public_key_of).transpose()?;
            open(&target, name, role.into(), public, reason.read()?, as_json).await
        }
        AccountCommand::AddKey { name, public_key, read_only, expires, reason } => {
            let public = public_key_of(&public_key)?;
            let expires = expires.map(|text| parse_time(&text, typed::now())).transpose();
            let expires = expires.map_err(|error| Failure::usage("bad-time", error))?;
            let terms = KeyTerms { public, read_only, expires: expires.unwrap_or(Timestamp::MAX) };
            let why = reason.read()?;
            add_key(&target.desk().await?, &name, terms, why, as_json).await
        }
        AccountCommand::Deposit { name, amount, currency, id, reason } => {
            let amount = typed::money(&amount)?;
            let currency: Code = currency.parse().map_err(|error| Failure::usage("bad-currency", error))?;
            let why = reason.read()?;
            deposit(&target.desk().await?, &name, Paid { amount, currency, id }, why, as_json).await
        }
    }
}

async fn open(
    target: &Target,
    name: AccountName,
    role: Role,
    public: Option<PublicKey>,
    why: Why,
    as_json: bool,
) -> Done {
    let session = target.session().await?;
    let account = session.open_account(name, role, why.clone()).await.map_err(command_failure)?;
    let mut text = format!("account {account} '{name}' is open ({role:?})");
    let mut value = json!({ "account": account.0, "name": name.as_str(), "role": role_word(role) });
    if let Some(public) = public {
        let key = session.register_key(account, public, role.rights(), Timestamp::MAX, why).await;
        let key = key.map_err(command_failure)?;
        text.push_str(&format!(", key {key} speaks for it"));
        value["key"] = key.0.into();
    }
    session.close().await;
    tell(as_json, &text, value);
    Ok(())
}

/// What a new key is to be.
struct KeyTerms {
    public: PublicKey,
    read_only: bool,
    expires: Timestamp,
}

/// What is paid in.
struct Paid {
    amount: Money,
    currency: Code,
    id: u64,
}

async fn add_key(desk: &Desk, name: &str, terms: KeyTerms, why: Why, as_json: bool) -> Done {
    let KeyTerms { public, read_only, expires } = terms;
    let account = desk.account_named(name).await?;
    let rights = if read_only { Rights::READ } else { account.role.rights() };
    let key =
        desk.session.register_key(account.id, public, rights, expires, why).await.map_err(command_failure)?;
    desk.session.close().await;
    let text = format!("key {key} speaks for account {} '{name}' and may {rights}", account.id);
    tell(as_json, &text, json!({ "account": account.id.0, "key": key.0, "rights": rights.to_string() }));
    Ok(())
}

async fn deposit(desk: &Desk, name: &str, paid: Paid, why: Why, as_json: bool) -> Done {
    let Paid { amount, currency, id } = paid;
    let account = desk.account_named(name).await?;
    let report =
        desk.session.deposit_cash(account.id, currency, amount, id, why).await.map_err(command_failure)?;
    desk.session.close().await;
    let credited = match report.body {
        ReportBody::CashCredited { amount, .. } => amount,
        _ => 0,
    };
    let amount = from_money(amount);
    let text = match credited {
        0 => format!("deposit {id} to '{name}' was there already: {amount} {currency}"),
        _ => format!("{amount} {currency} paid in to '{name}', deposit {id}"),
    };
    let value = json!({
        "account": account.id.0, "currency": currency.as_str(), "credited": from_money(credited).to_string(),
        "external": id, "sequence": report.sequence,
    });
    tell(as_json, &text, value);
    Ok(())
}

async fn show_own(target: &Target, as_json: bool) -> Done {
    let desk = target.desk().await?;
    let state = desk.session.account().await.map_err(command_failure)?;
    let welcome = desk.session.welcome();
    if as_json {
        let cash: Vec<Value> = state
            .cash
            .iter()
            .map(|cash| {
                let (free, reserved) =
                    (from_money(cash.free).to_string(), from_money(cash.reserved).to_string());
                json!({ "currency": cash.currency.as_str(), "free": free, "reserved": reserved })
            })
            .collect();
        let mut value = state.profile.as_ref().map_or_else(|| json!({}), profile_json);
        value["account"] = state.account.0.into();
        value["role"] = role_word(welcome.role).into();
        value["key"] = welcome.key.0.into();
        value["sequence"] = state.sequence.into();
        value["cash"] = cash.into();
        value["holdings"] = holdings(&desk, &state).into();
        value["open_orders"] = state.orders.len().into();
        show::json(&value);
        return Ok(());
    }
    let who = format!("account {} ({:?}), key {}", state.account, welcome.role, welcome.key);
    show::line(&format!("{who}, {} open orders, as of sequence {}", state.orders.len(), state.sequence));
    if let Some(profile) = &state.profile {
        show::line(&format!("may have {}", limits::words(&profile.limits)));
        if profile.killed {
            show::line("an operator has set the kill switch: it may only read");
        }
    }
    let mut rows = vec![["holds", "free", "reserved"].map(str::to_owned).to_vec()];
    rows.extend(state.cash.iter().map(|cash| {
        vec![
            cash.currency.to_string(),
            from_money(cash.free).to_string(),
            from_money(cash.reserved).to_string(),
        ]
    }));
    rows.extend(holding_rows(&desk, &state));
    show::table(&[1, 2], &rows);
    Ok(())
}

async fn list(target: &Target, as_json: bool) -> Done {
    let session = target.session().await?;
    let directory = session.accounts().await.map_err(command_failure)?;
    let keys_of = |account: AccountId| directory.keys.iter().filter(move |key| key.account == account);
    if as_json {
        let accounts: Vec<Value> = directory
            .accounts
            .iter()
            .map(|account| {
                let keys: Vec<Value> = keys_of(account.id)
                    .map(|key| {
                        json!({
                            "key": key.no.0, "public_key": key.public.to_string(), "revoked": key.revoked,
                            "rights": key.rights.to_string(), "expires": expiry(key.expires),
                            "cancel_on_disconnect_s": key.grace, "origin": key.origin.0,
                        })
                    })
                    .collect();
                let mut value = profile_json(account);
                value["keys"] = keys.into();
                value
            })
            .collect();
        show::json(&json!({ "sequence": directory.sequence, "accounts": accounts }));
        return Ok(());
    }
    let mut rows =
        vec![["account", "name", "role", "key", "may", "until", "public key"].map(str::to_owned).to_vec()];
    for account in &directory.accounts {
        let start = [account.id.to_string(), account.name.to_string(), format!("{:?}", account.role)];
        let mut keys = keys_of(account.id).peekable();
        if keys.peek().is_none() {
            rows.push(start.to_vec());
        }
        for key in keys {
            let may = match key.revoked {
                true => "nothing: revoked".to_owned(),
                false if account.killed => "read: killed".to_owned(),
                false => key.rights.to_string(),
            };
            let key = [key.no.to_string(), may, expiry(key.expires), key.public.to_string()];
            rows.push(start.iter().cloned().chain(key).collect());
        }
    }
    show::table(&[0, 3], &rows);
    Ok(())
}

/// Who an account is and what it may.
fn profile_json(account: &Account) -> Value {
    let mut value = limits::to_json(&account.limits);
    value["account"] = account.id.0.into();
    value["name"] = account.name.as_str().into();
    value["role"] = role_word(account.role).into();
    value["killed"] = account.killed.into();
    value
}

pub(crate) fn expiry(expires: Timestamp) -> String {
    if expires == Timestamp::MAX { "for good".to_owned() } else { TimeText(expires).to_string() }
}

fn public_key_of(text: &str) -> Result<PublicKey, Failure> {
    transport::parse_public_key(text).map_err(|error| Failure::usage("bad-public-key", error))
}

pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Broker => "broker",
        Role::Provider => "provider",
        Role::Analyst => "analyst",
        Role::Operator => "operator",
    }
}

fn tell(as_json: bool, text: &str, value: Value) {
    if as_json { show::json(&value) } else { show::line(text) }
}
