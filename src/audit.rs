//! `cuex audit`: what was done with an operator's rights on a stopped exchange.

use crate::account::{expiry, role_word};
use crate::fail::Done;
use crate::journal::verify_failure;
use crate::show;
use clap::Args;
use protocol::decimal::{from_money, from_ticks};
use protocol::symbol::ClassSymbol;
use protocol::when::TimeText;
use sequencer::{Act, ActOutcome, Audit};
use serde_json::{Value, json};
use std::path::PathBuf;
use types::{AccountId, Command, KeyNo, Limits, Money, ReportBody, Scope, Why};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cuex audit cuex-data\n  cuex audit cuex-data --json | jq 'select(.refused)'\n\n\
    Every class, account, key and deposit an operator asked for, every rotation of a key, and the genesis; those that \
    were refused too. With --json one object a line."
)]
pub(crate) struct AuditArguments {
    /// The exchange's data directory.
    directory: PathBuf,
}

pub(crate) fn run(arguments: &AuditArguments, as_json: bool) -> Done {
    let audit = sequencer::audit(&arguments.directory).map_err(verify_failure)?;
    if as_json {
        audit.acts.iter().for_each(|act| show::json(&to_json(&audit, act)));
        return Ok(());
    }
    if audit.first_sequence > 1 {
        let first = audit.first_sequence;
        show::line(&format!("the journal begins with sequence {first}: what came before is not in it"));
    }
    let mut rows = vec![["sequence", "time", "by", "why", "outcome", "act"].map(str::to_owned).to_vec()];
    rows.extend(audit.acts.iter().map(|act| {
        vec![
            act.sequence.to_string(),
            TimeText(act.time).to_string(),
            by(&audit, act),
            why_of(&act.command).to_string(),
            outcome_words(&act.outcome),
            act_words(&audit, &act.command),
        ]
    }));
    show::table(&[0], &rows);
    Ok(())
}

/// The name of the act for machines, the same for ever.
fn act_name(command: &Command) -> &'static str {
    match command {
        Command::Genesis { .. } => "genesis",
        Command::DefineClass { .. } => "define-class",
        Command::OpenAccount { .. } => "open-account",
        Command::RegisterKey { .. } => "register-key",
        Command::RevokeKey { .. } => "revoke-key",
        Command::RotateKey { .. } => "rotate-key",
        Command::DepositCash { .. } => "deposit-cash",
        Command::SetLimits { .. } => "set-limits",
        Command::SetKillSwitch { .. } => "set-kill-switch",
        Command::Halt { .. } => "halt",
        Command::Resume { .. } => "resume",
        _ => "other",
    }
}

fn to_json(audit: &Audit, act: &Act) -> Value {
    let mut value = json!({
        "sequence": act.sequence, "time": TimeText(act.time).to_string(), "act": act_name(&act.command),
        "what": act_words(audit, &act.command), "why": why_of(&act.command).as_str(),
        "outcome": outcome_words(&act.outcome),
        "refused": matches!(act.outcome, ActOutcome::Refused(..)),
    });
    if let Some(key) = act.key {
        value["key"] = key.0.into();
    }
    if let Some(account) = account_of(audit, act.key) {
        value["account"] = account.0.into();
        value["account_name"] = audit.account(account).map(|account| account.name.to_string()).into();
    }
    if let ActOutcome::Refused(code, _) = act.outcome {
        value["code"] = code.to_string().into();
    }
    value
}

/// The key that asked, and for whom it speaks.
fn by(audit: &Audit, act: &Act) -> String {
    match (act.key, account_of(audit, act.key)) {
        (None, _) => "the exchange".to_owned(),
        (Some(key), Some(account)) => format!("key {key} of {}", account_words(audit, account)),
        (Some(key), None) => format!("key {key}, which was never registered"),
    }
}

fn account_of(audit: &Audit, key: Option<KeyNo>) -> Option<AccountId> {
    audit.key(key?).map(|key| key.account)
}

