//! Keys, numbers, rights and the operator's desk, rule by rule.

use engine::CURRENCIES_MAX;
use types::{
    AccountId, CLASSES_MAX, ClassSpec, Code, Command, KeyNo, Lane, NewOrder, OrderRef, PublicKey, RejectCode,
    ReportBody, Rights, Role, Sender, Side, TimeInForce, Timestamp, Why,
};

use super::market::{ANNA, BEN, MORNING, Market, OPERATOR, PIA, Who, example_class};
use super::reference::RIGHT_HINT;

#[test]
fn a_number_is_taken_once() {
    let mut market = Market::new();
    market.buy(ANNA, 1, 100);
    let last = market.number(ANNA, Lane::Orders);
    let sender = |lane, number| Some(Sender { key: ANNA.key, lane, number });
    let order = market_order(&market);
    for number in [0, last - 1, last] {
        market.step(sender(Lane::Orders, number), order.clone());
        assert_eq!(market.refused(), Some((RejectCode::NumberNotRising, i64::try_from(last).unwrap())));
    }
    // A refused command's number is taken, gaps are allowed, and each lane counts for itself.
    market.step(sender(Lane::Orders, 90), Command::RevokeKey { key: ANNA.key, why: Why::NONE });
    assert_eq!(market.refused().map(|refused| refused.0), Some(RejectCode::NotAllowed));
    market.step(sender(Lane::Orders, 90), order.clone());
    assert_eq!(market.refused(), Some((RejectCode::NumberNotRising, 90)));
    market.step(sender(Lane::Cancels, 1), Command::Cancel(OrderRef::Number(last)));
    assert_eq!(market.refused(), None);
    market.step(sender(Lane::Orders, 91), order);
    assert_eq!(market.refused(), None);
}

#[test]
fn only_cancels_come_on_the_cancels_lane() {
    let mut market = Market::new();
    let order = market_order(&market);
    let number = 50;
    market.step(Some(Sender { key: ANNA.key, lane: Lane::Orders, number }), order.clone());
    // Were it taken, two orders of the key had one number.
    market.step(Some(Sender { key: ANNA.key, lane: Lane::Cancels, number }), order);
    assert!(market.out.is_empty());
    market.send(ANNA, Command::Cancel(OrderRef::Number(number)));
    assert_eq!((market.ended().len(), market.resting(Side::Buy)), (1, vec![]));
}

#[test]
fn an_expired_key_may_do_nothing() {
    let mut market = Market::new();
    let expires = Timestamp(MORNING.0 + 5);
    let (account, public, rights) = (ANNA.account, PublicKey([50; 32]), Role::Broker.rights());
    market.send(OPERATOR, Command::RegisterKey { account, public, rights, expires, why: Why::NONE });
    let brief = Who { account, key: KeyNo(5) };
    market.time = Timestamp(expires.0 - 1);
    let order = market.buy(brief, 1, 100);
    assert_eq!(market.refused(), None);
    market.time = expires;
    market.cancel(brief, order);
    assert_eq!(market.refused(), Some((RejectCode::KeyExpired, 5)));
    market.cancel(ANNA, order);
    assert_eq!(market.ended().len(), 1);
}

#[test]
fn a_revoked_key_may_do_nothing() {
    let mut market = Market::new();
    let order = market.buy(ANNA, 1, 100);
    market.send(OPERATOR, Command::RevokeKey { key: ANNA.key, why: Why::NONE });
    assert_eq!(market.out.state.len(), 1);
    market.cancel(ANNA, order);
    assert_eq!(market.refused(), Some((RejectCode::KeyRevoked, 2)));
    assert_eq!(market.resting(Side::Buy).len(), 1, "what it brought about stays");
    market.send(OPERATOR, Command::RevokeKey { key: KeyNo(99), why: Why::NONE });
    assert_eq!(market.refused(), Some((RejectCode::UnknownKey, 99)));
}

#[test]
fn a_key_never_registered_gets_no_answer() {
    let mut market = Market::new();
    let order = market_order(&market);
    for key in [0, 99, u32::MAX] {
        market.step(Some(Sender { key: KeyNo(key), lane: Lane::Orders, number: 1 }), order.clone());
        assert!(market.out.is_empty());
    }
}

#[test]
fn a_key_may_do_no_more_than_its_rights() {
    let mut market = Market::new();
    market.deposit(ANNA, 1, 1);
    assert_eq!(market.refused(), Some((RejectCode::NotAllowed, 3)));
    market.send(ANNA, Command::RevokeKey { key: BEN.key, why: Why::NONE });
    assert_eq!(market.refused(), Some((RejectCode::NotAllowed, 3)));
    market.buy(OPERATOR, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::NotAllowed, 9)));
    // A key never gets rights its account's role has not.
    let register = |rights, byte| Command::RegisterKey {
        account: ANNA.account,
        public: PublicKey([byte; 32]),
        rights,
        expires: Timestamp::MAX,
        why: Why::NONE,
    };
    for rights in [Rights::DEPOSIT, Rights::OPERATE, Rights(16), Rights(255)] {
        market.send(OPERATOR, register(rights, 60));
        assert_eq!(market.refused(), Some((RejectCode::NotAllowed, 3)));
    }
    market.send(OPERATOR, register(Rights::READ, 61));
    market.buy(Who { account: ANNA.account, key: KeyNo(5) }, 1, 100);
    assert_eq!(market.refused(), Some((RejectCode::NotAllowed, 1)));
}

