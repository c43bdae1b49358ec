//! How sessions end, and what comes of it: silence, goodbyes, and keys whose orders end with their sessions.

use super::*;
use proptest::prelude::*;
use protocol::order_entry::Heartbeat;
use std::collections::BTreeMap;

fn heartbeats(messages: &[ServerMessage]) -> Vec<u64> {
    let last_report = |message: &ServerMessage| match message {
        ServerMessage::Heartbeat(Heartbeat { last_report, .. }) => Some(*last_report),
        _ => None,
    };
    messages.iter().filter_map(last_report).collect()
}

fn trader(bench: &mut Bench) -> Client {
    let (client, _) = bench.login(BROKER, None);
    bench.open(&client, ORDERS).unwrap();
    client
}

/// The broker's key asks that its orders end when it has had no session for `grace` seconds.
fn ask_for(bench: &mut Bench, number: u64, grace: u32) {
    let sender = Sender { key: KeyNo(2), lane: ORDERS, number };
    bench.apply(Some(sender), Command::CancelOnDisconnect { grace });
}

/// A key that does not expire while seconds pass.
fn register(bench: &mut Bench, number: u64, public: PublicKey) {
    let (account, rights, expires) = (AccountId(2), Role::Broker.rights(), Timestamp::MAX);
    let register = Command::RegisterKey { account, public, rights, expires, why: Why::NONE };
    bench.apply(Some(Sender { key: KeyNo(1), lane: ORDERS, number }), register);
}

#[test]
fn who_is_heard_stays_and_who_is_silent_goes() {
    let mut bench = Bench::new();
    let spare = PublicKey([5; 32]);
    register(&mut bench, 9, spare);
    let (mut silent, _) = bench.login(OPERATOR, None);
    let (mut speaking, _) = bench.login(spare, None);
    for _ in 0..3 {
        bench.pass(5);
        bench.say(&speaking, &ClientMessage::Heartbeat).unwrap();
    }
    assert_eq!((silent.closing(), speaking.closing()), (Some(CloseCode::Silent), None));
    // Commands are words too.
    bench.open(&speaking, ORDERS).unwrap();
    bench.pass(14);
    bench.commands(&speaking, ORDERS, &encoded(&[bid(1, 10, 1)])).1.unwrap();
    bench.pass(14);
    assert_eq!(speaking.closing(), None);
    bench.pass(1);
    assert_eq!(speaking.closing(), Some(CloseCode::Silent));
}

#[test]
fn a_heartbeat_stands_behind_the_reports_it_counts() {
    let mut bench = Bench::new();
    let spare = PublicKey([5; 32]);
    register(&mut bench, 9, spare);
    let (client, welcome) = bench.login(spare, None);
    assert_eq!((bench.pass(4), heartbeats(&client.reports())), (vec![], vec![]));
    bench.pass(1);
    assert_eq!(heartbeats(&client.reports()), [welcome.last_report]);
    bench.open(&client, ORDERS).unwrap();
    let (chunk, _) = bench.commands(&client, ORDERS, &encoded(&[bid(1, 10, 1)]));
    bench.release(chunk);
    bench.pass(5);
    let told = client.reports();
    assert!(matches!(told[..], [ServerMessage::Report(report), ServerMessage::Heartbeat(_)]
        if report.number == welcome.last_report + 1));
    assert_eq!(heartbeats(&told), [welcome.last_report + 1]);
    let waiting = bench.connect(OPERATOR);
    bench.pass(2);
    assert!(waiting.reports().is_empty(), "who has not said hello is told nothing");
}

#[test]
fn a_goodbye_comes_when_all_that_was_taken_is_answered() {
    let mut bench = Bench::new();
    let mut client = trader(&mut bench);
    let (chunk, _) = bench.commands(&client, ORDERS, &encoded(&[bid(1, 10, 1), bid(2, 10, 1)]));
    assert_eq!(bench.say(&client, &ClientMessage::Logout), Ok(vec![]));
    // What comes later is not taken.
    assert_eq!(bench.commands(&client, ORDERS, &encoded(&[bid(3, 10, 1)])), (vec![], Ok(())));
    let mut chunk = chunk.into_iter();
    bench.release(chunk.by_ref().take(1).collect());
    assert_eq!((told(&client.reports()), client.closing()), (vec![Ok(2)], None));
    bench.release(chunk.collect());
    let messages = client.reports();
    assert_eq!(told(&messages[..1]), [Ok(3)]);
    assert_eq!(messages[1..], [ServerMessage::LoggedOut { last_report: 3 }]);
    assert_eq!(client.closing(), Some(CloseCode::Done));
    assert!(bench.desk.leaving.is_empty());

    let mut idle = trader(&mut bench);
    bench.say(&idle, &ClientMessage::Logout).unwrap();
    assert_eq!(idle.reports(), [ServerMessage::LoggedOut { last_report: 3 }]);
    assert_eq!(idle.closing(), Some(CloseCode::Done));
    let early = bench.connect(BROKER);
    for word in [ClientMessage::Logout, ClientMessage::Heartbeat] {
        assert_eq!(bench.say(&early, &word).unwrap_err().code, CloseCode::OutOfPlace);
    }
}

