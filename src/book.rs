//! `cuex book`: one book as it stands, or those of a window, from the feed.

mod window;

use crate::books::subscribe;
use crate::connect::{Target, find_class};
use crate::fail::Done;
use crate::show;
use crate::symbols::{self, Span, SymbolArguments};
use crate::terms::side_word;
use clap::Args;
use protocol::PublicBook;
use protocol::decimal::from_ticks;
use protocol::symbol::ContractSymbol;
use serde_json::{Value, json};
use types::{BlockEntry, Class, ContractId, Phase, Side};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cuex book --key lab.key H100SXM-USE-20261122T14Z\n  \
    cuex book --key lab.key H100SXM-USE --at +6h --levels 5\n  \
    cuex book --key lab.key H100SXM-USE-20261122T14Z-6H")]
pub(crate) struct BookArguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    symbol: SymbolArguments,
    /// How many levels of each side, of one contract.
    #[arg(long, default_value_t = 10)]
    levels: usize,
}

pub(crate) async fn run(arguments: BookArguments, as_json: bool) -> Done {
    let wanted = arguments.symbol.read()?;
    let (info, key) = arguments.target.read()?;
    // The classes come from the gateway, so that a class that does not exist is told at once.
    let desk = arguments.target.desk().await?;
    let class = *find_class(&desk.classes, wanted.class())?;
    let span = wanted.span(&class)?;
    desk.session.close().await;
    match span {
        Span::Contract(contract) => {
            let pattern = ContractSymbol::of(&class, contract).into();
            let feed = subscribe(&info, &key, [pattern]).await?;
            let empty = PublicBook::new();
            let book = feed.book(contract).unwrap_or(&empty);
            if as_json {
                show::json(&to_json(&class, contract, book, arguments.levels));
            } else {
                print(&class, contract, book, arguments.levels);
            }
        }
        Span::Window(block) => {
            let feed = subscribe(&info, &key, window::patterns(&class, block)).await?;
            window::show(&feed, &class, block, as_json);
        }
    }
    Ok(())
}

fn print(class: &Class, contract: ContractId, book: &PublicBook, levels: usize) {
    let currency = class.spec.currency;
    let price = |ticks| format!("{} {currency}", from_ticks(ticks, &class.spec));
    let mut state = vec![format!("{:?}", book.phase())];
    state.push(match book.last_price() {
        0 => "no trade yet".to_owned(),
        last => format!("last {}", price(last)),
    });
    if book.phase() == Phase::Auction {
        let indicative = book.indicative();
        state.push(match (indicative.price, indicative.volume) {
            (0, 0) => "nothing would trade now".to_owned(),
            (0, units) => format!("at least {units} units would trade now"),
            (at, units) => format!("{units} units would trade now at {}", price(at)),
        });
    }
    let symbol = symbols::full(class, contract, 1);
    show::line(&format!("{symbol}  {}, as of sequence {}", state.join(", "), book.sequence()));
    if book.is_empty() {
        show::line("the book is empty");
    } else {
        print_levels(class, book, levels);
    }
    let blocks: Vec<&BlockEntry> = book.blocks().collect();
    if !blocks.is_empty() {
        show::line(&format!("blocks that start here: {}", blocks.len()));
        print_blocks(class, contract, &blocks);
    }
}

fn print_levels(class: &Class, book: &PublicBook, levels: usize) {
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

fn print_blocks(class: &Class, first: ContractId, blocks: &[&BlockEntry]) {
    let head = ["block", "side", "window", "units", "at least", "an hour on average", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(blocks.iter().map(|block| {
        vec![
            block.order.to_string(),
            side_word(block.side).to_owned(),
            symbols::full(class, first, block.slots),
            block.units.to_string(),
            least(block).to_string(),
            from_ticks(block.price, &class.spec).to_string(),
            if block.same_provider { "from one provider".to_owned() } else { String::new() },
        ]
    }));
    show::table(&[0, 3, 4, 5], &rows);
}

fn to_json(class: &Class, contract: ContractId, book: &PublicBook, levels: usize) -> Value {
    let price = |ticks| from_ticks(ticks, &class.spec).to_string();
    let side = |side| -> Vec<Value> {
        let levels = book.levels(side).take(levels);
        levels
            .map(|level| json!({ "price": price(level.price), "units": level.units, "orders": level.orders }))
            .collect()
    };
    let known = |ticks: i64| (ticks > 0).then(|| price(ticks));
    let indicative = (book.phase() == Phase::Auction).then(|| {
        let indicative = book.indicative();
        json!({ "price": known(indicative.price), "units": indicative.volume })
    });
    let blocks: Vec<Value> = book.blocks().map(|block| block_json(class, contract, block)).collect();
    json!({
        "contract": symbols::full(class, contract, 1), "currency": class.spec.currency.as_str(),
        "phase": format!("{:?}", book.phase()), "sequence": book.sequence(),
        "last_price": known(book.last_price()), "auction_price": known(book.auction_price()),
        "indicative": indicative, "bids": side(Side::Buy), "asks": side(Side::Sell), "blocks": blocks,
    })
}

fn block_json(class: &Class, first: ContractId, block: &BlockEntry) -> Value {
    json!({
        "order": block.order, "side": side_word(block.side), "symbol": symbols::full(class, first, block.slots),
        "slots": block.slots, "units": block.units, "min": least(block),
        "price": from_ticks(block.price, &class.spec).to_string(), "same_provider": block.same_provider,
    })
}

/// The fewest units a block takes part with.
fn least(block: &BlockEntry) -> types::Units {
    if block.min_units == 0 { block.units } else { block.min_units }
}