#[test]
fn only_the_sequencer_moves_the_clock() {
    let mut market = Market::new();
    let (public, expires) = (PublicKey([62; 32]), Timestamp::MAX);
    let register =
        Command::RegisterKey { account: ANNA.account, public, rights: Rights(0), expires, why: Why::NONE };
    market.send(OPERATOR, register);
    let powerless = Who { account: ANNA.account, key: KeyNo(5) };
    for who in [OPERATOR, ANNA, powerless] {
        for command in [Command::Clock, Command::Continue, Command::Genesis { operator: public, seed: 0 }] {
            market.send(who, command);
            assert_eq!(market.refused(), Some((RejectCode::SequencerOnly, 0)));
        }
    }
}

#[test]
fn an_exchange_is_set_up_once() {
    let mut market = Market::new();
    let state = market.state();
    market.say(Command::Genesis { operator: PublicKey([70; 32]), seed: 0 });
    assert!(market.out.is_empty());
    assert_eq!(market.state(), state);
}

#[test]
fn names_keys_and_classes_are_unique() {
    let mut market = Market::new();
    market.send(
        OPERATOR,
        Command::OpenAccount { name: "ben".parse().unwrap(), role: Role::Analyst, why: Why::NONE },
    );
    assert_eq!(market.refused(), Some((RejectCode::NameTaken, 3)));
    market.register(ANNA.account, 4, Role::Broker);
    assert_eq!(market.refused(), Some((RejectCode::KeyListed, 4)));
    market.register(AccountId(9), 90, Role::Broker);
    assert_eq!(market.refused(), Some((RejectCode::UnknownAccount, 9)));
    market.send(
        OPERATOR,
        Command::DefineClass { spec: Box::new(ClassSpec { tick: 7, ..example_class() }), why: Why::NONE },
    );
    assert_eq!(market.refused(), Some((RejectCode::ClassListed, 0)), "model and region name a class");
    market.send(
        OPERATOR,
        Command::DefineClass { spec: Box::new(ClassSpec { tick: 0, ..example_class() }), why: Why::NONE },
    );
    assert_eq!(market.refused(), Some((RejectCode::BadClass, 0)));
}

#[test]
fn there_is_room_for_so_many_currencies_and_classes() {
    let mut market = Market::new();
    let class = |number: usize, currency: usize| ClassSpec {
        region: format!("R{number}").parse().unwrap(),
        currency: if currency == 0 { code("USD") } else { code(&format!("C{currency}")) },
        ..example_class()
    };
    for number in 1..CURRENCIES_MAX {
        market.send(OPERATOR, Command::DefineClass { spec: Box::new(class(number, number)), why: Why::NONE });
        assert_eq!(market.refused(), None);
    }
    market.send(OPERATOR, Command::DefineClass { spec: Box::new(class(9, 9)), why: Why::NONE });
    assert_eq!(market.refused(), Some((RejectCode::Full, 4)));
    for number in CURRENCIES_MAX..usize::from(CLASSES_MAX) {
        market.send(OPERATOR, Command::DefineClass { spec: Box::new(class(number, 0)), why: Why::NONE });
        assert_eq!(market.refused(), None);
    }
    market.send(OPERATOR, Command::DefineClass { spec: Box::new(class(9_999, 0)), why: Why::NONE });
    assert_eq!(market.refused(), Some((RejectCode::Full, 2_048)));
}

#[test]
fn reports_are_numbered_per_account_and_the_first_answer_is_the_outcome() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 3, 200);
    let before: Vec<u64> = [ANNA, PIA].map(|who| last_report(&market, who)).to_vec();
    let terms = NewOrder { time_in_force: TimeInForce::Ioc, ..market.bid(5, 200) };
    let order = market.place(ANNA, terms);
    let sender = Sender { key: ANNA.key, lane: Lane::Orders, number: market.number(ANNA, Lane::Orders) };
    let said: Vec<_> =
        market.out.reports.iter().map(|report| (report.account, report.number, report.answers)).collect();
    let anna = |number| (ANNA.account, before[0] + number, Some(sender));
    assert_eq!(said, [anna(1), anna(2), (PIA.account, before[1] + 1, None), anna(3)]);
    let accepted = |body| matches!(body, ReportBody::Accepted { order: id, .. } if id == order);
    assert!(accepted(market.out.reports[0].body));
    market.send(ANNA, Command::Cancel(OrderRef::Id { order: ask, slot: RIGHT_HINT }));
    assert_eq!(market.out.reports[0].number, before[0] + 4);
}

fn last_report(market: &Market, who: Who) -> u64 {
    let last = |event| match event {
        types::StateEvent::Reports { account, last } if account == who.account => Some(last),
        _ => None,
    };
    market.state().into_iter().find_map(last).unwrap()
}

fn market_order(market: &Market) -> Command {
    Command::NewOrder(market.bid(1, 100))
}

fn code(text: &str) -> Code {
    text.parse().unwrap()
}
