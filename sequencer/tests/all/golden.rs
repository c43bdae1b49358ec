//! Yesterday's journals: a directory written by each version of the program, and what this one does with it.

use crate::driven::Driven;
use crate::traffic::Traffic;
use crate::{OPERATOR, options, run_to_the_end};
use engine::{Engine, RULES_VERSION};
use journal::{Journal, OpenError, ReadError, SimulatedDisk, Snapshots};
use sequencer::{ActOutcome, Inbound, StartError, VerifyError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, HOUR_NANOS, Hour, KeyNo, Lane, Limits, MassCancel,
    NewOrder, OrderKind, OrderRef, Output, PublicKey, RejectCode, ReportBody, Role, Scope, SelfTrade, Sender,
    Sequence, Side, Stamped, StateEvent, TimeInForce, Timestamp, Why,
};

const MORNING: Hour = Hour(498_710);
const SEGMENT_BYTES: u64 = 8_192;

/// What the golden journal of these rules comes to.
const DIGEST: &str = "2de5baccca2607ad5971003fa7ba3821aefa789946b6e55fb5e718a451437647";
/// The head of its hash chain.
const HEAD: &str = "2a8c8d7093838bfe600d273098c1446f158908e124ea7cece3aaf08d0a3f1f2b";

fn golden(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/journal-v{version}"))
}

/// Writes commands of every kind, some of them refused, a few to a batch.
struct Script {
    engine: Engine,
    output: Output,
    minutes: u64,
    /// The last number of each key, by lane.
    numbers: [[u64; 2]; 8],
    batches: Vec<Vec<Stamped>>,
}

impl Script {
    fn new() -> Script {
        let output = Output::default();
        Script { engine: Engine::new(), output, minutes: 0, numbers: [[0; 2]; 8], batches: Vec::new() }
    }

    /// From now on the clock says so many minutes after the beginning. A new batch begins.
    fn at(&mut self, minutes: u64) {
        self.minutes = minutes;
        self.batches.push(Vec::new());
    }

    fn own(&mut self, command: Command) {
        self.push(None, command);
    }

    fn send(&mut self, key: u32, command: Command) -> Sequence {
        self.send_by(Lane::Orders, key, command)
    }

    fn send_by(&mut self, lane: Lane, key: u32, command: Command) -> Sequence {
        let number = &mut self.numbers[key as usize][lane as usize];
        *number += 1;
        let sender = Sender { key: KeyNo(key), lane, number: *number };
        self.push(Some(sender), command)
    }

    fn push(&mut self, sender: Option<Sender>, command: Command) -> Sequence {
        let sequence = self.engine.last_sequence() + 1;
        let time = Timestamp(MORNING.starts().0 + self.minutes * HOUR_NANOS / 60);
        let stamped = Stamped { sequence, time, sender, command };
        self.engine.apply(&stamped, &mut self.output);
        self.batches.last_mut().unwrap().push(stamped);
        sequence
    }

    fn place(&mut self, key: u32, side: Side, units: u32, price: i64) -> Sequence {
        self.send(key, Command::NewOrder(limit(side, units, price)))
    }

    fn write(&self, directory: &Path) {
        let options =
            journal::Options { segment_size: SEGMENT_BYTES, ..journal::Options::new(RULES_VERSION) };
        let (mut journal, _) = Journal::open(directory, &options, |_| Ok::<(), std::io::Error>(())).unwrap();
        for batch in &self.batches {
            let mut records = Vec::new();
            batch.iter().for_each(|stamped| sequencer::encode(stamped, &mut records));
            let count = u32::try_from(batch.len()).unwrap();
            journal.append(batch[0].sequence, count, &records).unwrap();
        }
    }
}

/// The second contract of the day: it trades until minute 120.
fn contract() -> ContractId {
    ContractId::new(ClassNo(0), MORNING.plus(2))
}

fn limit(side: Side, units: u32, price: i64) -> NewOrder {
    NewOrder::limit(contract(), side, units, price)
}

