//! Who says too much: what is refused, what it costs, and what is told.

use super::*;
use crate::limits::{Rate, Throttle};
use protocol::order_entry::Heartbeat;

/// Ten orders at once and five a second for a session, twelve for its account.
fn limits() -> Limits {
    let throttle = |orders, cancels| Throttle {
        orders: Rate { rate: 5, burst: orders },
        cancels: Rate { rate: 50, burst: cancels },
        queries: Rate { rate: 2, burst: 4 },
    };
    Limits { session: throttle(10, 20), account: throttle(12, 20), reject_cost: 3, ..Limits::default() }
}

fn bids(numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    encoded(&numbers.map(|number| bid(number, 10, 1)).collect::<Vec<_>>())
}

fn trader(bench: &mut Bench) -> Client {
    let (client, _) = bench.login(BROKER, None);
    bench.open(&client, ORDERS).unwrap();
    bench.open(&client, Lane::Cancels).unwrap();
    client
}

/// The allowance for orders in the one heartbeat among these messages.
fn told_left(messages: &[ServerMessage]) -> Option<u32> {
    let heartbeat = |message: &ServerMessage| match message {
        ServerMessage::Heartbeat(Heartbeat { allowances, .. }) => Some(allowances[0].left),
        _ => None,
    };
    let mut all = messages.iter().filter_map(heartbeat);
    all.next().filter(|_| all.next().is_none())
}

fn refusals(messages: &[ServerMessage]) -> Vec<(RejectCode, i64)> {
    let refused = |message: &ServerMessage| match message {
        ServerMessage::Refused(Refused { code, value, .. }) => Some((*code, *value)),
        _ => None,
    };
    messages.iter().filter_map(refused).collect()
}

#[test]
fn one_too_many_is_refused_without_a_number_and_told_what_is_left() {
    let mut bench = Bench::limited(limits());
    let client = trader(&mut bench);
    let (chunk, taken) = bench.commands(&client, ORDERS, &bids(1..=13));
    assert_eq!((numbers(&chunk), taken), ((1..=10).collect(), Ok(())));
    let answers = client.reports();
    assert_eq!(refusals(&answers), [(RejectCode::Throttled, 200); 3]);
    assert_eq!(told_left(&answers), Some(0));
    // Cancels have their own.
    let cancel = ClientMessage::Command { number: 1, command: Command::Cancel(OrderRef::Number(1)) };
    assert_eq!(bench.commands(&client, Lane::Cancels, &encoded(&[cancel])).0.len(), 1);
    // The numbers are free, and after the wait there is room for one.
    bench.now = Timestamp(NOW.0 + SECOND / 5);
    assert_eq!(numbers(&bench.commands(&client, ORDERS, &bids(11..=12)).0), [11]);
    bench.release(chunk);
    assert_eq!(bench.desk.numbers.of(2)[0].highest(), 11);
}

#[test]
fn a_lane_that_is_too_fast_is_held_back() {
    let mut bench = Bench::limited(limits());
    let client = trader(&mut bench);
    let mut held = |bytes: &[u8]| {
        let mut chunk = Vec::new();
        bench.desk.commands(client.session, ORDERS, Frames::new(bytes), NOW, &mut chunk).unwrap()
    };
    assert_eq!(held(&bids(1..=10)), Duration::ZERO);
    assert_eq!(held(&bids(11..=500)), Duration::from_millis(200));
}

#[test]
fn what_was_taken_is_answered_whoever_says_it_however_often() {
    let mut bench = Bench::limited(limits());
    let client = trader(&mut bench);
    let (chunk, _) = bench.commands(&client, ORDERS, &bids(1..=10));
    // On its way.
    assert_eq!(bench.commands(&client, ORDERS, &bids(1..=10)).0, []);
    assert!(client.reports().is_empty());
    bench.release(chunk);
    client.reports();
    for _ in 0..5 {
        bench.commands(&client, ORDERS, &bids(1..=10)).1.unwrap();
        assert_eq!(told(&client.reports()), (2..=11).map(Ok).collect::<Vec<_>>());
    }
    // It has cost as much as anything else, up to a full bucket: two seconds to fill an empty one, and two to pay back.
    bench.now = Timestamp(NOW.0 + 2 * SECOND);
    bench.commands(&client, ORDERS, &bids(11..=11)).1.unwrap();
    assert_eq!(refusals(&client.reports())[0].0, RejectCode::Throttled);
    bench.now = Timestamp(NOW.0 + 5 * SECOND);
    assert_eq!(bench.commands(&client, ORDERS, &bids(11..=11)).0.len(), 1);
}

