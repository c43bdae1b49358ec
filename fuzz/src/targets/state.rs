//! Payloads of snapshots: a state that was written and then changed, its counts made right.

use super::{golden, no_words};
use crate::{Attempt, Target, Trace};
use engine::{Engine, RULES_VERSION};
use sequencer::snapshot::{self, Reader, Restored, SnapshotFlaw};
use std::mem::discriminant;
use types::{
    AccountId, Class, ClassNo, ClassSpec, Command, Hour, KeyNo, Lane, Limits, MassCancel, NewOrder, Output,
    PublicKey, Report, Role, Scope, Sender, Side, Stamped, TimeInForce, Timestamp, Why,
};

const HEADER: usize = 80;
/// Where the header says how many records of the state and how many reports there are.
const COUNTS: usize = 64;
/// Where it says the rules: under older ones than ours no digest is compared.
const RULES: usize = 12;
/// The kind of a report.
const REPORT: u8 = 32;
const START: Timestamp = Timestamp(480_000 * types::HOUR_NANOS);

pub(super) const STATE: Target = Target {
    name: "state",
    holds: "a payload is the state of an engine that adds up and goes on, however it is cut into pieces, or is refused",
    seeds,
    words: no_words,
    mend: Some(|bytes| count(bytes)),
    start: || -> Attempt { Box::new(attempt) },
};

/// Markets at some moments, sealed under these rules and older ones; and the records of the page.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (commands, reports) in [(0, 0), (4, 2), (9, 0), (60, 0), (320, 3), (321, 0)] {
        let (engine, told) = market(commands);
        let payload = payload(&engine, &told[told.len() - reports..]);
        let mut older = payload.clone();
        older[RULES..RULES + 4].copy_from_slice(&(RULES_VERSION - 1).to_le_bytes());
        seeds.extend([payload, older]);
    }
    let header = seeds[0][..HEADER].to_vec();
    let records = golden::states().into_iter().filter(|record| record.len() < HEADER);
    seeds.extend(records.map(|record| [&header[..], &record].concat()));
    seeds
}

/// A market after so many commands, the last of which may have left work to do, and every report it sent.
fn market(commands: u64) -> (Engine, Vec<Report>) {
    let (mut engine, mut out) = (Engine::new(), Output::default());
    for sequence in 1..=commands {
        engine.apply(&command(sequence), &mut out);
    }
    (engine, out.reports)
}

/// The command of a sequence: the desk first, then bids, asks, blocks and stops, then a mass cancel and a kill switch.
fn command(sequence: u64) -> Stamped {
    let class = Class { no: ClassNo(0), spec: ClassSpec::example() };
    let contract = class.contract(Hour(START.hour().0 + 3)).expect("a slot every hour");
    let later = class.contract(Hour(START.hour().0 + 9)).expect("a slot every hour");
    let (why, account) = (Why::NONE, AccountId(2));
    let name = "pia".parse().expect("a name in its form");
    let (amount, external) = (1_000_000_000, 1);
    let step = u32::try_from(sequence % 16).expect("below 16");
    let side = if sequence.is_multiple_of(2) { Side::Buy } else { Side::Sell };
    let price = if side == Side::Buy { 200 - i64::from(step) } else { 200 + i64::from(step) };
    let plain = NewOrder::limit(contract, side, 1 + step, price);
    let (key, command) = match sequence {
        1 => (0, Command::Genesis { operator: PublicKey([1; 32]), seed: 7 }),
        2 => (1, Command::DefineClass { spec: Box::new(class.spec), why }),
        3 => (1, Command::OpenAccount { name, role: Role::Provider, why }),
        4 => {
            let (public, rights, expires) = (PublicKey([2; 32]), Role::Provider.rights(), Timestamp::MAX);
            (1, Command::RegisterKey { account, public, rights, expires, why })
        }
        5 => (1, Command::DepositCash { account, currency: class.spec.currency, amount, external, why }),
        6 => (2, Command::DepositCapacity { contract, units: 5_000, external }),
        7 => (2, Command::CancelOnDisconnect { grace: 60 }),
        8 => (1, Command::SetLimits { account, limits: Limits { open_blocks: 40, ..Limits::DEFAULT }, why }),
        10 => (1, Command::Halt { scope: Scope::Contract(later), why }),
        321 => (1, Command::SetKillSwitch { account, on: true, why }),
        319 => (2, Command::MassCancel(MassCancel { scope: Scope::All, side: None })),
        320 => (0, Command::Disconnected { key: KeyNo(2) }),
        _ => {
            let until = TimeInForce::Gtd(Timestamp(START.0 + sequence));
            let terms = match sequence % 9 {
                0 => NewOrder { trigger: Some(if side == Side::Buy { 230 } else { 170 }), ..plain },
                1 => NewOrder { shown: 1 + step / 2, ..plain },
                2 => NewOrder { time_in_force: until, ..plain },
                3 => NewOrder { side: Side::Buy, slots: 3, price: 100, min_units: 1, ..plain },
                _ => plain,
            };
            (2, Command::NewOrder(terms))
        }
    };
    let lane = if matches!(command, Command::MassCancel(_)) { Lane::Cancels } else { Lane::Orders };
    let sender = (key > 0).then_some(Sender { key: KeyNo(key), lane, number: sequence });
    Stamped { sequence, time: START, sender, command }
}

