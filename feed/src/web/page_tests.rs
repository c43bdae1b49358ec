//! What a page is told, and when.

use crate::hub::{Hub, Progress, Seats};
use crate::play_market::{CLASSES, PlayMarket, SLOTS, hour};
use crate::web::page::Page;
use crate::web::ranking::{Filter, Ranking};
use serde_json::Value;
use types::{ContractId, PublicKey, Timestamp};

struct World {
    play: PlayMarket,
    hub: Hub,
    time: Timestamp,
}

impl World {
    fn new(commands: usize) -> World {
        let time = hour(500_000);
        let play = PlayMarket::new(1, time, PublicKey([9; 32]));
        let seats = Seats { in_all: 8, per_key: 8 };
        let hub = Hub::new(&play.state(), play.last_sequence(), time, seats).unwrap();
        let mut world = World { play, hub, time };
        world.play(commands);
        world
    }

    fn play(&mut self, commands: usize) {
        let output = self.play.play(commands, self.time);
        let (sequence, time) = (self.play.last_sequence(), self.time);
        self.hub.release(&output, Progress { sequence, time, commands: 7 }).unwrap();
    }

    fn ranking(&self) -> Ranking {
        Ranking::gather(self.hub.market()).sort()
    }

    fn news(&self, page: &mut Page) -> Vec<Value> {
        let news = page.news(self.hub.market(), &self.ranking(), self.time, None);
        news.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    fn ask(&self, page: &mut Page, text: &str) -> Result<(), String> {
        page.ask(text, self.hub.market(), self.time).map_err(|bad| bad.to_string())
    }

    /// A symbol that is in the table.
    fn symbol(&self) -> String {
        self.ranking().contracts[0].symbol.to_string()
    }
}

fn of_type<'a>(news: &'a [Value], of: &str) -> Option<&'a Value> {
    news.iter().find(|one| one["type"] == of)
}

#[test]
fn a_new_page_is_told_everything_and_then_only_what_changes() {
    let mut world = World::new(500);
    let mut page = Page::default();
    let first = world.news(&mut page);
    assert_eq!(of_type(&first, "classes").unwrap()["classes"].as_array().unwrap().len(), CLASSES.len());
    let rows = of_type(&first, "rows").unwrap();
    let contracts = world.hub.market().contracts().len();
    assert_eq!(rows["changed"].as_array().unwrap().len(), contracts);
    assert_eq!(rows["matching"], contracts);
    assert_eq!(world.news(&mut page), Vec::<Value>::new());

    world.play(1);
    let news = world.news(&mut page);
    assert_eq!(of_type(&news, "classes"), None);
    assert!(of_type(&news, "rows").is_none_or(|rows| rows["changed"].as_array().unwrap().len() <= 1));
}

#[test]
fn a_page_that_was_told_every_change_has_the_market_as_it_is() {
    let mut world = World::new(100);
    let mut page = Page::default();
    let mut rows = std::collections::BTreeMap::new();
    for minutes in [0, 0, 1, 0, 55, 0, 30, 0, 200, 0] {
        world.time.0 += minutes * types::MINUTE_NANOS;
        world.play(60);
        for one in world.news(&mut page).iter().filter(|one| one["type"] == "rows") {
            for gone in one["gone"].as_array().unwrap() {
                assert!(rows.remove(gone.as_str().unwrap()).is_some());
            }
            for row in one["changed"].as_array().unwrap() {
                rows.insert(row["symbol"].as_str().unwrap().to_owned(), row.clone());
            }
            assert_eq!(one["matching"], rows.len());
        }
    }
    let fresh = world.news(&mut Page::default());
    let expected = of_type(&fresh, "rows").unwrap()["changed"].as_array().unwrap();
    assert_eq!(rows.len(), expected.len());
    for row in expected {
        assert_eq!(&rows[row["symbol"].as_str().unwrap()], row);
    }
}

#[test]
fn the_status_says_where_the_exchange_is() {
    let world = World::new(50);
    let news =
        Page::default().news(world.hub.market(), &world.ranking(), world.time, Some(world.hub.progress()));
    let news: Vec<Value> = news.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let status = of_type(&news, "status").unwrap();
    assert_eq!(status["sequence"], world.play.last_sequence());
    assert_eq!(status["time"], world.time.0 / 1_000_000);
    assert_eq!(
        (&status["commands"], &status["trades"]),
        (&Value::from(7), &world.hub.market().trades().into())
    );
}

