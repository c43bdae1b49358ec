//! Windows end to end: a block bought with the program from several single slots, resting across a kill, and what the
//! comparison shopper finds and its orders bring.

use crate::exchange::{Exchange, feed_until, hours_ahead};
use crate::program::Typist;
use client::{FeedEvent, PrivateKey};
use protocol::market_data::{TradeKind, TradePrint};
use protocol::when::HourText;
use rust_decimal::Decimal;
use serde_json::Value;
use types::{Hour, Side};
/// An exchange with two classes, a provider `acme` with 20 units of six slots of both, and a broker `lab` who has 1,000
/// dollars, by their key files.
pub(crate) struct Market {
    pub(crate) exchange: Exchange,
    /// When the first of the slots starts: the clock may go on to the next hour in the middle of a test.
    first: Hour,
}

impl Market {
    pub(crate) fn open() -> Market {
        let market = Market { exchange: Exchange::start(), first: hours_ahead(6) };
        let by = |key: &str| market.typist(key);
        let operator = by("data/operator.key");
        operator.says("class define H100SXM-USE --performance 989.5 --precision BF16");
        operator.says("class define A100-USE --performance 312 --precision BF16 --fee-ppm 2000");
        for (name, role) in [("acme", "provider"), ("lab", "broker")] {
            let public = by(&format!("{name}.key")).says(&format!("key new {name}"))["public_key"].clone();
            let public = public.as_str().unwrap();
            operator.says(&format!("account open {name} --role {role} --public-key {public}"));
            operator.says(&format!("account deposit {name} 1000 --id 1"));
        }
        for class in ["H100SXM-USE", "A100-USE"] {
            by("acme.key").says(&format!("capacity add {}-6H 20 --id 1", market.slot(class, 0)));
        }
        market
    }

