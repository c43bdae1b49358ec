//! `cuex quote`: the cheapest ways to get accelerators for hours in a row, compared, each with the orders to send.

use crate::books::{patterns, subscribe};
use crate::connect::{Desk, Target};
use crate::fail::{Done, Failure};
use crate::show;
use crate::symbols;
use crate::told::per_hour;
use crate::typed;
use clap::Args;
use client::FeedSession;
use protocol::decimal::{from_money, from_ticks};
use protocol::symbol::WINDOW_HOURS_MAX;
use protocol::when::{HourText, hour_from, parse_time};
use quotes::{ClassBooks, How, Move, Part, Quote, Request, RequestError, SlotBook, Way};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use types::{Class, ClassNo, Code, Performance, Sequence};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cuex quote --key lab.key --model H100SXM,A100 --region any --from now --until +48h --hours 6 --units 8\n  \
    cuex quote --key lab.key --min-performance 0.9 --precision BF16 --hours 24 --units 4 --budget 100.00")]
pub(crate) struct QuoteArguments {
    #[command(flatten)]
    target: Target,
    /// Models that will do, or `any`.
    #[arg(long = "model", value_name = "MODELS", value_delimiter = ',', default_value = "any")]
    models: Vec<String>,
    /// Regions that will do, or `any`.
    #[arg(long = "region", value_name = "REGIONS", value_delimiter = ',', default_value = "any")]
    regions: Vec<String>,
    /// What one unit must compute at least, in PFLOP/s.
    #[arg(long, value_name = "PFLOPS", requires = "precision")]
    min_performance: Option<String>,
    /// At which precision: BF16.
    #[arg(long, requires = "min_performance")]
    precision: Option<String>,
    /// The first slot starts then or later.
    #[arg(long, value_name = "TIME", default_value = "now")]
    from: String,
    /// The last slot is over then or before.
    #[arg(long, value_name = "TIME", default_value = "+14d")]
    until: String,
    /// For how many hours in a row.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=i64::from(WINDOW_HOURS_MAX)))]
    hours: u16,
    /// How many accelerators at the same time.
    #[arg(long)]
    units: String,
    /// What it may cost at most, fees included.
    #[arg(long, value_name = "AMOUNT")]
    budget: Option<String>,
    /// What prices are in.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// How many ways to show.
    #[arg(long, default_value_t = 10)]
    most: usize,
}

pub(crate) async fn run(arguments: QuoteArguments, as_json: bool) -> Done {
    // Everything typed is read before anybody is called.
    let request = arguments.read()?;
    let (info, key) = arguments.target.read()?;
    let desk = arguments.target.desk().await?;
    let wanted = wanted(&desk, &request)?;
    desk.session.close().await;
    let feed = subscribe(&info, &key, patterns(&desk.classes, &wanted)).await?;
    let market = market(&feed, &wanted, &request);
    let quote = quotes::quote(&request, &market);
    if quote.ways.is_empty() {
        return Err(nothing(&request, &quote));
    }
    let sequence = feed.sequence();
    if as_json {
        show::json(&to_json(&request, &quote, sequence));
    } else {
        print(&request, &quote, sequence);
    }
    Ok(())
}

impl QuoteArguments {
    fn read(&self) -> Result<Request, Failure> {
        let time =
            |text: &str| parse_time(text, typed::now()).map_err(|error| Failure::usage("bad-time", error));
        let performance = self.min_performance.as_deref().zip(self.precision.as_deref());
        let performance = performance.map(|(pflops, precision)| {
            let gflops = typed::gflops(pflops, 1_000_000, "PFLOP/s")?;
            Ok(Performance { gflops, precision: typed::precision_code(precision)? })
        });
        let request = Request {
            models: codes(&self.models, "bad-model")?,
            regions: codes(&self.regions, "bad-region")?,
            performance: performance.transpose()?,
            currency: self.currency.parse().map_err(|error| Failure::usage("bad-currency", error))?,
            from: hour_from(time(&self.from)?),
            until: time(&self.until)?.hour(),
            hours: self.hours,
            units: typed::units(&self.units)?,
            budget: self.budget.as_deref().map(typed::money).transpose()?,
            most: self.most,
        };
        request.check().map_err(|error| {
            let code = match error {
                RequestError::TooShort { .. } => "too-short",
                RequestError::NoHours => "bad-hours",
                RequestError::Units(_) => "bad-units",
            };
            Failure::usage(code, error)
        })?;
        Ok(request)
    }
}