fn account_words(audit: &Audit, account: AccountId) -> String {
    match audit.account(account) {
        Some(found) => format!("account {account} '{}'", found.name),
        None => format!("account {account}"),
    }
}

/// What was asked.
fn act_words(audit: &Audit, command: &Command) -> String {
    match *command {
        Command::Genesis { operator, seed: _ } => {
            format!("set up the exchange with the operator's key {operator}")
        }
        Command::DefineClass { ref spec, .. } => format!(
            "list class {} in {}: tick {}, slots of {} h, gate {} min, horizon {} h, fee {} ppm",
            ClassSymbol::of(spec),
            spec.currency,
            from_ticks(1, spec),
            spec.slot_hours,
            spec.gate_minutes,
            spec.horizon_hours,
            spec.fee_ppm
        ),
        Command::OpenAccount { name, role, .. } => format!("open account '{name}' ({})", role_word(role)),
        Command::RegisterKey { account, public, rights, expires, .. } => {
            let (account, until) = (account_words(audit, account), expiry(expires));
            format!("let key {public} {rights} for {account}, {until}")
        }
        Command::RevokeKey { key, .. } => match account_of(audit, Some(key)) {
            Some(account) => format!("revoke key {key} of {}", account_words(audit, account)),
            None => format!("revoke key {key}"),
        },
        Command::RotateKey { public } => format!("put key {public} in its own place"),
        Command::DepositCash { account, currency, amount, external, .. } => {
            let (amount, account) = (from_money(amount), account_words(audit, account));
            format!("pay {amount} {currency} in to {account}, deposit {external}")
        }
        Command::SetLimits { account, limits, .. } => {
            let value = match limits.order_value {
                Money::MAX => "any value".to_owned(),
                most => format!("at most {} each", from_money(most)),
            };
            let (account, Limits { open_orders, open_blocks, .. }) = (account_words(audit, account), limits);
            format!("limit {account} to {open_orders} open orders, {open_blocks} open blocks, {value}")
        }
        Command::SetKillSwitch { account, on, .. } => {
            let account = account_words(audit, account);
            if on {
                format!("stop {account}, ending its orders")
            } else {
                format!("let {account} trade again")
            }
        }
        Command::Halt { scope, .. } => format!("halt {}", scope_words(scope)),
        Command::Resume { scope, .. } => format!("resume {}", scope_words(scope)),
        ref other => format!("{other:?}"),
    }
}

fn scope_words(scope: Scope) -> String {
    match scope {
        Scope::All => "the whole market".to_owned(),
        Scope::Class(class) => format!("class number {}", class.0),
        Scope::Contract(contract) => {
            let (class, start) = (contract.class().0, TimeText(contract.start().starts()));
            format!("the contract of class number {class} that starts {start}")
        }
    }
}

fn why_of(command: &Command) -> &Why {
    match command {
        Command::DefineClass { why, .. }
        | Command::OpenAccount { why, .. }
        | Command::RegisterKey { why, .. }
        | Command::RevokeKey { why, .. }
        | Command::DepositCash { why, .. }
        | Command::SetLimits { why, .. }
        | Command::SetKillSwitch { why, .. }
        | Command::Halt { why, .. }
        | Command::Resume { why, .. } => why,
        _ => &Why::NONE,
    }
}

fn outcome_words(outcome: &ActOutcome) -> String {
    match *outcome {
        ActOutcome::Unknown => "unknown: it lies before the oldest good snapshot".to_owned(),
        ActOutcome::Refused(code, value) => format!("refused: {} [{code}]", code.sentence(value)),
        ActOutcome::Done(report) => match report {
            Some(ReportBody::ClassDefined { class, .. }) => format!("done: class number {}", class.0),
            Some(ReportBody::AccountOpened { account }) => format!("done: account {account}"),
            Some(ReportBody::KeyRegistered { key, .. } | ReportBody::KeyRotated { key }) => {
                format!("done: key {key}")
            }
            Some(ReportBody::CashCredited { amount: 0, .. }) => "done: it was there already".to_owned(),
            _ => "done".to_owned(),
        },
    }
}