fn payload(engine: &Engine, reports: &[Report]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let append = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), std::convert::Infallible>(())
    };
    let Ok(_) = snapshot::write(engine, reports.iter(), append);
    bytes
}

/// Counts records and reports anew, and says so in the header.
fn count(bytes: &mut [u8]) {
    let (mut counts, mut at) = ([0_u64; 2], HEADER);
    while let Some(&[length, kind]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        counts[usize::from(kind == REPORT)] += 1;
        at += usize::from(length).max(2);
    }
    if let Some(said) = bytes.get_mut(COUNTS..HEADER) {
        said[..8].copy_from_slice(&counts[0].to_le_bytes());
        said[8..].copy_from_slice(&counts[1].to_le_bytes());
    }
}

fn attempt(input: &[u8]) -> Trace {
    let whole = snapshot::read(input);
    let pieces = in_pieces(input);
    match (whole, pieces) {
        (Ok(restored), Ok(same)) => {
            assert_eq!((restored.digest, &restored.reports), (same.digest, &same.reports));
            let reports = restored.reports.len().min(3);
            let pending = restored.engine.has_pending();
            stands(restored);
            Trace::of((reports, pending))
        }
        (Err(flaw), Err(same)) => {
            assert_eq!(flaw, same, "however it is cut");
            assert!(!flaw.to_string().is_empty());
            let inner = match &flaw {
                SnapshotFlaw::Record { source, .. } => Trace::of(discriminant(source)),
                SnapshotFlaw::Restore(source) => Trace::of(discriminant(source)),
                _ => Trace::of(0),
            };
            Trace::of((discriminant(&flaw), inner))
        }
        (whole, pieces) => panic!("read whole {:?}, in pieces {:?}", whole.err(), pieces.err()),
    }
}

/// Reads an input in pieces as long as its bytes say.
fn in_pieces(input: &[u8]) -> Result<Restored, SnapshotFlaw> {
    let (mut reader, mut rest) = (Reader::new(), input);
    while let Some(&length) = rest.first() {
        let (piece, behind) = rest.split_at(rest.len().min(1 + usize::from(length)));
        reader.piece(piece)?;
        rest = behind;
    }
    reader.finish()
}

/// What was restored comes back the same once more, and goes on: all its work is done, and everything adds up.
fn stands(restored: Restored) {
    let Restored { mut engine, reports, digest, .. } = restored;
    assert_eq!(engine.digest(), digest);
    let again = snapshot::read(&payload(&engine, &reports)).expect("what was restored can be saved");
    assert_eq!((again.digest, again.reports), (digest, reports));
    let mut out = Output::default();
    for after in 1..40 {
        let (sequence, now) = (engine.last_sequence() + 1, engine.last_time());
        let time = Timestamp(now.0.saturating_add(after * after * types::MINUTE_NANOS));
        let command = if engine.has_pending() { Command::Continue } else { Command::Clock };
        engine.apply(&Stamped { sequence, time, sender: None, command }, &mut out);
        out.clear();
    }
    engine.audit().expect("everything adds up");
}
