//! What a key does about itself: its cancel on disconnect, and the rotation.

use types::{
    AccountId, CancelReason, Command, GRACE_MAX, Key, KeyNo, Lane, OrderId, OrderRef, PublicKey, RejectCode,
    ReportBody, Rights, Role, Sender, Side, StateEvent, Timestamp, Why,
};

use super::market::{ANNA, BEN, DOLLARS_1000, Market, OPERATOR, PIA, Who};

const NEW: PublicKey = PublicKey([90; 32]);

/// A second key of Anna's.
const SECOND: Who = Who { account: ANNA.account, key: KeyNo(5) };

fn with_second_key() -> Market {
    let mut market = Market::new();
    market.register(ANNA.account, 5, Role::Broker);
    market
}

fn set_grace(market: &mut Market, who: Who, grace: u32) {
    market.send(who, Command::CancelOnDisconnect { grace });
}

fn gone(market: &mut Market, who: Who) {
    market.say(Command::Disconnected { key: who.key });
}

fn ended(market: &Market) -> Vec<OrderId> {
    let ended = market.ended();
    assert!(ended.iter().all(|(.., reason)| *reason == CancelReason::Disconnected), "{ended:?}");
    ended.into_iter().map(|(order, ..)| order).collect()
}

fn key(market: &Market, no: KeyNo) -> Key {
    let is_it = |event: StateEvent| match event {
        StateEvent::Key(key) if key.no == no => Some(key),
        _ => None,
    };
    market.state().into_iter().find_map(is_it).unwrap()
}

#[test]
fn a_key_that_is_gone_loses_the_orders_it_sent_and_no_others() {
    let mut market = with_second_key();
    set_grace(&mut market, ANNA, 30);
    let (state, report) = (market.out.state.clone(), market.out.reports[0]);
    assert_eq!(report.body, ReportBody::CancelOnDisconnectSet { grace: 30 });
    assert_eq!(state, [StateEvent::Key(key(&market, ANNA.key))]);
    assert_eq!(key(&market, ANNA.key).grace, 30);
    let (bid, stop) = (market.buy(ANNA, 1, 190), market.stop_buy(ANNA, 2, 210, 220));
    let others = [market.buy(SECOND, 3, 180), market.buy(BEN, 4, 170)];
    gone(&mut market, ANNA);
    assert_eq!(ended(&market), [bid, stop]);
    // Nothing but the ends of the orders is told, and they answer nothing.
    assert!(market.out.reports.iter().all(|report| report.answers.is_none()));
    assert_eq!(market.out.reports.len(), 2);
    let resting: Vec<OrderId> = market.resting(Side::Buy).into_iter().map(|(order, ..)| order).collect();
    assert_eq!(resting, others);
    // Again there is nothing left to end.
    gone(&mut market, ANNA);
    assert!(market.out.is_empty());
}

#[test]
fn a_key_without_a_grace_keeps_its_orders() {
    let mut market = Market::new();
    market.buy(ANNA, 1, 190);
    gone(&mut market, ANNA);
    assert!(market.out.is_empty());
    set_grace(&mut market, ANNA, 30);
    // The command was on its way when the key took the flag back.
    set_grace(&mut market, ANNA, 0);
    gone(&mut market, ANNA);
    assert!(market.out.is_empty());
    for nobody in [0, 99, u32::MAX] {
        gone(&mut market, Who { account: AccountId(1), key: KeyNo(nobody) });
        assert!(market.out.is_empty());
    }
    assert_eq!(market.resting(Side::Buy).len(), 1);
}

