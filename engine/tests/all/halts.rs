//! Halts, rule by rule: what they cover, what still goes, and how trading goes on.

use types::{
    CancelReason, ClassNo, Command, ContractId, NewOrder, OrderKind, Phase, RejectCode, ReportBody, Scope,
    Side, StateEvent, Timestamp,
};

use super::market::{ANNA, BEN, MORNING, Market, PIA, auction_class, banded_class, example_class};

const CLASS: Scope = Scope::Class(ClassNo(0));

#[test]
fn a_halt_holds_at_once_and_orders_can_only_be_cancelled() {
    for scope in [Scope::All, CLASS, Scope::Contract(Market::new().contract)] {
        let mut market = Market::new();
        let (bid, ask) = (market.buy(ANNA, 5, 190), market.sell(PIA, 5, 210));
        market.halt(scope);
        assert_eq!(
            (market.phases(), market.out.reports[0].body),
            (vec![Phase::Halted], ReportBody::Halted(scope))
        );
        let halted = Some((RejectCode::Halted, i64::from(market.contract.0)));
        market.buy(BEN, 1, 100);
        assert_eq!(market.refused(), halted);
        market.replace(ANNA, bid, 4, 190);
        assert_eq!(market.refused(), halted);
        market.stop_buy(BEN, 1, 300, 300);
        assert_eq!(market.refused(), halted);
        market.deposit(PIA, 7, 9);
        assert_eq!(market.refused(), None, "units still come in");
        market.cancel(ANNA, bid);
        assert_eq!(market.ended(), [(bid, 5, CancelReason::Owner)]);
        assert_eq!(market.resting(Side::Sell), [(ask, 210, 5)], "other orders stay");
        market.resume(scope);
        assert_eq!(
            (market.phases(), market.out.reports[0].body),
            (vec![Phase::Continuous], ReportBody::Resumed(scope))
        );
        market.buy(BEN, 5, 210);
        assert_eq!(market.trades(), [(ask, 210, 5)]);
    }
}

#[test]
fn a_contract_is_halted_while_any_halt_covers_it() {
    let mut market = Market::new();
    let contract = Scope::Contract(market.contract);
    market.halt(CLASS);
    market.halt(contract);
    market.halt(Scope::All);
    assert_eq!(market.phases(), []);
    for scope in [CLASS, Scope::All] {
        market.resume(scope);
        assert_eq!(market.phases(), []);
    }
    market.resume(contract);
    assert_eq!(market.phases(), [Phase::Continuous]);
}

#[test]
fn a_halt_made_twice_is_one_halt_and_ending_none_is_answered() {
    let mut market = Market::new();
    for scope in [Scope::All, CLASS, Scope::Contract(market.contract)] {
        market.resume(scope);
        assert_eq!((market.phases(), market.out.reports[0].body), (vec![], ReportBody::Resumed(scope)));
        market.halt(scope);
        market.halt(scope);
        assert_eq!((market.phases(), market.out.reports[0].body), (vec![], ReportBody::Halted(scope)));
        assert_eq!(market.out.state, []);
        market.resume(scope);
        assert_eq!(market.phases(), [Phase::Continuous]);
    }
}

#[test]
fn a_halt_names_what_there_is() {
    let mut market = Market::new();
    let unknown = Some((RejectCode::UnknownClass, 7));
    for scope in [Scope::Class(ClassNo(7)), Scope::Contract(ContractId::new(ClassNo(7), MORNING.hour()))] {
        market.halt(scope);
        assert_eq!(market.refused(), unknown);
        market.resume(scope);
        assert_eq!(market.refused(), unknown);
    }
    market.halt(Scope::Contract(ContractId(market.contract.0 + 50)));
    assert_eq!(market.refused(), Some((RejectCode::BeyondHorizon, 24)));
    market.clock(market.gate());
    market.halt(Scope::Contract(market.contract));
    assert_eq!(market.refused().map(|refused| refused.0), Some(RejectCode::GateClosed));
    market.send(ANNA, Command::Halt { scope: Scope::All, why: types::Why::NONE });
    assert_eq!(market.refused().map(|refused| refused.0), Some(RejectCode::NotAllowed));
}

