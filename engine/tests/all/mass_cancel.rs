//! Mass cancels, rule by rule.

use types::{
    CancelReason, ClassNo, Command, ContractId, Lane, MassCancel, OrderId, ReportBody, Scope, Sender, Side,
};

use super::market::{ANNA, BEN, Market, PIA};

#[test]
fn a_mass_cancel_ends_the_oldest_first_and_says_when_it_is_done() {
    let mut market = Market::new();
    let (first, stop) = (market.buy(ANNA, 1, 190), market.stop_buy(ANNA, 2, 210, 220));
    let (foreign, last) = (market.buy(BEN, 3, 195), market.buy(ANNA, 4, 195));
    let what = MassCancel { scope: Scope::All, side: None };
    market.send(ANNA, Command::MassCancel(what));
    assert_eq!(market.ended(), mass(&[(first, 1), (stop, 2), (last, 4)]));
    assert_eq!(market.resting(Side::Buy), [(foreign, 195, 3)]);
    let number = market.number(ANNA, Lane::Cancels);
    let sender = Some(Sender { key: ANNA.key, lane: Lane::Cancels, number });
    let reports = &market.out.reports;
    assert_eq!((reports[0].body, reports[0].answers), (ReportBody::MassCancelAccepted(what), sender));
    assert_eq!(reports[1].answers, None);
    assert_eq!((reports[4].body, reports[4].answers), (ReportBody::MassCancelDone { orders: 3 }, sender));
    assert_eq!(market.cash(ANNA), (1_000_000_000, 0));
}

#[test]
fn a_mass_cancel_keeps_to_its_scope() {
    let mut market = Market::new();
    let (here, next) = (market.contract, ContractId(market.contract.0 + 1));
    for (scope, ends) in [
        (Scope::Contract(here), [true, false]),
        (Scope::Contract(next), [false, true]),
        (Scope::Class(ClassNo(0)), [true, true]),
        (Scope::All, [true, true]),
        (Scope::Class(ClassNo(9)), [false, false]),
    ] {
        market.contract = here;
        let first = market.buy(ANNA, 1, 190);
        market.contract = next;
        let second = market.buy(ANNA, 1, 190);
        market.mass_cancel(ANNA, scope, None);
        let ended: Vec<_> = market.ended().into_iter().map(|(order, ..)| order).collect();
        assert_eq!([ended.contains(&first), ended.contains(&second)], ends, "{scope:?}");
        market.mass_cancel(ANNA, Scope::All, None);
    }
}

#[test]
fn a_mass_cancel_keeps_to_its_side() {
    let mut market = Market::new();
    let (bid, ask) = (market.buy(PIA, 1, 190), market.sell(PIA, 2, 200));
    let (stop_buy, stop_sell) = (market.stop_buy(PIA, 3, 210, 220), market.stop_sell(PIA, 4, 180, 170));
    market.mass_cancel(PIA, Scope::All, Some(Side::Sell));
    assert_eq!((market.ended(), market.done()), (mass(&[(ask, 2), (stop_sell, 4)]), vec![2]));
    market.mass_cancel(PIA, Scope::All, Some(Side::Buy));
    assert_eq!((market.ended(), market.done()), (mass(&[(bid, 1), (stop_buy, 3)]), vec![2]));
}

#[test]
fn a_replaced_order_that_lost_its_place_ends_later() {
    let mut market = Market::new();
    let orders = [1, 2, 3].map(|units| market.buy(ANNA, units + 1, 190));
    market.replace(ANNA, orders[0], 1, 190);
    market.replace(ANNA, orders[1], 9, 190);
    market.mass_cancel(ANNA, Scope::All, None);
    assert_eq!(market.ended(), mass(&[(orders[0], 1), (orders[2], 4), (orders[1], 9)]));
}

#[test]
fn a_large_mass_cancel_takes_several_commands() {
    let mut market = Market::new();
    let bids: Vec<OrderId> = (0..300).map(|_| market.buy(ANNA, 1, 100)).collect();
    market.mass_cancel(ANNA, Scope::All, None);
    assert_eq!((market.ended().len(), market.done(), market.resting(Side::Buy).len()), (256, vec![], 44));
    assert!(market.checked.engine.has_pending());
    // Until their turn comes the others may trade, and their owner may end them one by one.
    market.sell(PIA, 1, 100);
    assert_eq!(market.trades(), [(bids[256], 100, 1)]);
    market.cancel(ANNA, bids[257]);
    assert_eq!(market.ended(), [(bids[257], 1, CancelReason::Owner)]);
    market.say(Command::Continue);
    assert_eq!((market.ended().len(), market.done()), (42, vec![298]));
    assert!(!market.checked.engine.has_pending());
}