/// Codes as typed; none for `any`.
fn codes(typed: &[String], code: &str) -> Result<Vec<Code>, Failure> {
    if typed.iter().any(|one| one == "any") {
        return Ok(Vec::new());
    }
    typed.iter().map(|one| one.parse().map_err(|error| Failure::usage(code, error))).collect()
}

/// The classes that fit, at least one.
fn wanted(desk: &Desk, request: &Request) -> Result<Vec<Class>, Failure> {
    let among: Vec<Class> = desk.classes.iter().filter(|class| request.wants(&class.spec)).copied().collect();
    if among.is_empty() {
        let message = "no class on this exchange is of such a model, region, currency and performance: \
                       `cuex class list` shows them";
        return Err(Failure::refused("UnknownClass", message));
    }
    let whole: Vec<Class> =
        among.iter().filter(|class| request.slots(&class.spec).is_some()).copied().collect();
    if whole.is_empty() {
        let slot_hours = among.iter().map(|class| class.spec.slot_hours).min().unwrap_or(1);
        let message = format!(
            "{} h are no whole slots of any of these classes: the shortest are {slot_hours} h",
            request.hours
        );
        return Err(Failure::usage("not-a-slot", message));
    }
    Ok(whole)
}

/// What the feed shows of these classes in the asked time.
fn market(feed: &FeedSession, classes: &[Class], request: &Request) -> Vec<ClassBooks> {
    let empty = |class: &Class| ClassBooks { class: *class, slots: Vec::new(), blocks: Vec::new() };
    let mut market: BTreeMap<ClassNo, ClassBooks> =
        classes.iter().map(|class| (class.no, empty(class))).collect();
    let asked = request.from..request.until;
    for (contract, book) in feed.books().filter(|(contract, _)| asked.contains(&contract.start())) {
        if let Some(books) = market.get_mut(&contract.class()) {
            books.slots.push(SlotBook::of(&books.class, contract, book));
            books.blocks.extend(book.blocks().map(|block| (contract, *block)));
        }
    }
    market.into_values().collect()
}

/// Why there is nothing to show.
fn nothing(request: &Request, quote: &Quote) -> Failure {
    let (units, hours) = (request.units, request.hours);
    match (quote.cheapest, request.budget) {
        (Some(cheapest), Some(budget)) => {
            let (cheapest, budget) = (from_money(cheapest), from_money(budget));
            let message = format!(
                "{units} for {hours} h in a row cost {cheapest} {} at least: over the budget of {budget}",
                request.currency
            );
            Failure::refused("over-budget", message)
        }
        _ => {
            let message = format!(
                "nobody offers {units} for {hours} h in a row between {} and {} now ({} classes looked at)",
                HourText(request.from),
                HourText(request.until),
                quote.classes
            );
            Failure::refused("nothing-offered", message)
        }
    }
}