#[test]
fn the_mirrors_are_told_of_halts_of_many_contracts() {
    let mut market = Market::new();
    for scope in [Scope::All, CLASS] {
        market.halt(scope);
        assert_eq!(market.out.state, [StateEvent::Halt { scope, on: true }]);
        assert!(market.state().contains(&StateEvent::Halt { scope, on: true }));
        market.resume(scope);
        assert_eq!(market.out.state, [StateEvent::Halt { scope, on: false }]);
        assert!(!market.state().iter().any(|event| matches!(event, StateEvent::Halt { .. })));
    }
    market.halt(Scope::Contract(market.contract));
    assert_eq!(market.out.state, [], "of a single one its phase tells");
}

#[test]
fn an_untouched_contract_is_halted_too() {
    let mut market = Market::new();
    market.halt(CLASS);
    market.contract = ContractId(market.contract.0 + 3);
    market.buy(ANNA, 1, 100);
    assert_eq!(
        (market.refused().map(|refused| refused.0), market.phases()),
        (Some(RejectCode::Halted), vec![])
    );
    market.deposit(PIA, 5, 1);
    assert_eq!(market.phases(), [Phase::Halted], "it is told when it is touched");
    market.contract = ContractId(market.contract.0 + 1);
    market.halt(Scope::Contract(market.contract));
    assert_eq!(market.phases(), [Phase::Halted], "a halt of a contract touches it");
}

#[test]
fn halting_many_contracts_takes_several_commands_but_holds_at_once() {
    let mut market = Market::of(types::ClassSpec { horizon_hours: 336, ..example_class() });
    let first = market.contract;
    for ahead in 1..300 {
        market.contract = ContractId(first.0 + ahead);
        market.buy(ANNA, 1, 1);
    }
    let last = market.contract;
    market.halt(CLASS);
    // 256 of 300 in the order of their ids.
    assert_eq!((market.phases().len(), market.out.events[0].contract), (256, first));
    assert!(market.checked.engine.has_pending());
    market.contract = last;
    market.buy(BEN, 1, 1);
    assert_eq!(market.refused(), Some((RejectCode::Halted, i64::from(last.0))));
    // The end of the halt comes behind it: 44 have nothing to hear any more, and 211 hear that they go on.
    market.resume(CLASS);
    assert_eq!(market.phases(), vec![Phase::Continuous; 211]);
    market.say(Command::Continue);
    assert_eq!((market.phases(), market.checked.engine.has_pending()), (vec![Phase::Continuous; 45], false));
}

#[test]
fn a_halted_call_does_not_end_and_its_contract_reopens_by_an_auction() {
    let mut market = Market::of(auction_class());
    let contract = Scope::Contract(market.contract);
    market.buy(ANNA, 5, 210);
    market.sell(PIA, 5, 200);
    market.clock(Market::after(10));
    market.halt(contract);
    market.clock(Market::after(20));
    assert_eq!((market.phases(), market.auctioned()), (vec![], vec![]));
    market.resume(contract);
    assert_eq!(market.phases(), [Phase::Auction]);
    market.clock(Timestamp(Market::after(22).0 - 1));
    assert_eq!((market.phases(), market.indicated()), (vec![], vec![(200, 5)]));
    market.clock(Market::after(22));
    assert_eq!((market.auctioned(), market.phases()), (vec![(200, 5)], vec![Phase::Continuous]));
}

#[test]
fn an_opening_that_is_not_over_goes_on() {
    let mut market = Market::of(auction_class());
    let contract = Scope::Contract(market.contract);
    market.halt(contract);
    market.time = Market::after(4);
    market.resume(contract);
    assert_eq!(market.phases(), [Phase::PreOpen]);
    market.halt(contract);
    market.time = Market::after(14);
    market.resume(contract);
    assert_eq!(
        (market.phases(), market.checked.engine.next_deadline()),
        (vec![Phase::Auction], Some(Market::after(15)))
    );
}