#[test]
fn an_opened_contract_is_shown_whole_and_again_when_it_changes() {
    let mut world = World::new(2_000);
    let mut page = Page::default();
    let symbol = world.symbol();
    world.ask(&mut page, &format!(r#"{{"open":"{symbol}"}}"#)).unwrap();
    let news = world.news(&mut page);
    let book = of_type(&news, "book").unwrap();
    assert_eq!(book["symbol"], symbol.as_str());
    assert!(!book["bids"].as_array().unwrap().is_empty());
    let trades = book["trades"].as_array().unwrap();
    let units: u64 = trades.iter().map(|trade| trade["units"].as_u64().unwrap()).sum();
    assert!(trades.len() < 50 && units == book["volume"].as_u64().unwrap());
    assert_eq!(of_type(&world.news(&mut page), "book"), None);

    while of_type(&world.news(&mut page), "book").is_none() {
        world.play(5);
    }
    world.ask(&mut page, r#"{"open":null}"#).unwrap();
    world.play(500);
    assert_eq!(of_type(&world.news(&mut page), "book"), None);
}

#[test]
fn a_contract_nobody_has_touched_is_an_empty_book() {
    let world = World::new(0);
    let mut page = Page::default();
    world.ask(&mut page, r#"{"open":"H100SXM-USE-20270115T12Z"}"#).unwrap();
    let news = world.news(&mut page);
    let book = of_type(&news, "book").unwrap();
    assert_eq!((&book["phase"], &book["sequence"]), (&"continuous".into(), &0.into()));
    assert_eq!((&book["bids"], &book["last"]), (&Value::Array(Vec::new()), &Value::Null));
}

#[test]
fn a_symbol_that_names_nothing_is_answered_with_itself_and_a_sentence() {
    let world = World::new(50);
    let cases = [
        ("H100SXM", "no_symbol"),
        ("NOBODY-USE-20270115T12Z", "unknown_class"),
        ("H100SXM-USE-20250101T00Z", "gate_closed"),
        ("H100SXM-USE-20290101T00Z", "beyond_horizon"),
    ];
    for (symbol, code) in cases {
        let mut page = Page::default();
        world.ask(&mut page, &format!(r#"{{"open":"{symbol}"}}"#)).unwrap();
        let news = world.news(&mut page);
        let error = of_type(&news, "error").unwrap();
        assert_eq!((&error["code"], &error["symbol"]), (&code.into(), &symbol.into()));
        assert!(error["message"].as_str().unwrap().contains(symbol.split('-').next().unwrap()));
        assert_eq!(of_type(&news, "book"), None);
        assert_eq!(of_type(&world.news(&mut page), "error"), None, "it is said once");
    }
}

#[test]
fn a_filter_chooses_rows_by_words() {
    let world = World::new(3_000);
    let mut page = Page::default();
    world.news(&mut page);
    world.ask(&mut page, r#"{"filter":" h100 *-use"}"#).unwrap();
    let news = world.news(&mut page);
    let rows = of_type(&news, "rows").unwrap();
    let all = world.hub.market().contracts().len();
    let matching =
        world.hub.market().contracts().filter(|(_, at)| at.symbol.starts_with("H100SXM-USE")).count();
    assert!(matching > 0 && matching < all);
    assert_eq!(rows["matching"], matching);
    assert_eq!(rows["gone"].as_array().unwrap().len(), all - matching);
    assert_eq!(rows["changed"].as_array().unwrap().len(), 0);

    world.ask(&mut page, r#"{"filter":"nothing"}"#).unwrap();
    let news = world.news(&mut page);
    assert_eq!(of_type(&news, "rows").unwrap()["gone"].as_array().unwrap().len(), matching);
    world.ask(&mut page, r#"{"filter":""}"#).unwrap();
    let news = world.news(&mut page);
    assert_eq!(of_type(&news, "rows").unwrap()["changed"].as_array().unwrap().len(), all);
}

#[test]
fn what_is_no_wish_is_refused() {
    let world = World::new(0);
    let long = format!(r#"{{"filter":"{}"}}"#, "A".repeat(65));
    for bad in
        ["", "x", "{}", r#"{"close":1}"#, r#"{"open":7}"#, r#"{"open":"A","filter":"B"}"#, long.as_str()]
    {
        assert!(world.ask(&mut Page::default(), bad).is_err(), "{bad}");
    }
}

#[test]
fn the_most_traded_come_first_and_then_the_soonest() {
    let world = World::new(4_000);
    let ranking = world.ranking();
    let volume = |id: ContractId| world.hub.market().contract(id).unwrap().volume;
    let keys: Vec<_> = ranking
        .contracts
        .iter()
        .map(|one| (u64::MAX - volume(one.contract), one.contract.start(), one.contract))
        .collect();
    assert!(keys.is_sorted() && keys[0].0 < u64::MAX);
    assert!(keys.len() <= CLASSES.len() * usize::try_from(SLOTS).unwrap());

    let (first, matching) = ranking.choose(&Filter::default(), 3);
    assert_eq!((first.len(), matching), (3, ranking.contracts.len()));
    let (chosen, matching) = ranking.choose(&Filter::new("rtx usw"), 3);
    let expected: Vec<ContractId> = ranking
        .contracts
        .iter()
        .filter(|one| one.symbol.starts_with("RTX4090-USW"))
        .map(|one| one.contract)
        .collect();
    assert_eq!((chosen.as_slice(), matching), (&expected[..3], expected.len()));
}
