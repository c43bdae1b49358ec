//! Limits of accounts and classes, and the kill switch, rule by rule.

use types::{
    AccountId, CancelReason, ClassSpec, Command, Limits, Money, NewOrder, OrderKind, RejectCode, ReportBody,
    Scope, Side, StateEvent, TimeInForce, Why,
};

use super::market::{ANNA, BEN, Market, OPERATOR, PIA, Who, example_class};

fn limit(market: &mut Market, who: Who, limits: Limits) {
    market.send(OPERATOR, Command::SetLimits { account: who.account, limits, why: Why::NONE });
}

fn kill(market: &mut Market, who: Who, on: bool) {
    market.send(OPERATOR, Command::SetKillSwitch { account: who.account, on, why: Why::NONE });
}

const FEW: Limits = Limits { open_orders: 2, open_blocks: 0, order_value: Money::MAX };

#[test]
fn an_account_has_no_more_open_orders_than_its_limit() {
    let mut market = Market::new();
    limit(&mut market, ANNA, FEW);
    let told = (market.out.reports[0].body, market.out.state.clone());
    assert_eq!(told.0, ReportBody::LimitsSet { account: ANNA.account, limits: FEW });
    assert!(matches!(told.1[..], [StateEvent::Account(account)] if account.limits == FEW));
    let bid = market.buy(ANNA, 1, 100);
    market.stop_buy(ANNA, 1, 300, 300);
    let full = Some((RejectCode::TooManyOrders, 2));
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), full);
    market.place(ANNA, NewOrder { time_in_force: TimeInForce::Ioc, ..market.bid(1, 100) });
    assert_eq!(market.refused(), full, "nor one that never rests");
    market.replace(ANNA, bid, 2, 101);
    assert_eq!(market.refused(), None, "a replaced order is no new one");
    market.buy(BEN, 1, 100);
    assert_eq!(market.refused(), None, "others are not concerned");
    market.sell(PIA, 2, 101);
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), None, "one was filled");
}

#[test]
fn lowered_limits_leave_what_is_open() {
    let mut market = Market::new();
    let bids = [1, 2, 3].map(|units| market.buy(ANNA, units, 100));
    limit(&mut market, ANNA, FEW);
    assert_eq!((market.resting(Side::Buy).len(), market.ended()), (3, vec![]));
    market.cancel(ANNA, bids[0]);
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::TooManyOrders, 2)));
    market.cancel(ANNA, bids[1]);
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), None);
}

#[test]
fn an_order_is_worth_no_more_than_the_accounts_limit() {
    let mut market = Market::of(ClassSpec { slot_hours: 4, ..example_class() });
    // 5 at 2.00 for 4 hours are worth 40.00.
    let order_value = 40_000_000;
    for who in [ANNA, PIA] {
        limit(&mut market, who, Limits { order_value, ..Limits::DEFAULT });
    }
    let worth = Some((RejectCode::ValueTooLarge, order_value));
    market.buy(ANNA, 5, 201);
    assert_eq!(market.refused(), worth);
    market.sell(PIA, 5, 201);
    assert_eq!(market.refused(), worth);
    market.sell(PIA, 1_000_000, 1_000_000_000);
    assert_eq!(market.refused(), worth, "what is no number is more too");
    let bid = market.buy(ANNA, 5, 200);
    assert_eq!(market.refused(), None);
    market.replace(ANNA, bid, 6, 200);
    assert_eq!(market.refused(), worth);
    market.replace(ANNA, bid, 4, 250);
    assert_eq!(market.refused(), None);
}

#[test]
fn an_order_has_no_more_units_than_its_class_allows() {
    let mut market = Market::of(ClassSpec { order_units_max: 10, ..example_class() });
    let large = Some((RejectCode::OrderTooLarge, 10));
    market.buy(ANNA, 11, 100);
    assert_eq!(market.refused(), large);
    let bid = market.buy(ANNA, 10, 100);
    assert_eq!(market.refused(), None);
    market.replace(ANNA, bid, 11, 100);
    assert_eq!(market.refused(), large);
    market.deposit(PIA, 11, 9);
    assert_eq!(market.refused(), None, "a deposit is no order");
}

#[test]
fn limits_are_of_accounts_that_are_there_and_in_their_ranges() {
    let mut market = Market::new();
    let mut refused = |who: Who, limits| {
        limit(&mut market, who, limits);
        market.refused()
    };
    let nobody = Who { account: AccountId(99), ..ANNA };
    assert_eq!(refused(nobody, FEW), Some((RejectCode::UnknownAccount, 99)));
    let many = 16_777_217;
    let out_of_range = |value| Some((RejectCode::LimitOutOfRange, value));
    assert_eq!(refused(ANNA, Limits { open_orders: many, ..FEW }), out_of_range(i64::from(many)));
    assert_eq!(refused(ANNA, Limits { open_blocks: many, ..FEW }), out_of_range(i64::from(many)));
    assert_eq!(refused(ANNA, Limits { order_value: -1, ..FEW }), out_of_range(-1));
    assert_eq!(refused(ANNA, Limits { open_orders: many - 1, open_blocks: 0, order_value: 0 }), None);
    kill(&mut market, nobody, true);
    assert_eq!(market.refused(), Some((RejectCode::UnknownAccount, 99)));
}