#[test]
fn without_reopening_auctions_a_contract_goes_on_at_once_unless_it_is_crossed() {
    let mut market = Market::of(types::ClassSpec { auction_seconds: 0, ..auction_class() });
    let contract = Scope::Contract(market.contract);
    market.buy(ANNA, 5, 210);
    let ask = market.sell(PIA, 7, 200);
    market.halt(contract);
    market.time = Market::after(20);
    market.resume(contract);
    assert_eq!(
        (market.phases(), market.checked.engine.next_deadline()),
        (vec![Phase::Auction], Some(market.time))
    );
    market.clock(market.time);
    assert_eq!((market.auctioned(), market.phases()), (vec![(200, 5)], vec![Phase::Continuous]));
    market.halt(contract);
    market.resume(contract);
    assert_eq!((market.phases(), market.resting(Side::Sell)), (vec![Phase::Continuous], vec![(ask, 200, 2)]));
}

#[test]
fn a_market_order_caught_in_a_halt_ends_by_an_auction_without_a_call() {
    let mut market = Market::of(types::ClassSpec { auction_seconds: 0, ..auction_class() });
    let contract = Scope::Contract(market.contract);
    let order = market.place(ANNA, NewOrder { kind: OrderKind::Market, ..market.bid(5, 190) });
    market.halt(contract);
    market.time = Market::after(20);
    market.resume(contract);
    market.clock(market.time);
    assert_eq!(market.ended(), [(order, 5, CancelReason::Market)]);
    assert_eq!(market.phases(), [Phase::Continuous]);
}

#[test]
fn an_auction_that_is_being_worked_out_is_finished_before_a_halt() {
    let mut market = Market::of(banded_class());
    market.trade(1, 200);
    market.deposit(PIA, 1_000, 2);
    let contract = Scope::Contract(market.contract);
    market.call();
    for _ in 0..300 {
        market.buy(ANNA, 1, 200);
        market.sell(PIA, 1, 200);
    }
    market.end_call();
    assert_eq!(market.auctioned().len(), 0);
    market.halt(contract);
    assert_eq!(market.phases(), []);
    market.buy(BEN, 1, 200);
    assert_eq!(market.refused().map(|refused| refused.0), Some(RejectCode::Halted));
    market.say(Command::Continue);
    market.say(Command::Continue);
    assert_eq!((market.auctioned().len(), market.phases()), (90, vec![Phase::Halted]));
}

#[test]
fn a_halt_comes_before_the_stops_that_would_wake() {
    let mut market = Market::new();
    for _ in 0..300 {
        market.stop_buy(BEN, 1, 200, 200);
    }
    market.trade(1, 200);
    assert!(market.checked.engine.has_pending());
    market.halt(CLASS);
    market.say(Command::Continue);
    market.say(Command::Continue);
    market.say(Command::Continue);
    assert_eq!((market.sleeping().len(), market.checked.engine.has_pending()), (300, false));
    market.resume(CLASS);
    assert_eq!(market.woken(), []);
    market.trade(1, 200);
    market.say(Command::Continue);
    assert!(!market.woken().is_empty(), "they wake when their trigger is met again");
}

#[test]
fn a_halted_contract_closes_at_its_gate() {
    let mut market = Market::new();
    let bid = market.buy(ANNA, 5, 190);
    market.halt(Scope::Contract(market.contract));
    market.clock(market.gate());
    assert_eq!((market.phases(), market.ended()), (vec![Phase::Closed], vec![(bid, 5, CancelReason::Gate)]));
    market.resume(Scope::Contract(market.contract));
    assert_eq!((market.phases(), market.refused()), (vec![], None));
    market.clock(market.class.end(market.contract));
    assert_eq!(market.phases(), [Phase::InDelivery, Phase::Settled]);
}