#[test]
fn what_the_gateway_refuses_costs_a_token_and_what_the_exchange_rejects_costs_more() {
    let mut bench = Bench::limited(limits());
    let client = trader(&mut bench);
    // Ten that are malformed: the eleventh is one too many.
    let bad: Vec<ClientMessage> = (1..=10).map(|number| bid(number, 0, 1)).collect();
    bench.commands(&client, ORDERS, &encoded(&bad)).1.unwrap();
    assert_eq!(refusals(&client.reports()), [(RejectCode::PriceOutOfRange, 0); 10]);
    assert!(bench.commands(&client, ORDERS, &bids(1..=1)).0.is_empty());
    client.reports();

    // Two of ten tokens for commands that are rejected, and six for the rejects: two are left.
    bench.now = Timestamp(NOW.0 + 10 * SECOND);
    let dear: Vec<ClientMessage> = (1..=2).map(|number| bid(number, types::PRICE_MAX, 1_000)).collect();
    let (chunk, _) = bench.commands(&client, ORDERS, &encoded(&dear));
    bench.release(chunk);
    let rejected = |message: &ServerMessage| matches!(message, ServerMessage::Report(it) if matches!(it.body, ReportBody::Rejected { .. }));
    assert_eq!(client.reports().iter().filter(|message| rejected(message)).count(), 2);
    assert_eq!(bench.commands(&client, ORDERS, &bids(3..=9)).0.len(), 2);
}

#[test]
fn an_account_has_its_allowance_whatever_its_sessions_are() {
    let mut bench = Bench::limited(limits());
    let spare = PublicKey([5; 32]);
    let (account, rights, expires) = (AccountId(2), Role::Broker.rights(), Timestamp::MAX);
    let register = Command::RegisterKey { account, public: spare, rights, expires, why: Why::NONE };
    bench.apply(Some(Sender { key: KeyNo(1), lane: ORDERS, number: 9 }), register);
    let first = trader(&mut bench);
    assert_eq!(bench.commands(&first, ORDERS, &bids(1..=10)).0.len(), 10);
    // Two are left of the account's twelve, for another key as for the same one again.
    let (second, welcome) = bench.login(spare, None);
    assert_eq!(welcome.allowances[0], Allowance { left: 2, rate: 5, burst: 10 });
    bench.open(&second, ORDERS).unwrap();
    assert_eq!(bench.commands(&second, ORDERS, &bids(1..=1)).0.len(), 1);
    let again = trader(&mut bench);
    assert_eq!(bench.commands(&again, ORDERS, &bids(11..=20)).0.len(), 1);
}

#[test]
fn an_account_can_have_an_allowance_of_its_own() {
    let orders = Rate { rate: 1, burst: 2 };
    let accounts = [("broker".parse().unwrap(), Throttle { orders, ..Throttle::UNLIMITED })];
    let mut bench = Bench::limited(Limits { accounts: accounts.into(), ..Limits::default() });
    let client = trader(&mut bench);
    assert_eq!(bench.commands(&client, ORDERS, &bids(1..=9)).0.len(), 2);
    let (_, welcome) = bench.login(OPERATOR, None);
    assert_eq!(welcome.allowances[0].burst, Limits::default().session.orders.burst);
}

#[test]
fn questions_have_an_allowance_too() {
    let mut bench = Bench::limited(limits());
    let (client, _) = bench.login(BROKER, None);
    let ask = ClientMessage::Query(Query { request: 7, kind: QueryKind::Account });
    for _ in 0..4 {
        let answer = bench.say(&client, &ask).unwrap();
        assert!(matches!(answer.last(), Some(ServerMessage::QueryEnd(_))));
    }
    let (code, value) = (RejectCode::Throttled, 500);
    let refused = ServerMessage::QueryRefused(QueryRefused { request: 7, code, value });
    assert_eq!(bench.say(&client, &ask), Ok(vec![refused]));
    bench.now = Timestamp(NOW.0 + SECOND / 2);
    assert!(bench.say(&client, &ask).unwrap().len() > 1);
}