#[test]
fn a_kill_switch_ends_all_orders_and_lets_no_new_one_in() {
    let mut market = Market::new();
    let (bid, stop) = (market.buy(ANNA, 5, 190), market.stop_buy(ANNA, 1, 300, 300));
    let other = market.buy(BEN, 5, 190);
    kill(&mut market, ANNA, true);
    assert_eq!(market.ended(), [(bid, 5, CancelReason::Killed), (stop, 1, CancelReason::Killed)]);
    let told: Vec<_> = market.out.reports.iter().map(|report| report.account).collect();
    assert_eq!(told, [OPERATOR.account, ANNA.account, ANNA.account], "nobody is told that it is done");
    assert!(matches!(market.out.state[..], [StateEvent::Account(account)] if account.killed));
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::AccountKilled, 2)));
    assert_eq!(market.resting(Side::Buy), [(other, 190, 5)]);
    kill(&mut market, ANNA, false);
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), None);
}

#[test]
fn a_killed_account_still_cancels_and_deposits() {
    let mut market = Market::new();
    let asks: Vec<_> = (0..100).map(|_| market.sell(PIA, 1, 200)).collect();
    let bids: Vec<_> = (0..200).map(|_| market.buy(PIA, 1, 100)).collect();
    kill(&mut market, PIA, true);
    assert_eq!((market.ended().len(), market.checked.engine.has_pending()), (256, true));
    let killed = Some((RejectCode::AccountKilled, 4));
    market.replace(PIA, bids[199], 2, 100);
    assert_eq!(market.refused(), killed);
    market.cancel(PIA, bids[199]);
    assert_eq!(market.ended(), [(bids[199], 1, CancelReason::Owner)]);
    market.deposit(PIA, 5, 9);
    assert_eq!(market.refused(), None);
    market.mass_cancel(PIA, Scope::All, None);
    assert_eq!((market.ended().len(), market.done()), (43, vec![0]));
    assert!(market.open().is_empty() && asks.len() == 100);
}

#[test]
fn an_operator_has_a_kill_switch_too() {
    let mut market = Market::new();
    kill(&mut market, OPERATOR, true);
    assert_eq!(market.refused(), None);
    kill(&mut market, OPERATOR, false);
    assert_eq!(
        market.out.reports[0].body,
        ReportBody::KillSwitchSet { account: OPERATOR.account, on: false }
    );
}

#[test]
fn only_an_operator_supervises() {
    let mut market = Market::new();
    let account = BEN.account;
    for command in [
        Command::SetLimits { account, limits: FEW, why: Why::NONE },
        Command::SetKillSwitch { account, on: true, why: Why::NONE },
        Command::Halt { scope: Scope::All, why: Why::NONE },
        Command::Resume { scope: Scope::All, why: Why::NONE },
    ] {
        market.send(ANNA, command);
        assert_eq!(market.refused().map(|refused| refused.0), Some(RejectCode::NotAllowed));
    }
}

#[test]
fn limits_are_checked_before_funds_and_after_the_band() {
    let mut market = Market::unfunded(ClassSpec { order_units_max: 10, ..example_class() });
    limit(&mut market, ANNA, Limits { open_orders: 0, open_blocks: 0, order_value: 5 });
    kill(&mut market, ANNA, true);
    let refused = |market: &mut Market, units, price| {
        market.place(ANNA, NewOrder { kind: OrderKind::Market, ..market.bid(units, price) });
        market.refused().map(|refused| refused.0)
    };
    assert_eq!(refused(&mut market, 11, 0), Some(RejectCode::NoProtection));
    assert_eq!(refused(&mut market, 11, 200), Some(RejectCode::AccountKilled));
    kill(&mut market, ANNA, false);
    assert_eq!(refused(&mut market, 11, 200), Some(RejectCode::OrderTooLarge));
    assert_eq!(refused(&mut market, 10, 200), Some(RejectCode::ValueTooLarge));
    limit(&mut market, ANNA, Limits { open_orders: 0, ..Limits::DEFAULT });
    assert_eq!(refused(&mut market, 10, 200), Some(RejectCode::TooManyOrders));
    limit(&mut market, ANNA, Limits::DEFAULT);
    assert_eq!(refused(&mut market, 10, 200), Some(RejectCode::NotEnoughCash));
}
