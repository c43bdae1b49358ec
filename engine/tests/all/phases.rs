//! Gates, phases, delivery and the pending work, rule by rule.

use engine::WORK_PER_COMMAND;
use types::{
    CancelReason, ClassNo, Command, ContractId, Hour, MarketBody, Phase, RejectCode, ReportBody, Side,
    StateEvent, Timestamp,
};

use super::market::{ANNA, BEN, MORNING, Market, PIA, example_class};

#[test]
fn a_contract_stops_trading_at_its_gate() {
    let mut market = Market::new();
    let gate = market.gate();
    assert_eq!(gate, Timestamp(MORNING.0 + 90 * types::MINUTE_NANOS));
    market.time = Timestamp(gate.0 - 1);
    let ask = market.sell(PIA, 5, 200);
    market.buy(ANNA, 2, 200);
    assert_eq!(market.trades(), [(ask, 200, 2)]);
    // No clock command has come yet: the stamp alone decides.
    market.time = gate;
    let closed = Some((RejectCode::GateClosed, i64::try_from(gate.0 / 1_000_000_000).unwrap()));
    market.buy(ANNA, 2, 200);
    assert_eq!(market.refused(), closed);
    market.replace(PIA, ask, 4, 200);
    assert_eq!(market.refused(), closed);
    market.deposit(PIA, 1, 99);
    assert_eq!(market.refused(), closed);
}

#[test]
fn the_gate_ends_orders_and_releases_what_they_held() {
    let mut market = Market::new();
    let (bid, ask) = (market.buy(ANNA, 5, 190), market.sell(PIA, 5, 200));
    market.clock(market.gate());
    assert_eq!(market.ended(), [(bid, 5, CancelReason::Gate), (ask, 5, CancelReason::Gate)]);
    let told: Vec<_> = market.out.events.iter().map(|event| event.body).collect();
    assert!(matches!(
        told[..],
        [MarketBody::Phase(Phase::Closed), MarketBody::Delete(_), MarketBody::Delete(_)]
    ));
    assert_eq!((market.cash(ANNA).1, market.units(PIA)), (0, (100, 0)));
}

#[test]
fn what_is_held_at_the_end_is_delivered() {
    let mut market = Market::new();
    market.sell(PIA, 10, 200);
    market.buy(ANNA, 10, 200);
    let start = market.contract.start();
    let mut phases = Vec::new();
    for time in [market.gate(), start.starts(), start.plus(1).starts()] {
        assert_eq!(market.checked.engine.next_deadline(), Some(time));
        market.clock(time);
        phases.extend(market.out.events.iter().map(|event| event.body));
    }
    assert_eq!(phases, [Phase::Closed, Phase::InDelivery, Phase::Settled].map(MarketBody::Phase));
    let delivered: Vec<_> = market.out.reports.iter().map(|report| (report.account, report.body)).collect();
    let contract = market.contract;
    assert_eq!(
        delivered,
        [
            (ANNA.account, ReportBody::Settled { contract, units: 10 }),
            (PIA.account, ReportBody::Settled { contract, units: 90 }),
        ]
    );
    assert_eq!((market.units(ANNA), market.units(PIA)), ((0, 0), (0, 0)));
    assert!(!market.state().iter().any(|event| matches!(event, StateEvent::Contract { .. })));
    assert_eq!(market.checked.engine.next_deadline(), None);
}

#[test]
fn one_jump_of_the_clock_goes_through_all_phases() {
    let mut market = Market::new();
    let bid = market.buy(ANNA, 1, 100);
    market.clock(market.contract.start().plus(30).starts());
    assert_eq!(market.ended(), [(bid, 1, CancelReason::Gate)]);
    assert_eq!(market.units(PIA), (0, 0));
    assert!(!market.checked.engine.has_pending());
}

#[test]
fn closing_takes_several_commands_but_orders_are_dead_at_once() {
    let mut market = Market::new();
    let bids: Vec<_> = (0..600).map(|_| market.buy(ANNA, 1, 100)).collect();
    market.clock(market.gate());
    // One piece for the phase, 255 for as many orders; 345 are left.
    assert_eq!(market.ended().len(), 255);
    assert!(market.checked.engine.has_pending());
    assert_eq!(market.resting(Side::Buy).len(), 345);
    market.sell(PIA, 1, 100);
    assert_eq!(market.refused().map(|refused| refused.0), Some(RejectCode::GateClosed));
    // Its owner may still take one out.
    market.cancel(ANNA, bids[599]);
    assert_eq!(market.ended(), [(bids[599], 1, CancelReason::Owner)]);
    market.say(Command::Continue);
    assert_eq!(market.ended().len(), 256);
    market.say(Command::Continue);
    assert_eq!((market.ended().len(), market.resting(Side::Buy).len()), (88, 0));
    assert!(!market.checked.engine.has_pending());
    assert_eq!(market.cash(ANNA), (1_000_000_000, 0));
}