#[test]
fn of_all_who_do_not_read_the_one_with_most_goes_first() {
    let mut bench = Bench::limited(Limits { all_reports_waiting: 40_000, ..Limits::default() });
    let spare = PublicKey([5; 32]);
    register(&mut bench, 9, spare);
    let (mut slow, _) = bench.login(spare, Some(0));
    let mut slower = trader(&mut bench);
    let orders: Vec<ClientMessage> = (1..=200).map(|number| bid(number, 1, 1)).collect();
    let (chunk, _) = bench.commands(&slower, ORDERS, &encoded(&orders));
    bench.release(chunk);
    // The one has read a part meanwhile.
    slow.reports();
    let (chunk, _) = bench.commands(&slower, ORDERS, &encoded(&[bid(300, 1, 1)]));
    bench.release(chunk);
    assert!(slower.reports.waiting() < 40_000, "too little for the test");
    bench.desk.pass(NOW);
    assert_eq!((slow.closing(), slower.closing()), (None, None));
    let orders: Vec<ClientMessage> = (301..=500).map(|number| bid(number, 1, 1)).collect();
    let (chunk, _) = bench.commands(&slower, ORDERS, &encoded(&orders));
    bench.release(chunk);
    bench.desk.pass(NOW);
    assert_eq!((slow.closing(), slower.closing()), (None, Some(CloseCode::TooSlow)));
}

#[test]
fn a_key_without_a_session_for_its_grace_is_given_out_once() {
    let mut bench = Bench::new();
    ask_for(&mut bench, 1, 10);
    assert_eq!(bench.pass(9), [], "the wish itself came from a session that is gone by now");
    assert_eq!(bench.pass(1), [KeyNo(2)]);
    assert_eq!(bench.pass(100), []);
    // A new wish begins anew.
    ask_for(&mut bench, 2, 0);
    ask_for(&mut bench, 3, 2);
    assert_eq!(bench.pass(2), [KeyNo(2)]);
}

#[test]
fn a_session_that_comes_in_time_stops_the_grace_and_its_end_begins_it_anew() {
    let mut bench = Bench::new();
    let public = PublicKey([5; 32]);
    register(&mut bench, 9, public);
    bench.apply(
        Some(Sender { key: KeyNo(3), lane: ORDERS, number: 1 }),
        Command::CancelOnDisconnect { grace: 10 },
    );
    assert_eq!(bench.pass(9), []);
    let connected = bench.connect(public);
    assert_eq!(bench.pass(1), [KeyNo(3)], "a connection without a hello is no session");
    bench.desk.close(connected.session, Closing::done(), bench.now);
    // Every end counts: lost, logged out, superseded and then lost.
    for end in 0..3 {
        let (client, _) = bench.login(public, None);
        let mut last = client.session;
        match end {
            0 => bench.desk.close(client.session, Closing::done(), bench.now),
            1 => drop(bench.say(&client, &ClientMessage::Logout).unwrap()),
            _ => {
                assert_eq!(bench.pass(9), []);
                last = bench.login(public, None).0.session;
                bench.desk.close(last, Closing::done(), bench.now);
            }
        }
        assert!(!bench.desk.sessions.contains_key(&last));
        assert_eq!(bench.pass(9), []);
        assert_eq!(bench.pass(1), [KeyNo(3)]);
    }
}

