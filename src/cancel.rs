//! `cuex cancel`: orders by their ids, many at a time, or when the key that sent them is gone.

use crate::connect::{Desk, Target, command_failure};
use crate::fail::{Done, Failure};
use crate::order::{by_id, find, show_reports};
use crate::symbols;
use crate::typed;
use clap::{ArgGroup, Args, ValueEnum};
use protocol::symbol::ClassSymbol;
use types::{Command, MassCancel, OrderId, Scope, Side};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["orders", "all", "class", "contract", "on_disconnect"]))]
#[command(
    after_help = "Examples:\n  cuex cancel --key lab.key 1042 1043\n  cuex cancel --key lab.key --all\n  \
    cuex cancel --key acme.key --class H100SXM-USE --side sell\n  \
    cuex cancel --key acme.key --contract H100SXM-USE-20261122T14Z\n  \
    cuex cancel --key bot.key --on-disconnect 30s"
)]
pub(crate) struct CancelArguments {
    #[command(flatten)]
    target: Target,
    /// Ids of orders, as `cuex orders` shows them.
    #[arg(value_name = "ORDER")]
    orders: Vec<OrderId>,
    /// All your orders.
    #[arg(long)]
    all: bool,
    /// All your orders of a class.
    #[arg(long, value_name = "MODEL-REGION")]
    class: Option<String>,
    /// All your orders of a contract, and the blocks that begin with it.
    #[arg(long, value_name = "SYMBOL")]
    contract: Option<String>,
    /// Of many orders only those of one side.
    #[arg(long, conflicts_with_all = ["orders", "on_disconnect"])]
    side: Option<SideName>,
    /// From now on, and until it is off: all orders this key sent, once it has had no session for so long. For the
    /// key of a program that stays connected; `cuex` itself leaves after every command.
    #[arg(long, value_name = "TIME|off", value_parser = typed::grace)]
    on_disconnect: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SideName {
    Buy,
    Sell,
}

/// Which orders of many, as typed.
enum Wanted {
    All,
    Class(ClassSymbol),
    Contract(symbols::Wanted),
}

pub(crate) async fn run(arguments: CancelArguments, as_json: bool) -> Done {
    let wanted = wanted(&arguments)?;
    let desk = arguments.target.desk().await?;
    if let Some(grace) = arguments.on_disconnect {
        let report = desk.session.cancel_on_disconnect(grace).await.map_err(command_failure)?;
        desk.session.close().await;
        show_reports(&desk.classes, &[report], as_json);
        return Ok(());
    }
    let mut reports = Vec::new();
    match wanted {
        Some(wanted) => {
            let side = arguments.side.map(|side| match side {
                SideName::Buy => Side::Buy,
                SideName::Sell => Side::Sell,
            });
            let asked = Command::MassCancel(MassCancel { scope: scope(&desk, wanted)?, side });
            reports = desk.session.execute(asked).await.map_err(command_failure)?;
        }
        None => {
            // All of them are known before the first is cancelled.
            let orders = find(&desk, &arguments.orders).await?;
            for order in &orders {
                let cancelled = desk.session.cancel(by_id(order)).await;
                reports.push(cancelled.map_err(command_failure)?);
            }
        }
    }
    desk.session.close().await;
    show_reports(&desk.classes, &reports, as_json);
    Ok(())
}

/// What is typed is read before anybody is called; `None` for orders by their ids.
fn wanted(arguments: &CancelArguments) -> Result<Option<Wanted>, Failure> {
    if let Some(class) = &arguments.class {
        return typed::class_symbol(class).map(|class| Some(Wanted::Class(class)));
    }
    if let Some(contract) = &arguments.contract {
        return symbols::Wanted::read(contract, None, None).map(|one| Some(Wanted::Contract(one)));
    }
    Ok(arguments.all.then_some(Wanted::All))
}

fn scope(desk: &Desk, wanted: Wanted) -> Result<Scope, Failure> {
    Ok(match wanted {
        Wanted::All => Scope::All,
        Wanted::Class(symbol) => Scope::Class(desk.class(symbol)?.no),
        Wanted::Contract(wanted) => Scope::Contract(wanted.contract(desk.class(wanted.class())?)?),
    })
}
