//! `cuex buy`, `sell` and `replace`: one order, and what came of it at once.

use crate::connect::{Desk, Target, command_failure};
use crate::fail::{Done, Failure};
use crate::show;
use crate::symbols::{self, SymbolArguments};
use crate::terms::TermsArguments;
use crate::told::Told;
use crate::typed;
use clap::Args;
use client::CommandError;
use protocol::decimal::from_ticks;
use serde_json::json;
use types::{Class, Command, ContractId, OpenOrder, OrderId, OrderRef, RejectCode, Report, Side};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cuex buy --key lab.key H100SXM-USE-20261122T14Z 8@2.10\n  \
    cuex buy --key lab.key H100SXM-USE 8@2.40 --at +6h --market --min 4\n  \
    cuex sell --key acme.key H100SXM-USE 8@1.95 --at \"tomorrow 09:00\" --tif ioc\n  \
    cuex sell --key acme.key H100SXM-USE 400@2.10 --at +6h --show 40 --until +90m --post-only\n  \
    cuex sell --key acme.key H100SXM-USE 8@1.80 --at +6h --stop 1.90 --self-trade decrement\n  \
    cuex buy --key lab.key H100SXM-USE-20261122T14Z-6H 8@2.10\n  \
    cuex buy --key lab.key H100SXM-USE 8@2.10 --at +6h --hours 6 --min-units 4 --same-provider")]
pub(crate) struct OrderArguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    symbol: SymbolArguments,
    /// How many units at which price per accelerator-hour: 8@2.10. Of a window so many in each slot, all slots or none,
    /// at that price on average. With --market the price is the worst one that will do.
    #[arg(value_name = "UNITS@PRICE")]
    order: String,
    #[command(flatten)]
    terms: TermsArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cuex replace --key lab.key 1042 6@2.20")]
pub(crate) struct ReplaceArguments {
    #[command(flatten)]
    target: Target,
    /// The order's id, as `cuex orders` shows it.
    order: OrderId,
    /// The new total, what is filled already included, at the new price: 6@2.20.
    #[arg(value_name = "UNITS@PRICE")]
    change: String,
}

pub(crate) async fn send(arguments: OrderArguments, side: Side, as_json: bool) -> Done {
    // Everything typed is read before anybody is called.
    let place = arguments.symbol.read()?;
    let wanted = typed::units_at_price(&arguments.order)?;
    let terms = arguments.terms.read(wanted.units)?;
    let desk = arguments.target.desk().await?;
    let class = *desk.class(place.class())?;
    let span = place.span(&class)?;
    let price = typed::ticks(wanted.price, &class)?;
    let order = terms.order(&class, span, side, wanted.units, price)?;
    execute(&desk, &class, Command::NewOrder(order), as_json).await
}

pub(crate) async fn replace(arguments: ReplaceArguments, as_json: bool) -> Done {
    let wanted = typed::units_at_price(&arguments.change)?;
    let desk = arguments.target.desk().await?;
    let order = find(&desk, &[arguments.order]).await?[0];
    let class = class_of(&desk, &order)?;
    let price = typed::ticks(wanted.price, &class)?;
    let command = Command::Replace { order: by_id(&order), price, units: wanted.units };
    execute(&desk, &class, command, as_json).await
}

/// The own open orders with these ids, in the same order.
pub(crate) async fn find(desk: &Desk, ids: &[OrderId]) -> Result<Vec<OpenOrder>, Failure> {
    let state = desk.session.account().await.map_err(command_failure)?;
    let found = ids.iter().map(|&id| {
        let found = state.orders.iter().find(|order| order.order == id).copied();
        found.ok_or_else(|| Failure::refused("UnknownOrder", format!("you have no open order {id}")))
    });
    found.collect()
}

pub(crate) fn by_id(order: &OpenOrder) -> OrderRef {
    OrderRef::Id { order: order.order, slot: order.slot }
}

pub(crate) fn show_reports(classes: &[Class], reports: &[Report], as_json: bool) {
    let told = Told::of(reports);
    if as_json {
        let reports: Vec<_> = told.iter().map(|told| told.to_json(classes)).collect();
        show::json(&json!({ "reports": reports }));
    } else {
        told.iter().flat_map(|told| told.to_lines(classes)).for_each(|line| show::line(&line));
    }
}

async fn execute(desk: &Desk, class: &Class, command: Command, as_json: bool) -> Done {
    let reports = desk.session.execute(command).await.map_err(|error| order_failure(class, error))?;
    desk.session.close().await;
    show_reports(&desk.classes, &reports, as_json);
    Ok(())
}

/// Why an order came to nothing, with prices and contracts as people write them.
fn order_failure(class: &Class, error: CommandError) -> Failure {
    let (CommandError::Rejected { code, value } | CommandError::Refused { code, value }) = error else {
        return command_failure(error);
    };
    let price = || format!("{} {}", from_ticks(value, &class.spec), class.spec.currency);
    let contract = || {
        let contract = u32::try_from(value).map(ContractId);
        contract.map_or_else(|_| value.to_string(), |contract| symbols::full(class, contract, 1))
    };
    let message = match code {
        RejectCode::WouldTrade => format!("post-only, but it would trade at once, at {}", price()),
        RejectCode::OutsideBand => {
            format!("the price is outside the class's static band: the nearest within is {}", price())
        }
        RejectCode::Halted => format!("trading of {} is halted: orders can only be cancelled", contract()),
        RejectCode::Uncrossing => {
            format!("the auction of {} is being worked out: try again in a moment", contract())
        }
        _ => return command_failure(error),
    };
    Failure::refused(code, message)
}

fn class_of(desk: &Desk, order: &OpenOrder) -> Result<Class, Failure> {
    let class = desk.class_of(order.terms.contract).copied();
    class.ok_or_else(|| {
        Failure::refused("UnknownClass", format!("order {} is of an unknown class", order.order))
    })
}
