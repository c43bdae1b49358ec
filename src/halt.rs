//! `cuex halt` and `cuex resume`: the operator stops trading, and lets it go on.

use crate::account::Reason;
use crate::connect::{Desk, Target, command_failure, scope_words};
use crate::fail::{Done, Failure};
use crate::show;
use crate::typed::symbol_failure;
use clap::Args;
use protocol::symbol::Symbol;
use serde_json::json;
use types::{Command, Scope, Why};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cuex halt --key cuex-data/operator.key H100SXM-USE --why \"a region is down\"\n  \
    cuex halt --key cuex-data/operator.key H100SXM-USE-20261122T14Z\n  \
    cuex halt --key cuex-data/operator.key all")]
pub(crate) struct HaltArguments {
    #[command(flatten)]
    order: ScopeArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cuex resume --key cuex-data/operator.key H100SXM-USE --why \"it is back\"\n  \
    cuex resume --key cuex-data/operator.key all")]
pub(crate) struct ResumeArguments {
    #[command(flatten)]
    order: ScopeArguments,
}

#[derive(Debug, Args)]
struct ScopeArguments {
    #[command(flatten)]
    target: Target,
    /// What: `all`, a class, or a contract. A halt is over when exactly the same is resumed.
    scope: String,
    #[command(flatten)]
    reason: Reason,
}

/// What is typed as a scope.
#[derive(Clone, Copy)]
enum Typed {
    All,
    Symbol(Symbol),
}

pub(crate) async fn halt(arguments: HaltArguments, as_json: bool) -> Done {
    set(arguments.order, |scope, why| Command::Halt { scope, why }, "halted", as_json).await
}

pub(crate) async fn resume(arguments: ResumeArguments, as_json: bool) -> Done {
    set(arguments.order, |scope, why| Command::Resume { scope, why }, "resumed", as_json).await
}

async fn set(
    arguments: ScopeArguments,
    command: impl Fn(Scope, Why) -> Command,
    done: &str,
    as_json: bool,
) -> Done {
    let typed = read(&arguments.scope)?;
    let why = arguments.reason.read()?;
    let desk = arguments.target.desk().await?;
    let scope = scope(&desk, typed)?;
    let report = desk.session.request(command(scope, why)).await.map_err(command_failure)?;
    desk.session.close().await;
    let of = scope_words(&desk.classes, scope);
    if as_json {
        show::json(&json!({ done: of, "sequence": report.sequence }));
    } else {
        show::line(&format!("trading of {of} is {done}"));
    }
    Ok(())
}

fn read(text: &str) -> Result<Typed, Failure> {
    if text == "all" {
        return Ok(Typed::All);
    }
    let symbol: Symbol = text.parse().map_err(symbol_failure)?;
    if let Symbol::Window(window) = symbol {
        let message =
            format!("'{symbol}' is a window: expected all, a class such as {}, or a contract", window.class);
        return Err(Failure::usage("bad-symbol", message));
    }
    Ok(Typed::Symbol(symbol))
}

fn scope(desk: &Desk, typed: Typed) -> Result<Scope, Failure> {
    let Typed::Symbol(symbol) = typed else { return Ok(Scope::All) };
    let class = desk.class(symbol.class())?;
    match symbol {
        Symbol::Contract(contract) => contract.contract(class).map(Scope::Contract).map_err(symbol_failure),
        Symbol::Class(_) | Symbol::Window(_) => Ok(Scope::Class(class.no)),
    }
}
