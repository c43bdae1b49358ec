//! What the page and the exchange say to each other, as JSON; docs/web-socket.md describes every field.

use crate::market::Contract;
use crate::web::class::{IndexLine, OfClass};
use protocol::decimal::from_ticks;
use protocol::market_data::{TradeKind, TradePrint};
use protocol::public_book::Level;
use protocol::symbol::ClassSymbol;
use serde::{Deserialize, Serialize};
use types::{Class, ContractId, Phase, Side, Ticks, Timestamp};

/// What the page may ask.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Wish {
    /// Show one contract, by its symbol, or none any more.
    Open(Option<String>),
    /// Show rows whose symbol holds every one of these words.
    Filter(String),
}

/// What the page is told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum News<'a> {
    /// The terms of classes it does not know yet.
    Classes {
        /// In the order of their numbers.
        classes: Vec<ClassTerms>,
    },
    /// Changes of the table.
    Rows {
        /// The filter by which the rows are chosen.
        filter: &'a str,
        /// New and changed rows.
        changed: Vec<Row<'a>>,
        /// The symbols of rows that are out.
        gone: Vec<&'a str>,
        /// How many contracts match.
        matching: usize,
        /// How many are shown at most.
        shown_max: usize,
    },
    /// Where the exchange is.
    Status {
        /// The last released command.
        sequence: u64,
        /// Its stamp, in milliseconds since 1970.
        time: u64,
        /// Commands since the exchange was started.
        commands: u64,
        /// Trades since then.
        trades: u64,
        /// Contracts that have been touched and are not settled.
        contracts: usize,
    },
    /// The opened contract.
    Book(Box<Book<'a>>),
    /// The class of the opened contract.
    Class(OfClass),
    /// Indices that have changed.
    Index {
        /// By model and currency.
        indices: Vec<IndexLine>,
    },
    /// A wish that cannot be granted.
    Error {
        /// Why, as a word for programs.
        code: &'static str,
        /// About which symbol.
        symbol: &'a str,
        /// Why, in one sentence.
        message: &'a str,
    },
}

/// The terms of a class.
#[derive(Debug, Serialize)]
pub(crate) struct ClassTerms {
    class: String,
    currency: String,
    tick: String,
    slot_hours: u8,
    gate_minutes: u16,
}

/// One contract as a row.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    symbol: &'a str,
    class: String,
    start: u64,
    bid: Option<String>,
    bid_units: u64,
    ask: Option<String>,
    ask_units: u64,
    last: Option<String>,
    volume: u64,
    phase: &'static str,
    indicative: Option<IndicativeLine>,
}

/// What would come of a running auction.
#[derive(Debug, Serialize)]
struct IndicativeLine {
    price: Option<String>,
    volume: u32,
}

/// One contract whole.
#[derive(Debug, Serialize)]
pub(crate) struct Book<'a> {
    symbol: &'a str,
    class: String,
    start: u64,
    phase: &'static str,
    indicative: Option<IndicativeLine>,
    sequence: u64,
    last: Option<String>,
    volume: u64,
    bids: Vec<LevelLine>,
    asks: Vec<LevelLine>,
    more_bids: bool,
    more_asks: bool,
    trades: Vec<TradeLine>,
}

/// Price, units and number of orders of one level.
#[derive(Debug, Serialize)]
struct LevelLine(String, u64, usize);

#[derive(Debug, Serialize)]
struct TradeLine {
    sequence: u64,
    time: u64,
    price: String,
    units: u32,
    taker: Option<&'static str>,
    kind: &'static str,
}

/// How many levels of each side the page is shown.
pub(crate) const LEVELS_SHOWN: usize = 10;

impl News<'_> {
    /// The message as it is sent.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("plain structs of numbers and texts are always JSON")
    }
}

impl ClassTerms {
    pub(crate) fn of(class: &Class) -> ClassTerms {
        ClassTerms {
            class: ClassSymbol::of(&class.spec).to_string(),
            currency: class.spec.currency.to_string(),
            tick: price(class, 1),
            slot_hours: class.spec.slot_hours,
            gate_minutes: class.spec.gate_minutes,
        }
    }
}