fn script() -> Script {
    let mut script = Script::new();
    desk(&mut script);
    orders(&mut script);
    endings(&mut script);
    keys(&mut script);
    leavings(&mut script);
    markets(&mut script);
    script
}

/// Classes, accounts, keys and deposits: key 2 buys, key 3 provides, key 4 only reads, key 5 is revoked.
fn desk(script: &mut Script) {
    script.at(0);
    script.own(Command::Genesis { operator: OPERATOR, seed: 0x5eed });
    script.at(1);
    let spec = ClassSpec::example();
    script.send(1, Command::DefineClass { spec: Box::new(spec), why: Why::NONE });
    script.send(1, Command::DefineClass { spec: Box::new(spec), why: Why::NONE });
    let roles = [("broker", Role::Broker), ("provider", Role::Provider), ("analyst", Role::Analyst)];
    for (number, (name, role)) in (2..).zip(roles) {
        script.send(1, Command::OpenAccount { name: name.parse().unwrap(), role, why: Why::NONE });
        script.send(1, register(number, u8::try_from(number).unwrap(), role, Timestamp::MAX));
    }
    let until = Timestamp(MORNING.plus(1).starts().0);
    script.send(1, register(2, 5, Role::Broker, until));
    script.send(1, Command::RevokeKey { key: KeyNo(5), why: "lost laptop".parse().unwrap() });
    script.send(1, Command::RevokeKey { key: KeyNo(99), why: Why::NONE });
    let (account, currency) = (AccountId(2), spec.currency);
    script.at(2);
    for _ in 0..2 {
        let deposit =
            Command::DepositCash { account, currency, amount: 900_000_000, external: 7, why: Why::NONE };
        script.send(1, deposit);
    }
    script.send(3, Command::DepositCapacity { contract: contract(), units: 500, external: 1 });
    script.send(4, Command::DepositCapacity { contract: contract(), units: 500, external: 1 });
}

fn register(account: u32, byte: u8, role: Role, expires: Timestamp) -> Command {
    let (account, public) = (AccountId(account), PublicKey([byte; 32]));
    Command::RegisterKey { account, public, rights: role.rights(), expires, why: Why::NONE }
}

/// Orders of every kind.
fn orders(script: &mut Script) {
    script.at(10);
    let ask = script.place(3, Side::Sell, 40, 101);
    script.place(3, Side::Sell, 40, 103);
    script.place(2, Side::Buy, 10, 102);
    script.place(2, Side::Buy, 20, 95);
    script.at(11);
    let base = limit(Side::Buy, 5, 101);
    let until = Timestamp(MORNING.starts().0 + HOUR_NANOS);
    let kinds = [
        NewOrder { kind: OrderKind::Market, time_in_force: TimeInForce::Ioc, price: 103, ..base },
        NewOrder { time_in_force: TimeInForce::Fok, units: 200, ..base },
        NewOrder { time_in_force: TimeInForce::Gtd(until), price: 94, ..base },
        NewOrder { post_only: true, ..base },
        NewOrder { post_only: true, price: 93, self_trade: SelfTrade::CancelResting, ..base },
        NewOrder { min_units: 3, ..base },
        NewOrder { shown: 2, price: 96, units: 20, self_trade: SelfTrade::Decrement, ..base },
        NewOrder { trigger: Some(103), price: 104, self_trade: SelfTrade::CancelBoth, ..base },
        NewOrder { units: 0, ..base },
    ];
    kinds.into_iter().for_each(|order| {
        script.send(2, Command::NewOrder(order));
    });
    script.at(12);
    let slot = 0;
    script.send(3, Command::Replace { order: OrderRef::Number(3), price: 102, units: 30 });
    script.send(3, Command::Replace { order: OrderRef::Id { order: ask, slot }, price: 101, units: 35 });
    script.send_by(Lane::Cancels, 2, Command::Cancel(OrderRef::Number(2)));
    script.send_by(Lane::Cancels, 2, Command::Cancel(OrderRef::Id { order: ask, slot }));
}

