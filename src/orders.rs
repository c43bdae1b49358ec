//! `cuex orders` and `cuex fills`: what is open, and what traded lately.

use crate::connect::{Target, command_failure, full_symbol, price_text, session_failure};
use crate::fail::Done;
use crate::show;
use crate::terms::{self, kind_words, side_word, until_words};
use crate::told;
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
    /// How many at most, the newest.
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
        full_symbol(classes, terms.contract),
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
        let fills: Vec<Value> = fills.iter().map(|fill| told::to_json(&classes, fill)).collect();
        show::json(&json!({ "fills": fills }));
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
        rows.push(vec![
            TimeText(fill.time).to_string(),
            order.to_string(),
            full_symbol(&classes, contract),
            side_word(side).to_owned(),
            units.to_string(),
            price_text(&classes, contract, price),
            from_money(fee).to_string(),
        ]);
    }
    show::table(&[1, 4, 5, 6], &rows);
    Ok(())
}