    pub(crate) fn typist(&self, key: &str) -> Typist<'_> {
        Typist { exchange: &self.exchange, key: self.exchange.file(key) }
    }

    /// A slot so many hours after the first.
    pub(crate) fn slot(&self, class: &str, after: u32) -> String {
        format!("{class}-{}", HourText(self.first.plus(after)))
    }

    /// Offers: slots after the first, units and price.
    fn offer(&self, class: &str, offers: &[(u32, &str)]) {
        for (after, order) in offers {
            self.typist("acme.key").says(&format!("sell {} {order}", self.slot(class, *after)));
        }
    }

    /// What the program prints for people.
    pub(crate) fn words(&self, key: &str, line: &str) -> String {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let output = self.exchange.cuex_as(&self.exchange.file(key), &arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a line that the exchange refuses, and gives its code and what it says.
    pub(crate) fn refused(&self, key: &str, line: &str) -> (String, String) {
        let arguments: Vec<&str> = line.split_whitespace().chain(["--json"]).collect();
        let output = self.exchange.cuex_as(&self.exchange.file(key), &arguments);
        assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |field: &str| told["error"][field].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }

    /// Sends all orders of a way and gives what they came to, fees included.
    fn take(&self, key: &str, way: &Value) -> Decimal {
        let mut paid = Decimal::ZERO;
        for part in way["parts"].as_array().unwrap() {
            let command = part["send"].as_str().unwrap().strip_prefix("cuex ").unwrap();
            let reports = self.typist(key).says(command)["reports"].clone();
            for report in reports.as_array().unwrap() {
                match report["kind"].as_str().unwrap() {
                    "block_traded" => paid += decimal(&report["value"]) + decimal(&report["fees"]),
                    "filled" => {
                        let units = Decimal::from(report["units"].as_u64().unwrap());
                        paid += decimal(&report["price"]) * units + decimal(&report["fee"]);
                    }
                    kind => assert_eq!(kind, "accepted", "{report}"),
                }
            }
        }
        paid
    }
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}

/// What came of a command, by kind.
fn kinds(reports: &Value) -> Vec<&str> {
    reports.as_array().unwrap().iter().map(|report| report["kind"].as_str().unwrap()).collect()
}

const OFFERS: [(u32, &str); 4] = [(0, "5@1.95"), (0, "9@2.00"), (1, "8@2.00"), (2, "8@2.10")];

#[tokio::test]
async fn a_block_bought_from_single_slots_is_one_group_for_its_owner_and_for_everybody() {
    let market = Market::open();
    market.offer("H100SXM-USE", &OFFERS);
    let mut feed =
        market.exchange.subscriber(&PrivateKey::load(&market.exchange.file("acme.key")).unwrap()).await;
    let lab = market.typist("lab.key");
    let window = format!("{}-3H", market.slot("H100SXM-USE", 0));
    let reports = lab.says(&format!("buy {window} 8@2.10"))["reports"].clone();
    assert_eq!(kinds(&reports), ["accepted", "block_traded"]);
    assert_eq!(reports[0]["symbol"], window);
    let traded = &reports[1];
    // 5 x 1.95 + 3 x 2.00, 8 x 2.00 and 8 x 2.10: 48.55 for 24 accelerator-hours, and a tenth of a percent.
    assert_eq!((&traded["value"], &traded["average"]), (&"48.55".into(), &"2.0229".into()));
    assert_eq!((&traded["units"], &traded["slots"], &traded["left"]), (&8.into(), &3.into(), &0.into()));
    assert_eq!(traded["fees"], "0.04855");
    let prices: Vec<&str> =
        traded["fills"].as_array().unwrap().iter().map(|fill| fill["price"].as_str().unwrap()).collect();
    assert_eq!(prices, ["1.9500", "2.0000", "2.0000", "2.1000"]);

    // Everybody sees the trades of all slots as one command's, and nothing of it before all of it.
    let sequence = traded["sequence"].as_u64().unwrap();
    let mut trades: Vec<TradePrint> = Vec::new();
    feed_until(&mut feed, |feed, event| match event {
        FeedEvent::Book { sequence: of, trades: made, .. } if *of == sequence => {
            trades.extend(made);
            false
        }
        FeedEvent::CommandEnd { sequence: of } if *of == sequence => {
            assert!(feed.is_whole());
            true
        }
        _ => false,
    })
    .await;
    assert!(trades.iter().all(|trade| trade.kind == TradeKind::Block && trade.taker == Some(Side::Buy)));
    let made: Vec<(i64, u32)> = trades.iter().map(|trade| (trade.price, trade.units)).collect();
    assert_eq!(made, [(19_500, 5), (20_000, 3), (20_000, 8), (21_000, 8)]);

    let words = market.words("lab.key", "fills");
    let rows: Vec<Vec<&str>> = words.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 6, "{words}");
    assert_eq!(rows[1][2..], [&window, "buy", "8", "2.0229", "0.04855"]);
    let book = lab.says(&format!("book {window}"));
    assert_eq!((&book["ask_sum"], &book["slots"][0]["ask"]["units"]), (&Value::Null, &6.into()));
    assert_eq!(lab.says("fills --last 1")["fills"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_resting_block_survives_a_kill_and_trades_when_its_last_slot_comes() {
    let mut market = Market::open();
    let window = format!("{}-3H", market.slot("H100SXM-USE", 0));
    let bought = format!("buy {window} 8@2.10 --min-units 4 --until +5h");
    let accepted = market.typist("lab.key").says(&bought)["reports"][0].clone();
    assert_eq!((&accepted["slots"], &accepted["min"]), (&3.into(), &4.into()));
    let before = market.typist("lab.key").says("orders")["orders"].clone();
    assert_eq!(before[0]["symbol"], window);
    let words = market.words("lab.key", "orders");
    let row: Vec<&str> = words.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[1..5], [&window, "buy", "block", "2.1000"]);

    market.exchange.kill();
    let market = Market { exchange: market.exchange.restart(), ..market };
    let lab = market.typist("lab.key");
    assert_eq!(lab.says("orders")["orders"], before);
    let rests = lab.says(&format!("book {window}"))["blocks"][0].clone();
    assert_eq!((&rests["side"], &rests["units"], &rests["min"]), (&"buy".into(), &8.into(), &4.into()));
    assert_eq!(lab.says(&format!("book {}", market.slot("H100SXM-USE", 0)))["blocks"][0], rests);

    market.offer("H100SXM-USE", &OFFERS[1..]);
    let traded = lab.says("fills")["fills"][0].clone();
    assert_eq!((&traded["kind"], &traded["symbol"]), (&"block_traded".into(), &window.into()));
    assert_eq!(traded["order"], before[0]["order"]);
    // 8 x 2.00 x 2 and 8 x 2.10.
    assert_eq!((&traded["value"], &traded["left"]), (&"48.80".into(), &0.into()));
    assert_eq!(lab.says("orders")["orders"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_block_is_replaced_and_cancelled_by_its_id_and_by_its_class() {
    let market = Market::open();
    let lab = market.typist("lab.key");
    let order = |line: &str| lab.says(line)["reports"][0]["order"].as_u64().unwrap();
    let block = order("buy H100SXM-USE 8@1.50 --at +6h --hours 6");
    let open = lab.says("orders")["orders"][0].clone();
    let symbol = open["symbol"].as_str().unwrap();
    assert!(symbol.starts_with("H100SXM-USE-") && symbol.ends_with("Z-6H"), "{open}");
    let replaced = lab.says(&format!("replace {block} 6@1.60"))["reports"][0].clone();
    assert_eq!((&replaced["price"], &replaced["left"]), (&"1.6000".into(), &6.into()));
    assert_eq!(lab.says(&format!("cancel {block}"))["reports"][0]["units"], 6);
    order(&format!("buy {}-6H 8@1.50", market.slot("H100SXM-USE", 0)));
    assert_eq!(kinds(&lab.says("cancel --class H100SXM-USE")["reports"])[1], "cancelled");
    let account = lab.says("account show");
    assert_eq!((&account["open_orders"], &account["cash"][0]["reserved"]), (&0.into(), &"0.00".into()));
}

#[test]
fn the_cheapest_way_is_found_and_its_orders_trade_at_its_total() {
    let market = Market::open();
    market.offer("H100SXM-USE", &OFFERS);
    market.offer("A100-USE", &[(0, "3@1.50"), (1, "3@1.50"), (2, "3@1.50"), (3, "9@1.40")]);
    let lab = market.typist("lab.key");
    // A key that may only read is enough to ask.
    let spare = lab.says("key new spare")["public_key"].as_str().unwrap().to_owned();
    market.typist("data/operator.key").says(&format!("account add-key lab {spare} --read-only"));
    let asks = |rest: &str| market.typist("spare.key").says(&format!("quote --hours 3 --until +12h {rest}"));

    let quote = asks("--units 8");
    let best = &quote["ways"][0];
    // 3 A100 for 3 h at 1.50, and 5 H100SXM at 1.95, 2.00 and 2.10.
    assert_eq!(best["value"], "43.75", "{quote}");
    assert_eq!(best["parts"].as_array().map(Vec::len), Some(2));
    assert_eq!(best["total"], quote["cheapest"]);
    let total = decimal(&best["total"]);
    assert_eq!(total, decimal(&best["value"]) + decimal(&best["fees"]));
    // An hour later the last of the three slots is at 1.40; 4.40 for 3 x 0.312 PFLOP-hours.
    let one = asks("--units 3 --model A100 --region USE --min-performance 0.3 --precision BF16");
    let cheapest = &one["ways"][0];
    assert_eq!((&cheapest["an_hour"], &cheapest["a_pflop_hour"]), (&"1.4667".into(), &"4.7009".into()));
    assert_eq!(cheapest["precision"], "BF16");
    assert_eq!(one["ways"][0]["parts"][0]["moves"]["after"], Value::Null);
    assert_eq!(market.take("lab.key", best), total);

    // What is left is dearer; a block for the window is not.
    let window = format!("{}-3H", market.slot("A100-USE", 0));
    market.typist("acme.key").says(&format!("sell {window} 8@1.80"));
    let block = asks("--units 8");
    assert!(block["ways"][0]["parts"][0]["blocks"].is_array(), "{block}");
    assert_eq!(market.take("lab.key", &block["ways"][0]), decimal(&block["cheapest"]));
    let words = market.words("lab.key", "quote --hours 1 --units 1");
    let send = words.lines().skip_while(|line| *line != "to send:").nth(1).unwrap();
    assert!(send.contains("cuex buy A100-USE-") && send.ends_with("1@1.4000 --tif fok"), "{words}");
}