#[test]
fn being_done_is_a_piece_too() {
    let mut market = Market::new();
    for (orders, done) in [(255, vec![255]), (256, vec![])] {
        for _ in 0..orders {
            market.buy(ANNA, 1, 100);
        }
        market.mass_cancel(ANNA, Scope::All, None);
        assert_eq!((market.ended().len(), market.done()), (orders, done));
    }
    market.say(Command::Continue);
    assert_eq!((market.ended().len(), market.done()), (0, vec![256]));
}

#[test]
fn orders_out_of_scope_are_looked_at_too() {
    let mut market = Market::new();
    for _ in 0..200 {
        market.buy(PIA, 1, 100);
    }
    let asks: Vec<OrderId> = (0..60).map(|_| market.sell(PIA, 1, 200)).collect();
    market.mass_cancel(PIA, Scope::All, Some(Side::Sell));
    assert_eq!((market.ended().len(), market.done()), (56, vec![]));
    market.say(Command::Continue);
    assert_eq!((market.ended().len(), market.done()), (4, vec![60]));
    assert_eq!(market.ended()[3].0, asks[59]);
}

#[test]
fn orders_sent_after_a_mass_cancel_stay() {
    let mut market = Market::new();
    for _ in 0..300 {
        market.buy(ANNA, 1, 100);
    }
    market.mass_cancel(ANNA, Scope::All, None);
    let later = market.buy(ANNA, 5, 110);
    market.say(Command::Continue);
    assert_eq!(market.done(), [300]);
    assert_eq!(market.resting(Side::Buy), [(later, 110, 5)]);
}

#[test]
fn a_covered_order_does_not_rest_again() {
    let mut market = Market::new();
    let bids: Vec<OrderId> = (0..300).map(|_| market.buy(ANNA, 2, 100)).collect();
    market.mass_cancel(ANNA, Scope::All, None);
    let ask = market.sell(PIA, 1, 110);
    market.replace(ANNA, bids[299], 3, 110);
    assert_eq!(market.trades(), [(ask, 110, 1)]);
    assert_eq!(market.ended(), mass(&[(bids[299], 2)]));
    market.say(Command::Continue);
    assert_eq!((market.ended().len(), market.done()), (43, vec![300]));
}

#[test]
fn several_mass_cancels_are_done_one_after_the_other() {
    let mut market = Market::new();
    for _ in 0..300 {
        market.buy(ANNA, 1, 100);
    }
    let bid = market.buy(BEN, 1, 100);
    market.mass_cancel(ANNA, Scope::All, None);
    assert_eq!((market.ended().len(), market.done()), (256, vec![]));
    // Ben's does what is left of Anna's first.
    market.mass_cancel(BEN, Scope::All, None);
    assert_eq!((market.ended().len(), market.done()), (45, vec![300, 1]));
    assert_eq!(market.ended()[44], (bid, 1, CancelReason::Mass));
}

#[test]
fn a_covered_order_counts_for_the_first_mass_cancel() {
    let mut market = Market::new();
    let bids: Vec<OrderId> = (0..600).map(|_| market.buy(ANNA, 1, 100)).collect();
    market.mass_cancel(ANNA, Scope::All, None);
    market.mass_cancel(ANNA, Scope::All, None);
    assert_eq!((market.ended().len(), market.done()), (256, vec![]));
    market.replace(ANNA, bids[599], 1, 110);
    assert_eq!(market.ended(), mass(&[(bids[599], 1)]));
    assert!(market.out.reports.iter().all(|report| report.answers.is_some()), "it answers the replace");
    market.say(Command::Continue);
    assert_eq!((market.ended().len(), market.done()), (87, vec![600, 0]));
}

#[test]
fn a_mass_cancel_comes_on_either_lane() {
    let mut market = Market::new();
    let what = Command::MassCancel(MassCancel { scope: Scope::All, side: None });
    for lane in [Lane::Orders, Lane::Cancels] {
        let bid = market.buy(ANNA, 1, 100);
        let number = market.number(ANNA, lane) + 1;
        market.step(Some(Sender { key: ANNA.key, lane, number }), what.clone());
        assert_eq!((market.ended(), market.done()), (mass(&[(bid, 1)]), vec![1]));
    }
    market.mass_cancel(ANNA, Scope::All, None);
    assert_eq!((market.ended(), market.done()), (vec![], vec![0]), "nothing to end is no error");
}

fn mass(orders: &[(OrderId, u32)]) -> Vec<(OrderId, u32, CancelReason)> {
    orders.iter().map(|&(order, units)| (order, units, CancelReason::Mass)).collect()
}