fn print(request: &Request, quote: &Quote, sequence: Sequence) {
    let Request { units, hours, currency, .. } = request;
    show::line(&format!(
        "{units} for {hours} h in a row, {currency}, cheapest first, as of sequence {sequence} ({} classes)",
        quote.classes
    ));
    let head = ["", "start", "total", "fees in it", "an hour", "a PFLOP-hour", "from", "moves most"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (way, number) in quote.ways.iter().zip(1..) {
        for (at, part) in way.parts.iter().enumerate() {
            let mut row = if at == 0 { way_cells(way, number).to_vec() } else { vec![String::new(); 6] };
            row.extend([from_words(part), moves_words(part)]);
            rows.push(row);
        }
    }
    show::table(&[0, 2, 3, 4, 5], &rows);
    show::line("to send:");
    for (way, number) in quote.ways.iter().zip(1..) {
        for part in &way.parts {
            show::line(&format!("{number:>3}  {}", order_words(part)));
        }
    }
}

fn way_cells(way: &Way, number: usize) -> [String; 6] {
    [
        number.to_string(),
        HourText(way.start).to_string(),
        from_money(way.total()).to_string(),
        from_money(way.fees()).to_string(),
        average(way),
        pflops_average(way)
            .map_or_else(|| "-".to_owned(), |(average, precision)| format!("{average} {precision}")),
    ]
}

/// What an accelerator-hour costs on average, without fees.
fn average(way: &Way) -> String {
    per_hour(way.value().into(), way.accelerator_hours().into(), places(way))
}

/// What a PFLOP/s for an hour costs on average, without fees, and at which precision.
fn pflops_average(way: &Way) -> Option<(String, Code)> {
    let (gflops_hours, precision) = way.gflops_hours()?;
    let millionths = i128::from(way.value()) * 1_000_000;
    Some((per_hour(millionths, i128::try_from(gflops_hours).ok()?, places(way)), precision))
}

/// As many decimal places as a price of its first class has.
fn places(way: &Way) -> u32 {
    way.parts.first().map_or(2, |part| from_ticks(1, &part.class.spec).scale())
}

fn symbol(part: &Part) -> String {
    symbols::full(&part.class, part.first, part.slots)
}

fn from_words(part: &Part) -> String {
    let class = protocol::symbol::ClassSymbol::of(&part.class.spec);
    match &part.how {
        How::Singles => format!("{} of {class}", part.units),
        How::Blocks(orders) => {
            let orders: Vec<String> = orders.iter().map(ToString::to_string).collect();
            let blocks = if orders.len() == 1 { "block" } else { "blocks" };
            format!("{} of {class}, {blocks} {}", part.units, orders.join(", "))
        }
    }
}

fn moves_words(part: &Part) -> String {
    let price = |ticks| from_ticks(ticks, &part.class.spec).to_string();
    part.moves.map_or_else(
        || "no book".to_owned(),
        |Move { contract, before, after }| {
            if after == Some(before) {
                return "no best price".to_owned();
            }
            let after = after.map_or_else(|| "nothing left".to_owned(), price);
            format!("{} from {} to {after}", HourText(contract.start()), price(before))
        },
    )
}

/// The command that sends the order.
fn order_words(part: &Part) -> String {
    let limit = from_ticks(part.limit, &part.class.spec);
    let tif = if part.slots == 1 { " --tif fok" } else { "" };
    format!("cuex buy {} {}@{limit}{tif}", symbol(part), part.units)
}

fn to_json(request: &Request, quote: &Quote, sequence: Sequence) -> Value {
    let ways: Vec<Value> = quote.ways.iter().map(way_json).collect();
    json!({
        "sequence": sequence, "units": request.units, "hours": request.hours,
        "currency": request.currency.as_str(), "from": HourText(request.from).to_string(),
        "until": HourText(request.until).to_string(), "classes": quote.classes,
        "cheapest": quote.cheapest.map(|total| from_money(total).to_string()), "ways": ways,
    })
}

fn way_json(way: &Way) -> Value {
    let money = |money| from_money(money).to_string();
    let (by_pflops, precision) = pflops_average(way).unzip();
    let parts: Vec<Value> = way.parts.iter().map(part_json).collect();
    json!({
        "start": HourText(way.start).to_string(), "total": money(way.total()), "value": money(way.value()),
        "fees": money(way.fees()), "an_hour": average(way), "a_pflop_hour": by_pflops,
        "precision": precision.map(|precision| precision.to_string()), "parts": parts,
    })
}

fn part_json(part: &Part) -> Value {
    let price = |ticks| from_ticks(ticks, &part.class.spec).to_string();
    let blocks = match &part.how {
        How::Singles => None,
        How::Blocks(orders) => Some(orders),
    };
    let moves = part.moves.map(|Move { contract, before, after }| {
        let symbol = symbols::full(&part.class, contract, 1);
        json!({ "contract": symbol, "before": price(before), "after": after.map(price) })
    });
    json!({
        "symbol": symbol(part), "units": part.units, "blocks": blocks, "value": from_money(part.value).to_string(),
        "fees": from_money(part.fees).to_string(), "limit": price(part.limit), "moves": moves,
        "send": order_words(part),
    })
}