/// A mass cancel by each lane, an order that expires, a gate that closes, and units that are delivered.
fn endings(script: &mut Script) {
    script.at(13);
    for price in [90, 91, 92] {
        script.place(2, Side::Buy, 1, price);
    }
    let asked = MassCancel { scope: Scope::Contract(contract()), side: Some(Side::Sell) };
    script.send_by(Lane::Cancels, 3, Command::MassCancel(asked));
    script.send(2, Command::MassCancel(MassCancel { scope: Scope::Class(ClassNo(0)), side: None }));
    script.own(Command::Continue);
    script.at(14);
    let until = TimeInForce::Gtd(Timestamp(MORNING.plus(1).starts().0));
    script.send(2, Command::NewOrder(NewOrder { time_in_force: until, ..limit(Side::Buy, 3, 96) }));
    script.at(60);
    script.own(Command::Clock);
    script.place(2, Side::Buy, 3, 97);
    script.at(120);
    script.own(Command::Clock);
    script.place(2, Side::Buy, 3, 97);
    script.at(180);
    script.own(Command::Clock);
    script.own(Command::Continue);
}

/// A cancel on disconnect, a rotation, and the two together: key 6 takes the place of key 2.
fn keys(script: &mut Script) {
    script.at(190);
    let late = NewOrder::limit(late(), Side::Buy, 2, 90);
    script.send(2, Command::CancelOnDisconnect { grace: 30 });
    script.send(2, Command::CancelOnDisconnect { grace: 100_000 });
    script.send(2, Command::NewOrder(late));
    script.send(2, Command::RotateKey { public: PublicKey([6; 32]) });
    script.send(2, Command::NewOrder(late));
    script.send(6, Command::NewOrder(late));
    script.own(Command::Disconnected { key: KeyNo(2) });
    script.own(Command::Disconnected { key: KeyNo(6) });
    script.send(4, Command::CancelOnDisconnect { grace: 30 });
    script.send(4, Command::Disconnected { key: KeyNo(6) });
    script.send(4, Command::RotateKey { public: PublicKey([8; 32]) });
}

/// A contract that is still open at the end.
fn late() -> ContractId {
    ContractId::new(ClassNo(0), MORNING.plus(6))
}

/// What is open at the end: of each kind of order one, in a contract that still trades.
fn leavings(script: &mut Script) {
    let late = late();
    script.at(200);
    script.send(3, Command::DepositCapacity { contract: late, units: 60, external: 2 });
    let ask = NewOrder::limit(late, Side::Sell, 10, 100);
    script.send(3, Command::NewOrder(ask));
    script.send(3, Command::NewOrder(NewOrder { shown: 4, price: 101, ..ask }));
    script.send(3, Command::NewOrder(NewOrder { trigger: Some(98), price: 97, ..ask }));
    script.send(3, Command::NewOrder(NewOrder { units: 100, ..ask }));
    script.at(201);
    let bid = NewOrder::limit(late, Side::Buy, 4, 100);
    let until = TimeInForce::Gtd(Timestamp(MORNING.plus(5).starts().0));
    script.send(6, Command::NewOrder(bid));
    script.send(6, Command::NewOrder(NewOrder { price: 97, self_trade: SelfTrade::CancelBoth, ..bid }));
    script.send(6, Command::NewOrder(NewOrder { price: 97, time_in_force: until, ..bid }));
    script.send(6, Command::NewOrder(NewOrder { price: 95, post_only: true, ..bid }));
    script.send(6, Command::NewOrder(NewOrder { trigger: Some(104), price: 105, min_units: 2, ..bid }));
}

