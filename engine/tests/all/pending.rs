//! In which order pending work of several kinds is done.

use types::{CancelReason, Command, ContractId, MINUTE_NANOS, NewOrder, Scope, TimeInForce, Timestamp};

use super::market::{ANNA, BEN, Market, PIA};

#[test]
fn pending_work_comes_in_this_order() {
    let mut market = Market::new();
    let (gate, next) = (market.gate(), ContractId(market.contract.0 + 1));
    let moment = Timestamp(gate.0 + MINUTE_NANOS);
    for _ in 0..600 {
        market.buy(BEN, 1, 1);
    }
    market.contract = next;
    market.deposit(PIA, 400, 2);
    for _ in 0..300 {
        market.stop_buy(ANNA, 1, 210, 211);
        market.sell(PIA, 1, 300);
    }
    let dated = NewOrder { time_in_force: TimeInForce::Gtd(moment), ..market.bid(1, 1) };
    market.place(ANNA, dated);
    // A contract closes, stops are elected, a mass cancel goes on, and a moment comes.
    market.clock(gate);
    assert_eq!(pieces(&market), [0, 0, 0, 255, 0]);
    market.time = moment;
    market.trade(1, 210);
    market.mass_cancel(PIA, Scope::All, None);
    assert_eq!(pieces(&market), [0, 256, 0, 0, 0]);
    market.clock(moment);
    assert_eq!(pieces(&market), [256 - 44, 0, 0, 0, 0], "44 were still to be elected");
    market.say(Command::Continue);
    assert_eq!(pieces(&market), [88, 44, 1, 256 - 88 - 44 - 1, 0]);
    market.say(Command::Continue);
    assert_eq!(pieces(&market), [0, 0, 0, 345 - 123, 1]);
    assert!(!market.checked.engine.has_pending());
}

/// How many stops woke, orders ended by mass cancels, mass cancels done, orders ended by a gate, by a moment.
fn pieces(market: &Market) -> [usize; 5] {
    let ended = |reason| market.ended().iter().filter(|ended| ended.2 == reason).count();
    let [mass, gate, expired] = [CancelReason::Mass, CancelReason::Gate, CancelReason::Expired].map(ended);
    [market.woken().len(), mass, market.done().len(), gate, expired]
}