#[test]
fn a_grace_is_a_day_at_most_and_for_those_who_trade() {
    let mut market = Market::new();
    set_grace(&mut market, ANNA, GRACE_MAX);
    assert_eq!(market.refused(), None);
    set_grace(&mut market, ANNA, GRACE_MAX + 1);
    assert_eq!(market.refused(), Some((RejectCode::GraceOutOfRange, 86_401)));
    assert_eq!(key(&market, ANNA.key).grace, GRACE_MAX);
    set_grace(&mut market, OPERATOR, 30);
    assert_eq!(market.refused(), Some((RejectCode::NotAllowed, 9)));
    // It goes by the orders lane.
    let sender = Sender { key: ANNA.key, lane: Lane::Cancels, number: 50 };
    market.step(Some(sender), Command::CancelOnDisconnect { grace: 1 });
    assert!(market.out.is_empty());
}

#[test]
fn nobody_sends_the_exchanges_own_command() {
    let mut market = Market::new();
    set_grace(&mut market, BEN, 30);
    market.buy(BEN, 1, 190);
    for who in [ANNA, BEN, PIA, OPERATOR] {
        market.send(who, Command::Disconnected { key: BEN.key });
        assert_eq!(market.refused(), Some((RejectCode::SequencerOnly, 0)));
    }
    assert_eq!(market.resting(Side::Buy).len(), 1);
}

#[test]
fn a_key_that_is_revoked_or_has_expired_loses_its_orders_all_the_same() {
    let mut market = Market::new();
    let expires = Timestamp(market.time.0 + 5);
    let (account, rights) = (ANNA.account, Role::Broker.rights());
    let public = PublicKey([5; 32]);
    market.send(OPERATOR, Command::RegisterKey { account, public, rights, expires, why: Why::NONE });
    for who in [ANNA, SECOND] {
        set_grace(&mut market, who, 30);
    }
    let (bid, brief) = (market.buy(ANNA, 1, 190), market.buy(SECOND, 1, 180));
    market.send(OPERATOR, Command::RevokeKey { key: ANNA.key, why: Why::NONE });
    market.time = expires;
    gone(&mut market, ANNA);
    assert_eq!(ended(&market), [bid]);
    gone(&mut market, SECOND);
    assert_eq!(ended(&market), [brief]);
}

#[test]
fn ending_many_orders_takes_several_commands_and_spares_what_comes_later() {
    let mut market = Market::new();
    set_grace(&mut market, ANNA, 1);
    let bids: Vec<OrderId> = (0..300).map(|_| market.buy(ANNA, 1, 100)).collect();
    gone(&mut market, ANNA);
    assert_eq!((ended(&market), market.checked.engine.has_pending()), (bids[..256].to_vec(), true));
    // The key is back. What it sends now stays, and what it had sent does not, wherever it goes.
    let later = market.buy(ANNA, 1, 150);
    market.replace(ANNA, bids[299], 2, 101);
    assert_eq!(ended(&market), [bids[299]]);
    market.say(Command::Continue);
    assert_eq!(ended(&market), bids[256..299]);
    assert_eq!(market.resting(Side::Buy), [(later, 150, 1)]);
    assert!(market.done().is_empty() && !market.checked.engine.has_pending());
}

#[test]
fn a_key_replaces_itself() {
    let mut market = Market::new();
    set_grace(&mut market, ANNA, 30);
    let bids = [market.buy(ANNA, 1, 190), market.buy(ANNA, 1, 191)];
    let before = key(&market, ANNA.key);
    market.send(ANNA, Command::RotateKey { public: NEW });
    assert_eq!(market.out.reports[0].body, ReportBody::KeyRotated { key: SECOND.key });
    assert_eq!(market.out.reports[0].answers.map(|sender| sender.key), Some(ANNA.key));
    let (old, new) = (key(&market, ANNA.key), key(&market, SECOND.key));
    assert_eq!(market.out.state, [StateEvent::Key(old), StateEvent::Key(new)]);
    let taken = [before.taken[0] + 1, before.taken[1]];
    assert_eq!(old, Key { revoked: true, grace: 0, taken, ..before });
    assert_eq!(new, Key { no: SECOND.key, public: NEW, taken: [0, 0], ..before });
    // The old key may do nothing; the new one has its orders, by their ids, and numbers of its own.
    market.buy(ANNA, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::KeyRevoked, 2)));
    market.send(SECOND, Command::Cancel(OrderRef::Number(before.taken[0])));
    assert_eq!(market.refused(), Some((RejectCode::UnknownOrder, 0)));
    market.cancel(SECOND, bids[0]);
    assert_eq!(market.ended(), [(bids[0], 1, CancelReason::Owner)]);
    // Its grace covers what the old key had sent.
    let own = market.buy(SECOND, 1, 150);
    gone(&mut market, ANNA);
    assert!(market.out.is_empty(), "the new key took the grace over");
    gone(&mut market, SECOND);
    assert_eq!(ended(&market), [bids[1], own]);
    assert_eq!(market.cash(ANNA), (DOLLARS_1000, 0));
}

