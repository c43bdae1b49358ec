//! `cuex buy`, `sell`, `cancel` and `replace`: one order, and what came of it at once.

use crate::connect::{Desk, Target, command_failure};
use crate::fail::{Done, Failure};
use crate::orders::reason_word;
use crate::show;
use crate::typed;
use clap::{Args, ValueEnum};
use protocol::decimal::{from_money, from_ticks};
use protocol::when::TimeText;
use serde_json::{Value, json};
use types::{Class, Command, NewOrder, OpenOrder, OrderId, OrderRef, Report, ReportBody, Side, TimeInForce};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cuex buy --key lab.key H100SXM-USE-20261122T14Z 8@2.10\n  \
    cuex sell --key acme.key H100SXM-USE 8@1.95 --at \"tomorrow 09:00\" --tif ioc")]
pub(crate) struct OrderArguments {
    #[command(flatten)]
    target: Target,
    /// A contract, or a class with --at.
    symbol: String,
    /// How many units at which price per accelerator-hour: 8@2.10.
    #[arg(value_name = "UNITS@PRICE")]
    order: String,
    /// When the slot starts: now, +6h, tomorrow 09:00, 2026-11-22T14:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How long it lasts.
    #[arg(long, default_value = "gtc")]
    tif: Tif,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cuex cancel --key lab.key 1042")]
pub(crate) struct CancelArguments {
    #[command(flatten)]
    target: Target,
    /// The order's id, as `cuex orders` shows it.
    order: OrderId,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tif {
    /// Rests until filled, cancelled, or its contract's gate closes.
    Gtc,
    /// What does not trade at once ends.
    Ioc,
    /// All at once, or nothing.
    Fok,
}

impl From<Tif> for TimeInForce {
    fn from(tif: Tif) -> TimeInForce {
        match tif {
            Tif::Gtc => TimeInForce::Gtc,
            Tif::Ioc => TimeInForce::Ioc,
            Tif::Fok => TimeInForce::Fok,
        }
    }
}

pub(crate) async fn send(arguments: OrderArguments, side: Side, as_json: bool) -> Done {
    // Everything typed is read before anybody is called.
    let (symbol, at) = typed::symbol(&arguments.symbol, arguments.at.as_deref())?;
    let wanted = typed::units_at_price(&arguments.order)?;
    let desk = arguments.target.desk().await?;
    let class = *desk.class(symbol.class())?;
    let contract = typed::contract(symbol, at, &class)?;
    let price = typed::ticks(wanted.price, &class)?;
    let time_in_force = arguments.tif.into();
    let command = Command::NewOrder(NewOrder { contract, side, time_in_force, price, units: wanted.units });
    execute(&desk, &class, command, as_json).await
}

pub(crate) async fn cancel(arguments: CancelArguments, as_json: bool) -> Done {
    let desk = arguments.target.desk().await?;
    let order = find(&desk, arguments.order).await?;
    let class = class_of(&desk, &order)?;
    execute(&desk, &class, Command::Cancel(by_id(&order)), as_json).await
}

pub(crate) async fn replace(arguments: ReplaceArguments, as_json: bool) -> Done {
    let wanted = typed::units_at_price(&arguments.change)?;
    let desk = arguments.target.desk().await?;
    let order = find(&desk, arguments.order).await?;
    let class = class_of(&desk, &order)?;
    let price = typed::ticks(wanted.price, &class)?;
    let command = Command::Replace { order: by_id(&order), price, units: wanted.units };
    execute(&desk, &class, command, as_json).await
}

async fn execute(desk: &Desk, class: &Class, command: Command, as_json: bool) -> Done {
    let reports = desk.session.execute(command).await.map_err(command_failure)?;
    desk.session.close().await;
    if as_json {
        show::json(
            &json!({ "reports": reports.iter().map(|report| to_json(class, report)).collect::<Vec<_>>() }),
        );
    } else {
        reports.iter().for_each(|report| show::line(&to_text(class, report)));
    }
    Ok(())
}

/// The own open order with this id.
async fn find(desk: &Desk, id: OrderId) -> Result<OpenOrder, Failure> {
    let state = desk.session.account().await.map_err(command_failure)?;
    let found = state.orders.into_iter().find(|order| order.order == id);
    found.ok_or_else(|| Failure::refused("UnknownOrder", format!("you have no open order {id}")))
}

fn by_id(order: &OpenOrder) -> OrderRef {
    OrderRef::Id { order: order.order, slot: order.slot }
}

fn class_of(desk: &Desk, order: &OpenOrder) -> Result<Class, Failure> {
    let class = desk.class_of(order.contract).copied();
    class.ok_or_else(|| {
        Failure::refused("UnknownClass", format!("order {} is of an unknown class", order.order))
    })
}

/// A report about an order in one line.
pub(crate) fn to_text(class: &Class, report: &Report) -> String {
    let at = |price| format!("{} {}", from_ticks(price, &class.spec), class.spec.currency);
    match report.body {
        ReportBody::Accepted { order, contract, side, price, units, time_in_force, .. } => {
            let (symbol, way) = (typed::full(class, contract), side_word(side));
            format!("order {order} accepted: {way} {units} {symbol} at {} ({time_in_force:?})", at(price))
        }
        ReportBody::Filled { order, side, price, units, left, fee, .. } => {
            let done = if side == Side::Buy { "bought" } else { "sold" };
            let fee = from_money(fee);
            format!("order {order} {done} {units} at {}, fee {fee}, {left} left", at(price))
        }
        ReportBody::Cancelled { order, units, reason, .. } => {
            format!("order {order} ended with {units} unfilled: {}", reason_word(reason))
        }
        ReportBody::Replaced { order, price, units, left, kept_priority, .. } => {
            let place = if kept_priority { "in its place" } else { "at the end of the queue" };
            format!("order {order} is now {units} at {}, {left} left, {place}", at(price))
        }
        ref other => format!("{other:?}"),
    }
}

/// A report about an order for machines.
pub(crate) fn to_json(class: &Class, report: &Report) -> Value {
    let price_text = |price| from_ticks(price, &class.spec).to_string();
    let mut value = match report.body {
        ReportBody::Accepted { order, contract, side, price, units, .. } => json!({
            "kind": "accepted", "order": order, "contract": typed::full(class, contract),
            "side": side_word(side), "price": price_text(price), "units": units,
        }),
        ReportBody::Filled { order, contract, side, price, units, left, fee, maker, .. } => json!({
            "kind": "filled", "order": order, "contract": typed::full(class, contract), "side": side_word(side),
            "price": price_text(price), "units": units, "left": left, "fee": from_money(fee).to_string(),
            "maker": maker,
        }),
        ReportBody::Cancelled { order, contract, units, reason, .. } => json!({
            "kind": "cancelled", "order": order, "contract": typed::full(class, contract), "units": units,
            "reason": reason_word(reason),
        }),
        ReportBody::Replaced { order, contract, price, units, left, kept_priority, .. } => json!({
            "kind": "replaced", "order": order, "contract": typed::full(class, contract),
            "price": price_text(price), "units": units, "left": left, "kept_priority": kept_priority,
        }),
        ref other => json!({ "kind": format!("{other:?}") }),
    };
    value["sequence"] = report.sequence.into();
    value["time"] = TimeText(report.time).to_string().into();
    value
}

pub(crate) fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
