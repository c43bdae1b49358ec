//! `cuex orders` and `cuex fills`: what is open, and what traded lately.

use crate::connect::{Target, class_numbered, command_failure, full_symbol, session_failure};
use crate::fail::Done;
use crate::order::{side_word, to_json};
use crate::show;
use clap::Args;
use client::{Event, Options, Session};
use protocol::decimal::{from_money, from_ticks};
use protocol::when::TimeText;
use serde_json::{Value, json};
use types::{CancelReason, Report, ReportBody};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cuex orders --key lab.key")]
pub(crate) struct OrdersArguments {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cuex fills --key lab.key --last 20")]
pub(crate) struct FillsArguments {
    #[command(flatten)]
    target: Target,
    /// How many at most, the newest.
    #[arg(long, default_value_t = 50)]
    last: usize,
}

pub(crate) async fn run(arguments: OrdersArguments, as_json: bool) -> Done {
    let desk = arguments.target.desk().await?;
    let state = desk.session.account().await.map_err(command_failure)?;
    let price_of = |order: &types::OpenOrder| {
        let class = class_numbered(&desk.classes, order.contract.class());
        class
            .map_or_else(|| order.price.to_string(), |class| from_ticks(order.price, &class.spec).to_string())
    };
    if as_json {
        let orders: Vec<Value> = state
            .orders
            .iter()
            .map(|order| {
                json!({
                    "order": order.order, "contract": desk.symbol(order.contract), "side": side_word(order.side),
                    "price": price_of(order), "units": order.units, "left": order.left,
                })
            })
            .collect();
        show::json(&json!({ "sequence": state.sequence, "orders": orders }));
        return Ok(());
    }
    if state.orders.is_empty() {
        show::line("no open orders");
        return Ok(());
    }
    let mut rows = vec![["order", "contract", "side", "price", "left", "of"].map(str::to_owned).to_vec()];
    rows.extend(state.orders.iter().map(|order| {
        vec![
            order.order.to_string(),
            desk.symbol(order.contract),
            side_word(order.side).to_owned(),
            price_of(order),
            order.left.to_string(),
            order.units.to_string(),
        ]
    }));
    show::table(&[0, 3, 4, 5], &rows);
    Ok(())
}

/// Reads the reports the exchange still keeps, and shows the fills among them.
pub(crate) async fn fills(arguments: FillsArguments, as_json: bool) -> Done {
    let (info, key) = arguments.target.read()?;
    let options = Options { resume_after: Some(0), ..Options::default() };
    let opened = Session::open(&info, &key, options).await;
    let (session, mut told) = opened.map_err(|error| session_failure(&error))?;
    let classes = session.classes().await.map_err(command_failure)?;
    let newest = session.welcome().last_report;
    let mut fills: Vec<Report> = Vec::new();
    let mut seen = 0;
    while seen < newest {
        let Some(batch) = told.next().await else { break };
        for event in &batch.events {
            match event {
                Event::Report { report, .. } => {
                    seen = report.number;
                    fills.extend(
                        Some(*report).filter(|report| matches!(report.body, ReportBody::Filled { .. })),
                    );
                }
                Event::Resynchronised(state) => seen = state.last_report,
                Event::Refused { .. } | Event::Outcome { .. } => {}
            }
        }
    }
    session.close().await;
    fills.drain(..fills.len().saturating_sub(arguments.last));
    if as_json {
        let with_class =
            |fill: &Report| Some(to_json(class_numbered(&classes, contract(fill)?.class())?, fill));
        show::json(&json!({ "fills": fills.iter().filter_map(with_class).collect::<Vec<_>>() }));
        return Ok(());
    }
    if fills.is_empty() {
        show::line("no fills among the reports the exchange still keeps");
        return Ok(());
    }
    let mut rows =
        vec![["time", "order", "contract", "side", "units", "price", "fee"].map(str::to_owned).to_vec()];
    for fill in &fills {
        let ReportBody::Filled { order, contract, side, price, units, fee, .. } = fill.body else { continue };
        let class = class_numbered(&classes, contract.class());
        rows.push(vec![
            TimeText(fill.time).to_string(),
            order.to_string(),
            full_symbol(&classes, contract),
            side_word(side).to_owned(),
            units.to_string(),
            class.map_or_else(|| price.to_string(), |class| from_ticks(price, &class.spec).to_string()),
            from_money(fee).to_string(),
        ]);
    }
    show::table(&[1, 4, 5, 6], &rows);
    Ok(())
}

fn contract(report: &Report) -> Option<types::ContractId> {
    match report.body {
        ReportBody::Filled { contract, .. } => Some(contract),
        _ => None,
    }
}

/// Why an order ended, in words.
pub(crate) fn reason_word(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Owner => "cancelled by its owner",
        CancelReason::Ioc => "immediate or cancel",
        CancelReason::Fok => "fill or kill, and it could not be filled whole",
        CancelReason::SelfTrade => "it would have traded with your own order",
        CancelReason::Gate => "the contract's gate closed",
    }
}
