//! The operator's desk end to end: the terms of a class, halts, limits and the kill switch, each refusal with its code
//! and its value.

use crate::windows::Market;
use serde_json::Value;

#[test]
fn a_class_is_listed_with_all_its_terms_and_shows_them() {
    let market = Market::open();
    let operator = market.typist("data/operator.key");
    let line = "class define B200-USE --performance 2250 --precision BF16 --preopen 30m --opening 10m --auction 2m \
                --random-end 30s --static-band 50% --dynamic-band 10% --max-units 1000";
    let defined = operator.says(line);
    let shown = market.typist("lab.key").says("class show B200-USE");
    assert_eq!(shown, defined);
    for (term, value) in [
        ("performance", serde_json::json!({ "tflops": "2250", "precision": "BF16" })),
        ("preopen_minutes", 30.into()),
        ("opening_minutes", 10.into()),
        ("auction_seconds", 120.into()),
        ("random_seconds", 30.into()),
        ("static_band_percent", "50".into()),
        ("dynamic_band_percent", "10".into()),
        ("order_units_max", 1_000.into()),
    ] {
        assert_eq!(shown[term], value, "{term}");
    }
    let words = market.words("lab.key", "class show B200-USE");
    for part in ["2250 BF16", "30 min, 10 min + up to 30 s", "120 s + up to 30 s", "static 50%, dynamic 10%"]
    {
        assert!(words.contains(part), "{words} does not say {part}");
    }
    // More units than one order may have: the value is the most.
    market.typist("lab.key").says("buy B200-USE 1000@0.0001 --at +12h");
    let (code, message) = market.refused("lab.key", "buy B200-USE 1001@0.0001 --at +12h");
    assert_eq!(code, "OrderTooLarge");
    assert!(message.contains("1000 units"), "{message}");
}

#[test]
fn a_halt_stops_trading_until_exactly_it_is_resumed() {
    let market = Market::open();
    let (operator, lab) = (market.typist("data/operator.key"), market.typist("lab.key"));
    let slot = market.slot("H100SXM-USE", 0);
    let bid = lab.says(&format!("buy {slot} 1@1.50"))["reports"][0]["order"].as_u64().unwrap();
    for (scope, of) in [("H100SXM-USE", "H100SXM-USE"), ("all", "all contracts"), (&*slot, &*slot)] {
        assert_eq!(operator.says(&format!("halt {scope} --why drill"))["halted"], of);
        let (code, message) = market.refused("lab.key", &format!("buy {slot} 1@1.50"));
        assert_eq!(code, "Halted");
        assert!(message.contains(&slot), "{message}");
        let (code, _) = market.refused("lab.key", &format!("buy {slot}-3H 1@1.50"));
        assert_eq!(code, "Halted");
        assert_eq!(lab.says(&format!("book {slot}"))["phase"], "Halted");
        assert_eq!(operator.says(&format!("resume {scope} --why over"))["resumed"], of);
        assert_eq!(lab.says(&format!("book {slot}"))["phase"], "Continuous");
    }
    operator.says("halt all --why drill");
    assert_eq!(lab.says(&format!("cancel {bid}"))["reports"][0]["units"], 1);
    let (code, message) = market.refused("lab.key", "halt all");
    assert_eq!(code, "NotAllowed");
    assert!(message.contains("read and trade"), "{message}");
}

#[test]
fn limits_and_the_kill_switch_are_told_and_hold() {
    let market = Market::open();
    let (operator, lab) = (market.typist("data/operator.key"), market.typist("lab.key"));
    let slot = market.slot("H100SXM-USE", 0);
    let set = operator.says("account limits lab --open-orders 3 --open-blocks 1 --why new");
    assert_eq!(set["limits"]["open_orders"], 3);
    let set = operator.says("account limits lab --order-value 20.00 --why new");
    let limits = serde_json::json!({ "open_orders": 3, "open_blocks": 1, "order_value": "20.00" });
    assert_eq!(set["limits"], limits, "what is not named stays");
    assert_eq!(lab.says("account show")["limits"], limits);
    lab.says(&format!("buy {slot}-2H 1@1.50"));
    for (line, code, value) in [
        (format!("buy {slot}-3H 1@1.50"), "TooManyBlocks", "1 resting blocks"),
        (format!("buy {slot} 14@1.50"), "ValueTooLarge", "20.000000"),
    ] {
        let (found, message) = market.refused("lab.key", &line);
        assert_eq!(found, code, "{line}");
        assert!(message.contains(value), "{line}: {message}");
    }
    lab.says(&format!("buy {slot} 1@1.50"));
    lab.says(&format!("buy {slot} 1@1.50"));
    let (code, message) = market.refused("lab.key", &format!("buy {slot} 1@1.50"));
    assert_eq!(code, "TooManyOrders");
    assert!(message.contains("3 open orders"), "{message}");

    assert_eq!(operator.says("account kill lab --why wild")["killed"], true);
    let (code, message) = market.refused("lab.key", &format!("buy {slot} 1@1.50"));
    assert_eq!(code, "AccountKilled");
    assert!(message.contains("account 3"), "{message}");
    let shown = lab.says("account show");
    assert_eq!((&shown["killed"], &shown["open_orders"]), (&Value::Bool(true), &0.into()));
    let listed = operator.says("account list")["accounts"].clone();
    assert_eq!(listed[2]["killed"], true);
    assert_eq!(operator.says("account revive lab --why repaired")["killed"], false);
    lab.says(&format!("buy {slot} 1@1.50"));
    operator.says("account limits lab --order-value none");
    lab.says(&format!("buy {slot} 14@1.50"));
}