/// Blocks, limits, a class with auctions and bands, halts and a kill switch.
fn markets(script: &mut Script) {
    let why = || "drill".parse().unwrap();
    script.at(202);
    let spec = ClassSpec { region: "USW".parse().unwrap(), ..ClassSpec::full_example() };
    script.send(1, Command::DefineClass { spec: Box::new(spec), why: Why::NONE });
    let limits = Limits { open_orders: 50, open_blocks: 2, order_value: 500_000_000 };
    script.send(1, Command::SetLimits { account: AccountId(2), limits, why: why() });
    script.send(7, Command::SetLimits { account: AccountId(2), limits, why: Why::NONE });
    script.at(203);
    let next = ContractId::new(ClassNo(0), MORNING.plus(7));
    script.send(3, Command::DepositCapacity { contract: next, units: 60, external: 3 });
    let bid = NewOrder::block(late(), 2, Side::Buy, 3, 90);
    script.send(6, Command::NewOrder(bid));
    script.send(6, Command::NewOrder(NewOrder { min_units: 2, same_provider: true, ..bid }));
    script.send(3, Command::NewOrder(NewOrder { side: Side::Sell, units: 2, price: 200, ..bid }));
    script.send(6, Command::NewOrder(NewOrder { slots: 400, ..bid }));
    script.send(6, Command::NewOrder(NewOrder { post_only: true, ..bid }));
    script.at(204);
    let scope = Scope::Contract(next);
    script.send(1, Command::Halt { scope, why: why() });
    script.send(6, Command::NewOrder(NewOrder::limit(next, Side::Buy, 1, 90)));
    script.send(1, Command::Resume { scope, why: why() });
    script.send(1, Command::Resume { scope: Scope::Class(ClassNo(0)), why: why() });
    auction(script);
    script.send(1, Command::Halt { scope: Scope::Class(ClassNo(1)), why: why() });
    script.at(208);
    for on in [true, false] {
        script.send(1, Command::SetKillSwitch { account: AccountId(3), on, why: why() });
        script.own(Command::Continue);
    }
}

/// A contract that is halted and reopens by an auction, in which orders cross.
fn auction(script: &mut Script) {
    let west = ContractId::new(ClassNo(1), MORNING.plus(8));
    let scope = Scope::Contract(west);
    script.at(205);
    script.send(3, Command::DepositCapacity { contract: west, units: 40, external: 4 });
    script.send(1, Command::Halt { scope, why: Why::NONE });
    script.send(1, Command::Resume { scope, why: Why::NONE });
    script.send(3, Command::NewOrder(NewOrder::limit(west, Side::Sell, 10, 95)));
    let bid = NewOrder::limit(west, Side::Buy, 8, 105);
    script.send(6, Command::NewOrder(NewOrder { time_in_force: TimeInForce::Ioc, ..bid }));
    script.send(6, Command::NewOrder(bid));
    script.at(206);
    script.own(Command::Clock);
    script.at(208);
    script.own(Command::Clock);
    script.own(Command::Continue);
}

