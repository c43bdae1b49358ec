//! `cuex book`: one book as it stands, from the feed.

use crate::connect::{Target, find_class, session_failure};
use crate::fail::{Done, Failure};
use crate::show;
use crate::typed;
use clap::Args;
use client::{FeedEvent, FeedSession};
use protocol::PublicBook;
use protocol::decimal::from_ticks;
use protocol::market_data::Depth;
use serde_json::{Value, json};
use types::{Class, Side};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cuex book --key lab.key H100SXM-USE-20261122T14Z\n  \
    cuex book --key lab.key H100SXM-USE --at +6h --levels 5")]
pub(crate) struct BookArguments {
    #[command(flatten)]
    target: Target,
    /// A contract, or a class with --at.
    symbol: String,
    /// When the slot starts: now, +6h, tomorrow 09:00, 2026-11-22T14:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How many levels of each side.
    #[arg(long, default_value_t = 10)]
    levels: usize,
}

pub(crate) async fn run(arguments: BookArguments, as_json: bool) -> Done {
    let (symbol, at) = typed::symbol(&arguments.symbol, arguments.at.as_deref())?;
    let (info, key) = arguments.target.read()?;
    // The classes come from the gateway, so that a class that does not exist is told at once.
    let desk = arguments.target.desk().await?;
    let class = *find_class(&desk.classes, symbol.class())?;
    let contract = typed::contract(symbol, at, &class)?;
    desk.session.close().await;

    let mut feed = FeedSession::connect(&info, &key).await.map_err(|error| session_failure(&error))?;
    let pattern = protocol::symbol::ContractSymbol::of(&class, contract).into();
    let subscription = feed.subscribe(pattern, Depth::Book);
    loop {
        match feed.next().await.map_err(|error| session_failure(&error))? {
            FeedEvent::Subscribed(served) if served.subscription == subscription => break,
            FeedEvent::SubscribeRefused(refused) => {
                let message = format!("the feed refused the subscription: {:?}", refused.code);
                return Err(Failure::refused(refused.code, message));
            }
            _ => {}
        }
    }
    let empty = PublicBook::new();
    let book = feed.book(contract).unwrap_or(&empty);
    let symbol = typed::full(&class, contract);
    if as_json {
        show::json(&to_json(&symbol, &class, book, arguments.levels))
    } else {
        print(&symbol, &class, book, arguments.levels)
    }
    Ok(())
}

fn print(symbol: &str, class: &Class, book: &PublicBook, levels: usize) {
    let currency = class.spec.currency;
    let last = match book.last_price() {
        0 => "no trade yet".to_owned(),
        price => format!("last {} {currency}", from_ticks(price, &class.spec)),
    };
    show::line(&format!("{symbol}  {:?}, {last}, as of sequence {}", book.phase(), book.sequence()));
    if book.is_empty() {
        show::line("the book is empty");
        return;
    }
    let mut rows =
        vec![["orders", "bid units", "bid", "ask", "ask units", "orders"].map(str::to_owned).to_vec()];
    let [mut bids, mut asks] = [Side::Buy, Side::Sell].map(|side| book.levels(side).take(levels));
    loop {
        let (bid, ask) = (bids.next(), asks.next());
        if bid.is_none() && ask.is_none() {
            break;
        }
        let cells = |level: Option<protocol::public_book::Level>| {
            level.map_or_else(Default::default, |level| {
                let price = from_ticks(level.price, &class.spec).to_string();
                [level.orders.to_string(), level.units.to_string(), price]
            })
        };
        let [bid_orders, bid_units, bid] = cells(bid);
        let [ask_orders, ask_units, ask] = cells(ask);
        rows.push(vec![bid_orders, bid_units, bid, ask, ask_units, ask_orders]);
    }
    show::table(&[0, 1, 2, 3, 4, 5], &rows);
}

fn to_json(symbol: &str, class: &Class, book: &PublicBook, levels: usize) -> Value {
    let side = |side| -> Vec<Value> {
        let levels = book.levels(side).take(levels);
        let price = |ticks| from_ticks(ticks, &class.spec).to_string();
        levels
            .map(|level| json!({ "price": price(level.price), "units": level.units, "orders": level.orders }))
            .collect()
    };
    let last = (book.last_price() > 0).then(|| from_ticks(book.last_price(), &class.spec).to_string());
    json!({
        "contract": symbol, "currency": class.spec.currency.as_str(), "phase": format!("{:?}", book.phase()),
        "sequence": book.sequence(), "last_price": last, "bids": side(Side::Buy), "asks": side(Side::Sell),
    })
}
