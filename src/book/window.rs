//! `cuex book WINDOW`: slot by slot what one unit costs, all of them together, and the blocks for that window.

use super::{block_json, print_blocks};
use crate::show;
use crate::symbols;
use client::{FeedSession, Pattern};
use protocol::PublicBook;
use protocol::decimal::{from_money, from_ticks};
use protocol::public_book::Level;
use protocol::symbol::{Block, ClassSymbol, ContractSymbol};
use serde_json::{Value, json};
use types::{BlockEntry, Class, ContractId, Money, Side, value_of};

/// A window of more slots is read with all others of its class.
const ONE_BY_ONE: u16 = 16;

/// What to subscribe to for the books of a window.
pub(super) fn patterns(class: &Class, block: Block) -> Vec<Pattern> {
    let Block { first, slots } = block;
    if slots > ONE_BY_ONE {
        return vec![ClassSymbol::of(&class.spec).into()];
    }
    class.window(first, slots).map(|contract| ContractSymbol::of(class, contract).into()).collect()
}

/// A window as it stands.
struct Window<'a> {
    class: &'a Class,
    /// Every slot's contract and its book.
    slots: Vec<(ContractId, &'a PublicBook)>,
    /// The blocks for exactly this window: bids, then asks, best first.
    blocks: Vec<&'a BlockEntry>,
}

pub(super) fn show(feed: &FeedSession, class: &Class, block: Block, as_json: bool) {
    let Block { first, slots } = block;
    let empty = PublicBook::new();
    let books = class.window(first, slots).map(|slot| (slot, feed.book(slot).unwrap_or(&empty)));
    let blocks = feed.book(first).into_iter().flat_map(PublicBook::blocks);
    let window = Window {
        class,
        slots: books.collect(),
        blocks: blocks.filter(|entry| entry.slots == slots).collect(),
    };
    let symbol = symbols::full(class, first, slots);
    if as_json {
        show::json(&window.to_json(&symbol, feed.sequence()));
        return;
    }
    show::line(&format!("{symbol}  {slots} slots, as of sequence {}", feed.sequence()));
    window.print();
    if window.blocks.is_empty() {
        show::line("no blocks rest for this window");
    } else {
        show::line(&format!("blocks for this window: {}", window.blocks.len()));
        print_blocks(class, first, &window.blocks);
    }
}

impl Window<'_> {
    /// What one unit in every slot is worth at the best prices of a side; `None` if a slot has none.
    fn sum(&self, side: Side) -> Option<Money> {
        let value = |(_, book): &(ContractId, &PublicBook)| value_of(self.class, book.best(side)?.price, 1);
        self.slots.iter().try_fold(0, |sum: Money, slot| sum.checked_add(value(slot)?))
    }

    fn print(&self) {
        let mut rows =
            vec![["slot", "phase", "bid units", "bid", "ask", "ask units"].map(str::to_owned).to_vec()];
        let price = |level: &Level| from_ticks(level.price, &self.class.spec).to_string();
        rows.extend(self.slots.iter().map(|(contract, book)| {
            let [bid, ask] = [Side::Buy, Side::Sell].map(|side| {
                book.best(side)
                    .map_or_else(Default::default, |level| [price(&level), level.units.to_string()])
            });
            let ([bid, bid_units], [ask, ask_units]) = (bid, ask);
            let symbol = symbols::full(self.class, *contract, 1);
            vec![symbol, format!("{:?}", book.phase()), bid_units, bid, ask, ask_units]
        }));
        let sum = |side| self.sum(side).map_or_else(|| "-".to_owned(), |sum| from_money(sum).to_string());
        let label = format!("one unit, {}", self.class.spec.currency);
        let none = String::new;
        rows.push(vec![label, none(), none(), sum(Side::Buy), sum(Side::Sell), none()]);
        show::table(&[2, 3, 4, 5], &rows);
    }

    fn to_json(&self, symbol: &str, sequence: u64) -> Value {
        let level = |level: Level| {
            let price = from_ticks(level.price, &self.class.spec).to_string();
            json!({ "price": price, "units": level.units })
        };
        let slots = self.slots.iter().map(|(contract, book)| {
            json!({
                "contract": symbols::full(self.class, *contract, 1), "phase": format!("{:?}", book.phase()),
                "bid": book.best(Side::Buy).map(level), "ask": book.best(Side::Sell).map(level),
            })
        });
        let sum = |side| self.sum(side).map(|sum| from_money(sum).to_string());
        let first = self.slots.first().map(|(contract, _)| *contract);
        let blocks = first.map(|first| -> Vec<Value> {
            self.blocks.iter().map(|block| block_json(self.class, first, block)).collect()
        });
        json!({
            "window": symbol, "currency": self.class.spec.currency.as_str(), "sequence": sequence,
            "slots": slots.collect::<Vec<_>>(), "bid_sum": sum(Side::Buy), "ask_sum": sum(Side::Sell),
            "blocks": blocks,
        })
    }
}