/// A copy of a golden directory: whatever is tried with it leaves the original as it is.
fn copy_of(version: u32) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(golden(version)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

/// What the journals of the rules before come to: version, last sequence, segments and chain head.
const BEFORE: [(u32, Sequence, u64, &str); 2] = [
    (2, 56, 2, "da584391d6e5cd68e6d39742f0b8509ad80f3b4188c642c7e51a810d0759db22"),
    (3, 67, 2, "5d141de04064fe55d75e43ccded78c674f5db0c2a286700229a510c338118a6e"),
];

#[test]
fn a_journal_of_rules_before_is_sound_and_is_refused_by_name() {
    for (version, last, segments, head) in BEFORE {
        let summary = journal::verify(&golden(version)).unwrap();
        assert_eq!(
            (summary.rules_version, summary.last_sequence(), summary.segments),
            (version, last, segments)
        );
        assert_eq!(summary.head.to_string(), head);
        let said = format!(
            "the journal was written under rules version {version}, this program follows version {RULES_VERSION}"
        );
        for refused in [
            sequencer::verify(&golden(version)).unwrap_err(),
            sequencer::dump(&golden(version), |_| ControlFlow::Continue(())).unwrap_err(),
        ] {
            assert!(matches!(refused, VerifyError::RulesVersion { found } if found == version), "{refused}");
            assert_eq!(refused.to_string(), said);
        }
        let copy = copy_of(version);
        let refused = sequencer::start(copy.path(), &options()).unwrap_err();
        let StartError::Open(OpenError::Read(ReadError::RulesVersion { found, .. })) = refused else {
            panic!("{refused}")
        };
        assert_eq!(found, version);
        assert_eq!(journal::verify(copy.path()).unwrap().head, summary.head, "and is left as it was");
    }
}

/// A journal of these rules is read by every later program that follows them, and comes to the same.
#[tokio::test]
async fn the_golden_journal_of_these_rules_is_read_and_comes_to_the_same_state() {
    let mut read = Vec::new();
    sequencer::dump(&golden(RULES_VERSION), |stamped| {
        read.push(stamped.clone());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(read, script().batches.concat());
    let verified = sequencer::verify(&golden(RULES_VERSION)).unwrap();
    assert_eq!(verified.digest.to_string(), DIGEST);
    assert_eq!(verified.head.to_string(), HEAD);
    let copy = copy_of(RULES_VERSION);
    // By the machine's own clock the gates of this journal would be due to close.
    let options = sequencer::Options { clock: || types::Timestamp(0), ..options() };
    let exchange = sequencer::start(copy.path(), &options).unwrap();
    assert_eq!(exchange.recovery.sequence, verified.last_sequence);
    let (summary, _) = run_to_the_end(exchange, Vec::new()).await;
    assert_eq!((summary.sequence, summary.digest), (verified.last_sequence, verified.digest));
}

#[test]
fn the_same_commands_give_the_golden_files() {
    let again = tempfile::tempdir().unwrap();
    script().write(again.path());
    for file in std::fs::read_dir(golden(RULES_VERSION)).unwrap() {
        let file = file.unwrap();
        let (old, new) = (std::fs::read(file.path()), std::fs::read(again.path().join(file.file_name())));
        assert!(old.unwrap() == new.unwrap(), "{} differs", file.path().display());
    }
}

#[test]
fn the_audit_of_the_golden_journal_is_every_privileged_act_in_it() {
    let audit = sequencer::audit(&golden(RULES_VERSION)).unwrap();
    assert_eq!((audit.first_sequence, audit.accounts.len(), audit.keys.len()), (1, 4, 7));
    let outcomes: Vec<(Option<u32>, ActOutcome)> =
        audit.acts.iter().map(|act| (act.key.map(|key| key.0), act.outcome)).collect();
    let refused = |key, code, value| (Some(key), ActOutcome::Refused(code, value));
    assert_eq!(outcomes[0], (None, ActOutcome::Done(None)));
    let refusals: Vec<_> =
        outcomes.iter().copied().filter(|(_, outcome)| matches!(outcome, ActOutcome::Refused(..))).collect();
    assert_eq!(
        refusals,
        [
            refused(1, RejectCode::ClassListed, 0),
            refused(1, RejectCode::UnknownKey, 99),
            refused(7, RejectCode::NotAllowed, 1)
        ],
    );
    let rotated = |old, new| (Some(old), ActOutcome::Done(Some(ReportBody::KeyRotated { key: KeyNo(new) })));
    let is_rotation =
        |outcome: &ActOutcome| matches!(outcome, ActOutcome::Done(Some(ReportBody::KeyRotated { .. })));
    let rotations: Vec<_> = outcomes.iter().copied().filter(|(_, outcome)| is_rotation(outcome)).collect();
    assert_eq!(rotations, [rotated(2, 6), rotated(4, 7)]);
    // All of the script's acts are there, and nothing else.
    let is_act = |stamped: &&Stamped| {
        let on_the_desk = stamped.sender.is_some_and(|sender| sender.key == KeyNo(1));
        let command = &stamped.command;
        let is_privileged = matches!(command, Command::Genesis { .. } | Command::RotateKey { .. });
        on_the_desk || is_privileged || matches!(command, Command::SetLimits { .. })
    };
    let expected: Vec<Sequence> =
        script().batches.concat().iter().filter(is_act).map(|stamped| stamped.sequence).collect();
    assert_eq!(audit.acts.iter().map(|act| act.sequence).collect::<Vec<_>>(), expected);
    let lost = audit.acts.iter().find(|act| matches!(act.command, Command::RevokeKey { key: KeyNo(5), .. }));
    let why = "lost laptop".parse().unwrap();
    assert_eq!(lost.unwrap().command, Command::RevokeKey { key: KeyNo(5), why });
}

/// An exchange of rules 3 that its program left behind with a sealed snapshot, of the market in `format-1.bin`.
fn left_by_rules_3() -> SimulatedDisk {
    let disk = SimulatedDisk::new(3);
    let options = journal::Options {
        segment_size: crate::driven::SEGMENT_BYTES,
        prepare_ahead: false,
        ..journal::Options::new(3)
    };
    let opened = Journal::open_on(disk.mount(), &options, |_| Ok::<(), std::io::Error>(()));
    let (mut journal, _) = opened.unwrap();
    // Nobody reads the records of another version.
    journal.append(1, 15, b"fifteen commands as they were laid out then").unwrap();
    let mut snapshots = Snapshots::new(disk.mount());
    let mut writer = snapshots.begin(3, journal.end()).unwrap();
    writer.write(include_bytes!("../../src/codec/snapshot/format-1.bin")).unwrap();
    writer.finish().unwrap();
    disk
}

#[tokio::test]
async fn an_exchange_of_the_rules_before_goes_on_from_its_sealed_snapshot() {
    let disk = left_by_rules_3();
    let steps = sequencer::open_on(disk.mount(), &crate::driven::options()).unwrap();
    let now = 1_795_132_800_000_000_000 + 1_000_000_000;
    let mut driven = Driven { disk: disk.clone(), steps, traffic: Traffic::new(3), now };
    let mut state = Vec::new();
    driven.steps.sequencing.engine().emit_state(&mut state);
    for event in state {
        match event {
            StateEvent::Class(class) => assert_eq!(class.spec, ClassSpec::example()),
            StateEvent::Account(account) => {
                assert_eq!((account.limits, account.killed), (Limits::DEFAULT, false));
            }
            StateEvent::Contract { auction_price, .. } => assert_eq!(auction_price, 0),
            StateEvent::Order(open) => assert_eq!((open.terms.slots, open.terms.same_provider), (1, false)),
            _ => {}
        }
    }
    // What came over can be limited, traded and cancelled.
    let limits = Limits { open_orders: 9, ..Limits::DEFAULT };
    let desk = Command::SetLimits { account: AccountId(2), limits, why: Why::NONE };
    let told = driven.send(Lane::Orders, vec![sent(1, Lane::Orders, desk)]).await;
    assert_eq!(told.output.reports.len(), 1);
    let all = MassCancel { scope: Scope::All, side: None };
    for key in [2, 3] {
        let cancel = sent(key, Lane::Cancels, Command::MassCancel(all));
        driven.send(Lane::Cancels, vec![cancel]).await;
    }
    assert_eq!(driven.steps.sequencing.engine().open_orders(), 0);
    let (last, digest) = (driven.last(), driven.digest());
    let driven = driven.restart(&crate::driven::options()).unwrap();
    assert_eq!((driven.last(), driven.digest()), (last, digest));
    drop(driven);
    let verified = sequencer::verify_on(disk.mount()).unwrap();
    assert_eq!((verified.digest, verified.replayed_after), (digest, 15));
}

fn sent(key: u32, lane: Lane, command: Command) -> Inbound {
    Inbound::sent(Sender { key: KeyNo(key), lane, number: 1_000 }, command)
}

/// Writes the directory of this version, which must not be there yet.
#[test]
#[ignore = "run by hand, once for every version"]
fn write_the_golden_journal() {
    let directory = golden(RULES_VERSION);
    std::fs::create_dir_all(&directory).unwrap();
    let script = script();
    script.write(&directory);
    script.output.reports.iter().for_each(|report| println!("{:?}", report.body));
    for needless in ["lock", "prepared.tmp"] {
        std::fs::remove_file(directory.join(needless)).unwrap();
    }
    let summary = journal::verify(&directory).unwrap();
    println!("digest {}\nhead {}", script.engine.digest(), summary.head);
}