impl<'a> Row<'a> {
    pub(crate) fn of(class: &Class, id: ContractId, contract: &'a Contract) -> Row<'a> {
        let [bid, ask] = [Side::Buy, Side::Sell].map(|side| contract.book.best(side));
        Row {
            symbol: &contract.symbol,
            class: ClassSymbol::of(&class.spec).to_string(),
            start: seconds(id),
            bid: bid.map(|level| price(class, level.price)),
            bid_units: bid.map_or(0, |level| level.units),
            ask: ask.map(|level| price(class, level.price)),
            ask_units: ask.map_or(0, |level| level.units),
            last: last(class, contract.book.last_price()),
            volume: contract.volume,
            phase: phase_word(contract.book.phase()),
            indicative: IndicativeLine::of(class, contract),
        }
    }
}

impl<'a> Book<'a> {
    pub(crate) fn of(class: &Class, id: ContractId, contract: &'a Contract) -> Book<'a> {
        let [(bids, more_bids), (asks, more_asks)] =
            [Side::Buy, Side::Sell].map(|side| levels(class, contract, side));
        Book {
            symbol: &contract.symbol,
            class: ClassSymbol::of(&class.spec).to_string(),
            start: seconds(id),
            phase: phase_word(contract.book.phase()),
            indicative: IndicativeLine::of(class, contract),
            sequence: contract.book.sequence(),
            last: last(class, contract.book.last_price()),
            volume: contract.volume,
            bids,
            asks,
            more_bids,
            more_asks,
            trades: contract.trades.iter().rev().map(|trade| TradeLine::of(class, trade)).collect(),
        }
    }

    /// A contract in which nothing has happened yet, or whose slot is over.
    pub(crate) fn empty(class: &Class, id: ContractId, symbol: &'a str, phase: Phase) -> Book<'a> {
        Book {
            symbol,
            class: ClassSymbol::of(&class.spec).to_string(),
            start: seconds(id),
            phase: phase_word(phase),
            indicative: None,
            sequence: 0,
            last: None,
            volume: 0,
            bids: Vec::new(),
            asks: Vec::new(),
            more_bids: false,
            more_asks: false,
            trades: Vec::new(),
        }
    }
}

impl IndicativeLine {
    /// Only while an auction runs.
    fn of(class: &Class, contract: &Contract) -> Option<IndicativeLine> {
        let indicative = contract.book.indicative();
        (contract.book.phase() == Phase::Auction)
            .then(|| IndicativeLine { price: last(class, indicative.price), volume: indicative.volume })
    }
}

impl TradeLine {
    fn of(class: &Class, trade: &TradePrint) -> TradeLine {
        TradeLine {
            sequence: trade.sequence,
            time: milliseconds(trade.time),
            price: price(class, trade.price),
            units: trade.units,
            taker: trade.taker.map(side_word),
            kind: match trade.kind {
                TradeKind::Single => "single",
                TradeKind::Auction => "auction",
                TradeKind::Block => "block",
            },
        }
    }
}

/// A stamp in whole milliseconds since 1970.
pub(crate) fn milliseconds(time: Timestamp) -> u64 {
    time.0 / 1_000_000
}

/// The best levels of a side, best first, and whether there are more.
fn levels(class: &Class, contract: &Contract, side: Side) -> (Vec<LevelLine>, bool) {
    let mut levels = contract.book.levels(side);
    let line = |level: Level| LevelLine(price(class, level.price), level.units, level.orders);
    let shown = levels.by_ref().take(LEVELS_SHOWN).map(line).collect();
    (shown, levels.next().is_some())
}

pub(crate) fn price(class: &Class, ticks: Ticks) -> String {
    from_ticks(ticks, &class.spec).to_string()
}

fn last(class: &Class, ticks: Ticks) -> Option<String> {
    (ticks > 0).then(|| price(class, ticks))
}

/// When a contract's slot starts, in seconds since 1970.
pub(crate) fn seconds(id: ContractId) -> u64 {
    u64::from(id.start().0) * 3_600
}

pub(crate) fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::PreOpen => "pre_open",
        Phase::Auction => "auction",
        Phase::Halted => "halted",
        Phase::Continuous => "continuous",
        Phase::Closed => "closed",
        Phase::InDelivery => "in_delivery",
        Phase::Settled => "settled",
    }
}