#[test]
fn a_key_in_the_place_of_another_has_its_grace_to_come() {
    let mut bench = Bench::new();
    register(&mut bench, 9, PublicKey([5; 32]));
    let sender = |number| Some(Sender { key: KeyNo(3), lane: ORDERS, number });
    bench.apply(sender(1), Command::CancelOnDisconnect { grace: 10 });
    bench.pass(8);
    let public = PublicKey([7; 32]);
    bench.apply(sender(2), Command::RotateKey { public });
    assert_eq!(bench.pass(9), [], "the old key has no grace any more, and the new one its whole one");
    let (client, _) = bench.login(public, None);
    bench.pass(9);
    assert!(bench.desk.sessions.contains_key(&client.session));
    bench.desk.close(client.session, Closing::done(), bench.now);
    assert_eq!(bench.pass(10), [KeyNo(4)]);
}

#[test]
fn after_a_recovery_every_key_has_its_whole_grace() {
    let mut bench = Bench::new();
    ask_for(&mut bench, 1, 10);
    bench.pass(9);
    let desk = Desk::new(&recovery(&bench.engine, &[]), Limits::default(), bench.now);
    let mut again = Bench { engine: bench.engine.clone(), desk, reports: Vec::new(), now: bench.now };
    assert_eq!(again.pass(9), []);
    assert_eq!(again.pass(1), [KeyNo(2)]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Come(u8),
    Go(u8),
    Wish(u8, u32),
    Pass(u64),
    Recover,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..3u8).prop_map(Step::Come),
        3 => (0..3u8).prop_map(Step::Go),
        2 => (0..3u8, 0..6u32).prop_map(|(key, grace)| Step::Wish(key, grace)),
        4 => (1..4u64).prop_map(Step::Pass),
        1 => Just(Step::Recover),
    ];
    prop::collection::vec(step, 0..80)
}

/// What a key must see, kept in the plainest way.
#[derive(Clone, Copy, Default)]
struct Expected {
    grace: u32,
    is_there: bool,
    /// Seconds without a session so far, if they count.
    absent: Option<u32>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Sessions come and go, wishes change, exchanges restart: each key is given out when its grace is over, no second
    /// earlier, none later, and not again.
    #[test]
    fn graces_run_out_exactly_when_they_do(steps in steps()) {
        let mut bench = Bench::new();
        let publics: Vec<PublicKey> = (40..43).map(|byte| PublicKey([byte; 32])).collect();
        for (number, public) in (10..).zip(publics.clone()) {
            register(&mut bench, number, public);
        }
        let mut expected = [Expected::default(); 3];
        let (mut clients, mut number) = (BTreeMap::new(), 0);
        for step in steps {
            match step {
                Step::Come(key) => {
                    let (client, _) = bench.login(publics[usize::from(key)], None);
                    clients.insert(key, client);
                    let expected = &mut expected[usize::from(key)];
                    (expected.is_there, expected.absent) = (true, None);
                }
                Step::Go(key) => {
                    let Some(client) = clients.remove(&key) else { continue };
                    bench.desk.close(client.session, Closing::done(), bench.now);
                    let expected = &mut expected[usize::from(key)];
                    (expected.is_there, expected.absent) = (false, (expected.grace > 0).then_some(0));
                }
                Step::Wish(key, grace) => {
                    number += 1;
                    let sender = Sender { key: KeyNo(u32::from(key) + 3), lane: ORDERS, number };
                    bench.apply(Some(sender), Command::CancelOnDisconnect { grace });
                    let expected = &mut expected[usize::from(key)];
                    expected.grace = grace;
                    let waited = expected.absent.unwrap_or(0);
                    expected.absent = (!expected.is_there && grace > 0).then_some(waited);
                }
                Step::Pass(seconds) => for _ in 0..seconds {
                    for client in clients.values() {
                        bench.say(client, &ClientMessage::Heartbeat).unwrap();
                    }
                    let mut over = Vec::new();
                    for (key, expected) in (3..).zip(&mut expected) {
                        let Some(absent) = &mut expected.absent else { continue };
                        *absent += 1;
                        if *absent >= expected.grace {
                            expected.absent = None;
                            over.push(KeyNo(key));
                        }
                    }
                    prop_assert_eq!(bench.pass(1), over);
                },
                Step::Recover => {
                    clients.clear();
                    bench.desk = Desk::new(&recovery(&bench.engine, &bench.reports), Limits::default(), bench.now);
                    for expected in &mut expected {
                        (expected.is_there, expected.absent) = (false, (expected.grace > 0).then_some(0));
                    }
                }
            }
        }
    }
}