#[test]
fn the_last_step_of_a_job_is_a_piece_too() {
    let mut market = Market::new();
    // The phase, 254 orders and the last step are 256 pieces.
    for _ in 0..WORK_PER_COMMAND - 2 {
        market.buy(ANNA, 1, 100);
    }
    market.clock(market.gate());
    assert!(!market.checked.engine.has_pending());

    let mut market = Market::new();
    for _ in 0..WORK_PER_COMMAND - 1 {
        market.buy(ANNA, 1, 100);
    }
    market.clock(market.gate());
    assert_eq!(market.ended().len(), 255);
    assert!(market.checked.engine.has_pending());
}

#[test]
fn delivery_counts_holdings_and_deposits() {
    let mut market = Market::new();
    for external in 2..=300 {
        market.deposit(PIA, 1, external);
    }
    market.sell(PIA, 5, 200);
    market.buy(BEN, 5, 200);
    market.clock(market.gate());
    market.clock(market.contract.start().starts());
    market.clock(market.class.end(market.contract));
    // The phase, two holdings, 253 of 300 deposits.
    assert_eq!(market.out.reports.len(), 2);
    assert!(market.checked.engine.has_pending());
    market.check();
    market.say(Command::Continue);
    // 47 deposits and the contract.
    assert!(matches!(market.out.events[..], [event] if event.body == MarketBody::Phase(Phase::Settled)));
    assert!(!market.checked.engine.has_pending());
}

#[test]
fn a_clock_that_stands_still_does_nothing_more() {
    let mut market = Market::new();
    market.buy(ANNA, 1, 100);
    market.clock(market.gate());
    assert!(!market.out.is_empty());
    for command in [Command::Clock, Command::Continue] {
        market.say(command);
        assert!(market.out.is_empty());
    }
    // Time that passes without a clock command brings nothing about either.
    market.time = market.contract.start().starts();
    market.say(Command::Continue);
    assert!(market.out.is_empty());
}

#[test]
fn contracts_that_close_together_close_in_the_order_of_their_ids() {
    let mut market = Market::new();
    let first = market.contract;
    let second = ContractId(first.0 + 1);
    market.contract = second;
    market.buy(ANNA, 1, 100);
    market.contract = first;
    market.buy(ANNA, 1, 100);
    market.clock(Timestamp(second.start().starts().0 - 1));
    let told: Vec<_> = market.out.events.iter().map(|event| (event.contract, event.body)).collect();
    let phase = |told: &&(ContractId, MarketBody)| matches!(told.1, MarketBody::Phase(_));
    let phases: Vec<_> = told.iter().filter(phase).copied().collect();
    // The first closes half an hour before it starts, the second half an hour after that.
    let expected = [(first, Phase::Closed), (first, Phase::InDelivery), (second, Phase::Closed)];
    assert_eq!(phases, expected.map(|(contract, phase)| (contract, MarketBody::Phase(phase))));
}

#[test]
fn contracts_are_slots_within_the_horizon() {
    let mut market = Market::new();
    market.contract = ContractId::new(ClassNo(0), Hour(MORNING.hour().0 + 23));
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), None);
    market.contract = ContractId::new(ClassNo(0), Hour(MORNING.hour().0 + 24));
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::BeyondHorizon, 24)));
    market.contract = ContractId::new(ClassNo(7), Hour(MORNING.hour().0 + 2));
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::UnknownClass, 7)));
    let mut market = Market::of(types::ClassSpec { slot_hours: 4, ..example_class() });
    market.contract = ContractId(market.contract.0 + 1);
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::NotASlot, 4)));
}

#[test]
fn a_contract_waits_for_an_unsettled_one_in_its_place() {
    let mut market = Market::of(types::ClassSpec { horizon_hours: 3, ..example_class() });
    let old = market.contract;
    let new = ContractId(old.0 + 8);
    // Nobody has moved the clock, so the old contract is not settled though it was over long ago.
    market.time = Hour(new.start().0 - 2).starts();
    market.contract = new;
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::BeyondHorizon, 3)));
    market.contract = ContractId(new.0 - 1);
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), None);
    market.clock(market.time);
    market.contract = new;
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), None);
}