#[test]
fn a_row_of_rotations_is_one_key_to_the_cancel_on_disconnect() {
    let mut market = with_second_key();
    let first = market.buy(ANNA, 1, 190);
    market.send(ANNA, Command::RotateKey { public: NEW });
    let third = Who { account: ANNA.account, key: KeyNo(6) };
    let second = market.buy(third, 1, 189);
    market.send(third, Command::RotateKey { public: PublicKey([91; 32]) });
    let fourth = Who { account: ANNA.account, key: KeyNo(7) };
    set_grace(&mut market, fourth, 5);
    let spared = market.buy(SECOND, 1, 188);
    assert_eq!([ANNA.key, third.key, fourth.key].map(|no| key(&market, no).origin), [ANNA.key; 3]);
    gone(&mut market, fourth);
    assert_eq!(ended(&market), [first, second]);
    assert_eq!(market.resting(Side::Buy), [(spared, 188, 1)]);
}

#[test]
fn a_rotation_needs_a_new_public_key_and_a_living_old_one() {
    let mut market = Market::new();
    for (listed, no) in [(PublicKey([2; 32]), 2), (PublicKey([1; 32]), 1)] {
        market.send(ANNA, Command::RotateKey { public: listed });
        assert_eq!(market.refused(), Some((RejectCode::KeyListed, no)));
    }
    assert_eq!(market.out.state, []);
    market.send(ANNA, Command::RotateKey { public: NEW });
    assert_eq!(market.refused(), None);
    market.send(ANNA, Command::RotateKey { public: PublicKey([91; 32]) });
    assert_eq!(market.refused(), Some((RejectCode::KeyRevoked, 2)));
    // The old public key stays listed: it never comes back.
    market.send(SECOND, Command::RotateKey { public: PublicKey([2; 32]) });
    assert_eq!(market.refused(), Some((RejectCode::KeyListed, 2)));
    market.register(ANNA.account, 2, Role::Broker);
    assert_eq!(market.refused(), Some((RejectCode::KeyListed, 2)));
}

#[test]
fn a_key_that_only_reads_may_change_nothing_but_itself() {
    let mut market = Market::new();
    let (account, rights) = (ANNA.account, Rights::READ);
    let (public, expires, why) = (PublicKey([5; 32]), Timestamp::MAX, Why::NONE);
    market.send(OPERATOR, Command::RegisterKey { account, public, rights, expires, why });
    set_grace(&mut market, SECOND, 1);
    assert_eq!(market.refused(), Some((RejectCode::NotAllowed, 1)));
    market.buy(SECOND, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::NotAllowed, 1)));
    market.send(SECOND, Command::RotateKey { public: NEW });
    assert_eq!(market.refused(), None);
    assert_eq!(key(&market, KeyNo(6)).rights, Rights::READ);
}

#[test]
fn the_grace_is_part_of_the_digest() {
    let after = |command: Command| {
        let mut market = Market::new();
        market.send(ANNA, command);
        market.checked.engine.digest()
    };
    let graces = [0, 30, 31].map(|grace| after(Command::CancelOnDisconnect { grace }));
    assert!(graces[0] != graces[1] && graces[1] != graces[2]);
}
