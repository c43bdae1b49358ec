//! In which order a command is checked: each command below has every fault of those after it, as far as they go
//! together, and is refused for its own.

use types::{
    ClassNo, Command, ContractId, Hour, KeyNo, Lane, NewOrder, OrderKind, PRICE_MAX, PublicKey, RejectCode,
    Rights, Sender, Side, TimeInForce, Timestamp, UNITS_MAX, Why,
};

use super::market::{ANNA, MORNING, Market, OPERATOR, PIA, example_class};

#[test]
fn checks_come_in_this_order() {
    let mut market = Market::unfunded(example_class());
    market.deposit(PIA, 5, 1);
    market.sell(PIA, 5, 200);
    let past = Timestamp(MORNING.0 - 1);
    let mut terms = NewOrder {
        contract: ContractId::new(ClassNo(7), Hour(3)),
        kind: OrderKind::Market,
        time_in_force: TimeInForce::Gtd(past),
        price: -1,
        units: 0,
        min_units: UNITS_MAX + 1,
        shown: 1,
        post_only: true,
        trigger: Some(0),
        ..market.bid(1, 1)
    };
    let mut place = |terms: NewOrder| {
        market.place(ANNA, terms);
        market.refused()
    };
    assert_eq!(place(terms), Some((RejectCode::PriceOutOfRange, -1)));
    terms.price = 0;
    assert_eq!(place(terms), Some((RejectCode::UnitsOutOfRange, 0)));
    terms.units = UNITS_MAX;
    assert_eq!(place(terms), Some((RejectCode::MinUnitsOutOfRange, 1_000_001)));
    terms.min_units = 1;
    assert_eq!(place(terms), Some((RejectCode::ShownOutOfRange, 1)));
    terms.shown = 10_000;
    assert_eq!(place(terms), Some((RejectCode::TriggerOutOfRange, 0)));
    terms.trigger = None;
    assert_eq!(place(terms), Some((RejectCode::TermsConflict, 1)), "an iceberg must be able to rest");
    terms.shown = 0;
    assert_eq!(place(terms), Some((RejectCode::TermsConflict, 2)), "a post-only order too");
    let conflict = place(NewOrder { kind: OrderKind::Limit, price: PRICE_MAX, ..terms });
    assert_eq!(conflict, Some((RejectCode::TermsConflict, 3)), "and it cannot have a minimum");
    terms.post_only = false;
    assert_eq!(place(terms), Some((RejectCode::UnknownClass, 7)));
    terms.contract = ContractId::new(ClassNo(0), Hour(3));
    assert_eq!(place(terms).map(|refused| refused.0), Some(RejectCode::GateClosed));
    terms.contract = ContractId::new(ClassNo(0), Hour(MORNING.hour().0 + 99));
    assert_eq!(place(terms), Some((RejectCode::BeyondHorizon, 24)));
    terms.contract = ContractId::new(ClassNo(0), Hour(MORNING.hour().0 + 2));
    assert_eq!(place(terms), Some((RejectCode::NoProtection, 0)));
    terms.price = PRICE_MAX;
    assert_eq!(place(terms).map(|refused| refused.0), Some(RejectCode::ExpiryPassed));
    terms.time_in_force = TimeInForce::Gtc;
    assert_eq!(place(terms), Some((RejectCode::TooLarge, 1_000_000)));
    let terms = NewOrder { post_only: true, ..NewOrder::limit(terms.contract, Side::Buy, 1, 210) };
    // 2.10 and a thousandth of that.
    assert_eq!(place(terms), Some((RejectCode::NotEnoughCash, 2_102_100)));
    market.fund(ANNA, 2_102_100);
    market.place(ANNA, terms);
    assert_eq!(market.refused(), Some((RejectCode::WouldTrade, 200)));
}

#[test]
fn checks_of_a_key_come_before_all_others() {
    let mut market = Market::unfunded(example_class());
    let (account, public, expires) = (ANNA.account, PublicKey([80; 32]), Timestamp(MORNING.0 + 1));
    market.send(
        OPERATOR,
        Command::RegisterKey { account, public, rights: Rights::READ, expires, why: Why::NONE },
    );
    let key = KeyNo(5);
    let say = |market: &mut Market, number| {
        let order = Command::NewOrder(market.bid(0, 0));
        market.step(Some(Sender { key, lane: Lane::Orders, number }), order);
        market.refused().map(|refused| refused.0)
    };
    assert_eq!(say(&mut market, 1), Some(RejectCode::NotAllowed));
    market.time = expires;
    assert_eq!(say(&mut market, 2), Some(RejectCode::KeyExpired));
    market.send(OPERATOR, Command::RevokeKey { key, why: Why::NONE });
    assert_eq!(say(&mut market, 3), Some(RejectCode::KeyRevoked));
    assert_eq!(say(&mut market, 3), Some(RejectCode::NumberNotRising));
}

#[test]
fn checks_of_a_replace_come_in_this_order() {
    let mut market = Market::new();
    let moment = Market::after(10);
    let time_in_force = TimeInForce::Gtd(moment);
    let terms = NewOrder { shown: 10, post_only: true, time_in_force, ..market.bid(100, 200) };
    let bid = market.place(ANNA, terms);
    market.sell(PIA, 4, 200);
    market.sell(PIA, 4, 210);
    let refusal = |market: &mut Market, order, units, price| {
        market.replace(ANNA, order, units, price);
        market.refused()
    };
    assert_eq!(refusal(&mut market, 999, 0, 0), Some((RejectCode::PriceOutOfRange, 0)));
    assert_eq!(refusal(&mut market, 999, 0, PRICE_MAX), Some((RejectCode::UnitsOutOfRange, 0)));
    assert_eq!(refusal(&mut market, 999, 4, PRICE_MAX), Some((RejectCode::UnknownOrder, 0)));
    assert_eq!(refusal(&mut market, bid, 4, PRICE_MAX), Some((RejectCode::AlreadyFilled, 4)));
    assert_eq!(refusal(&mut market, bid, 9, PRICE_MAX), Some((RejectCode::ShownOutOfRange, 10)));
    let refused = refusal(&mut market, bid, 10, PRICE_MAX);
    assert_eq!(refused.map(|refused| refused.0), Some(RejectCode::NotEnoughCash));
    assert_eq!(refusal(&mut market, bid, 10, 215), Some((RejectCode::WouldTrade, 210)));
    market.time = moment;
    let refused = refusal(&mut market, bid, 4, PRICE_MAX);
    assert_eq!(refused.map(|refused| refused.0), Some(RejectCode::ExpiryPassed));
    market.time = market.gate();
    let refused = refusal(&mut market, bid, 4, PRICE_MAX);
    assert_eq!(refused.map(|refused| refused.0), Some(RejectCode::GateClosed));
}
