//! `cuex orders` and `cuex fills`: what is open, and what traded lately.

use crate::connect::{Target, command_failure, full_symbol, price_text, session_failure, span_symbol};
use crate::fail::Done;
use crate::show;
use crate::terms::{self, kind_words, side_word, until_words};
use crate::told::{Told, average};
use clap::Args;
use client::{Event, Options, Session};
use protocol::decimal::from_money;
use protocol::when::TimeText;
use serde_json::{Value, json};
use types::{Class, OpenOrder, Report, ReportBody};

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
    /// How many at most, the newest; a block's trade counts once, with all its parts.
    #[arg(long, default_value_t = 50)]
    last: usize,
}

pub(crate) async fn run(arguments: OrdersArguments, as_json: bool) -> Done {
    let desk = arguments.target.desk().await?;
    let state = desk.session.account().await.map_err(command_failure)?;
    if as_json {
        let orders: Vec<Value> = state.orders.iter().map(|order| open_json(&desk.classes, order)).collect();
        show::json(&json!({ "sequence": state.sequence, "orders": orders }));
        return Ok(());
    }
    if state.orders.is_empty() {
        show::line("no open orders");
        return Ok(());
    }
    let head = ["order", "contract", "side", "kind", "price", "trigger", "left", "of", "shown", "until"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(state.orders.iter().map(|order| open_row(&desk.classes, order)));
    show::table(&[0, 4, 5, 6, 7, 8], &rows);
    Ok(())
}

fn open_row(classes: &[Class], open: &OpenOrder) -> Vec<String> {
    let terms = &open.terms;
    let at_price = |price| price_text(classes, terms.contract, price);
    vec![
        open.order.to_string(),
        span_symbol(classes, terms.contract, terms.slots),
        side_word(terms.side).to_owned(),
        kind_words(terms),
        at_price(terms.price),
        terms.trigger.map_or_else(|| "-".to_owned(), at_price),
        open.left.to_string(),
        terms.units.to_string(),
        open.shown.to_string(),
        until_words(terms.time_in_force),
    ]
}

fn open_json(classes: &[Class], open: &OpenOrder) -> Value {
    let mut value = terms::to_json(classes, &open.terms);
    value["order"] = open.order.into();
    value["left"] = open.left.into();
    value["shown"] = open.shown.into();
    value
}

/// Reads the reports the exchange still keeps, and shows the fills among them.
pub(crate) async fn fills(arguments: FillsArguments, as_json: bool) -> Done {
    let (info, key) = arguments.target.read()?;
    let options = Options { resume_after: Some(0), ..Options::default() };
    let opened = Session::open(&info, &key, options).await;
    let (session, mut told) = opened.map_err(|error| session_failure(&error))?;
    let classes = session.classes().await.map_err(command_failure)?;
    let newest = session.welcome().last_report;
    let mut reports: Vec<Report> = Vec::new();
    let mut seen = 0;
    while seen < newest {
        let Some(batch) = told.next().await else { break };
        for event in &batch.events {
            match event {
                Event::Report { report, .. } => {
                    seen = report.number;
                    reports.extend(Some(*report).filter(is_trade));
                }
                Event::Resynchronised(state) => seen = state.last_report,
                Event::Refused { .. } | Event::Outcome { .. } => {}
            }
        }
    }
    session.close().await;
    let mut fills = Told::of(&reports);
    fills.drain(..fills.len().saturating_sub(arguments.last));
    if as_json {
        let fills: Vec<Value> = fills.iter().map(|fill| fill.to_json(&classes)).collect();
        show::json(&json!({ "fills": fills }));
        return Ok(());
    }
    if fills.is_empty() {
        show::line("no fills among the reports the exchange still keeps");
        return Ok(());
    }
    let mut rows =
        vec![["time", "order", "contract", "side", "units", "price", "fee"].map(str::to_owned).to_vec()];
    rows.extend(fills.iter().flat_map(|fill| fill_rows(&classes, fill)));
    show::table(&[1, 4, 5, 6], &rows);
    Ok(())
}

fn is_trade(report: &Report) -> bool {
    matches!(report.body, ReportBody::Filled { .. } | ReportBody::BlockTraded { .. })
}

/// A fill in a row; of a block's trade a row for the whole, at its average price, and set in below it its parts.
fn fill_rows(classes: &[Class], fill: &Told<'_>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let time = TimeText(fill.report().time).to_string();
    if let ReportBody::BlockTraded { order, contract, slots, side, units, value, .. } = fill.report().body {
        rows.push(vec![
            time.clone(),
            order.to_string(),
            span_symbol(classes, contract, slots),
            side_word(side).to_owned(),
            units.to_string(),
            average(classes, contract, slots, units, value),
            from_money(fill.fees()).to_string(),
        ]);
    }
    let (parts, set_in) = match fill.report().body {
        ReportBody::Filled { .. } => (std::slice::from_ref(fill.report()), ""),
        _ => (fill.parts(), "  "),
    };
    for part in parts {
        let ReportBody::Filled { order, contract, side, price, units, fee, .. } = part.body else { continue };
        rows.push(vec![
            time.clone(),
            order.to_string(),
            format!("{set_in}{}", full_symbol(classes, contract)),
            side_word(side).to_owned(),
            units.to_string(),
            price_text(classes, contract, price),
            from_money(fee).to_string(),
        ]);
    }
    rows
}
