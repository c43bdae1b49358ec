//! Random streams of commands against the reference. A failing stream is made as short as it gets and printed
//! with its seed; `CUEX_SEED=n` runs that seed first, `CUEX_LONG=1` runs twenty times as many.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use types::{Command, KeyNo, Lane, Output, Phase, RejectCode, ReportBody, Sender, Stamped};

use super::checked::Checked;
use super::generator::{Generator, Kind};

/// How often everything is added up.
const SUMS_EVERY: u64 = 50;

#[test]
fn busy_streams_agree_with_the_reference() {
    let met = run_streams(Kind::Busy, 350, 600);
    assert_met(&met, &["CashCredited", "CapacityDeposited", "Settled", "KeyRevoked", "AccountOpened"]);
    assert_met(&met, &["Accepted", "Filled", "Replaced", "Owner", "Ioc", "Fok", "SelfTrade", "Gate"]);
    let phases = [Phase::Closed, Phase::InDelivery, Phase::Settled].map(|phase| format!("{phase:?}"));
    assert_met(&met, &phases);
    let codes = RejectCode::ALL.into_iter().filter(|code| !ELSEWHERE.contains(code));
    assert_met(&met, &codes.map(|code| format!("{code:?}")).collect::<Vec<_>>());
}

#[test]
fn crowded_streams_agree_with_the_reference() {
    let met = run_streams(Kind::Crowded, 20, 1_100);
    assert_met(&met, &["more work than one command does", "Gate", "Settled"]);
}

/// Refusals of the gateway, and one that has named tests of its own.
const ELSEWHERE: [RejectCode; 6] = [
    RejectCode::UnknownChoice,
    RejectCode::NotTaken,
    RejectCode::OutcomeTooOld,
    RejectCode::Throttled,
    RejectCode::Stopping,
    RejectCode::TooLarge,
];

/// Runs so many streams of so many commands each and gives back the names of everything that came up.
fn run_streams(kind: Kind, streams: u64, commands: u64) -> BTreeSet<String> {
    let first = setting("CUEX_SEED").unwrap_or(1);
    let times = if setting("CUEX_LONG").is_some_and(|long| long > 0) { 20 } else { 1 };
    let mut met = BTreeSet::new();
    for seed in first..first + streams * times {
        let mut checked = Checked::default();
        let mut generator = Generator::new(seed, kind);
        let mut steps = Vec::new();
        for sequence in 1..=commands {
            let step = generator.next(&checked.reference, sequence);
            steps.push(step);
            match guarded(|| apply_checked(&mut checked, &step)) {
                Ok(out) => name_all(&out, &mut met),
                Err(why) => fail(seed, kind, &steps, &why),
            }
            if checked.engine.has_pending() && step.command == Command::Clock {
                met.insert("more work than one command does".to_owned());
            }
        }
    }
    met
}

/// Applies a command and checks everything there is to check after it.
fn apply_checked(checked: &mut Checked, step: &Stamped) -> Result<Output, String> {
    let out = checked.apply(step)?;
    checked.check_state()?;
    if step.sequence.is_multiple_of(SUMS_EVERY) || checked.engine.has_pending() {
        checked.check_sums()?;
    }
    Ok(out)
}

fn fail(seed: u64, kind: Kind, steps: &[Stamped], why: &str) -> ! {
    eprintln!("seed {seed} ({kind:?}): command {} went wrong; shortening...", steps.len());
    let (steps, why) = shorten(steps.to_vec(), why);
    let lines = steps.iter().filter(|step| !is_blank(step)).map(|step| format!("  {step:?}\n"));
    panic!(
        "{why}\nThese commands alone bring it about (numbers left out are commands of an unknown key, which \
         do nothing; an order's slot is an offset to the hint that was told):\n{}\
         CUEX_SEED={seed} runs the whole stream ({kind:?}) again.",
        lines.collect::<String>()
    )
}

/// Blanks as many commands as it can while something still goes wrong.
fn shorten(mut steps: Vec<Stamped>, why: &str) -> (Vec<Stamped>, String) {
    let mut why = why.to_owned();
    let mut length = steps.len() / 2;
    while length > 0 {
        for start in (0..steps.len()).step_by(length) {
            let mut fewer = steps.clone();
            fewer.iter_mut().skip(start).take(length).for_each(blank);
            if fewer != steps
                && let Err((at, other)) = replay(&fewer)
            {
                fewer.truncate(at + 1);
                (steps, why) = (fewer, other);
            }
        }
        length /= 2;
    }
    (steps, why)
}

/// Runs commands from nothing; says where and why it went wrong.
fn replay(steps: &[Stamped]) -> Result<(), (usize, String)> {
    let mut checked = Checked::default();
    for (at, step) in steps.iter().enumerate() {
        guarded(|| apply_checked(&mut checked, step)).map_err(|why| (at, why))?;
    }
    Ok(())
}

/// A panic is a failure like any other.
fn guarded<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("it panicked, as printed above".to_owned()))
}

const NOBODY: KeyNo = KeyNo(u32::MAX);

/// Makes a command one of an unknown key: nothing comes of it, and all others keep their numbers.
fn blank(step: &mut Stamped) {
    step.sender = Some(Sender { key: NOBODY, lane: Lane::Orders, number: 1 });
    step.command = Command::Continue;
}

fn is_blank(step: &Stamped) -> bool {
    step.sender.is_some_and(|sender| sender.key == NOBODY)
}

fn name_all(out: &Output, met: &mut BTreeSet<String>) {
    for report in &out.reports {
        let name = match report.body {
            ReportBody::Rejected { code, .. } => format!("{code:?}"),
            ReportBody::Cancelled { reason, .. } => format!("{reason:?}"),
            body => format!("{body:?}").split([' ', '{']).next().unwrap().to_owned(),
        };
        met.insert(name);
    }
    for event in &out.events {
        if let types::MarketBody::Phase(phase) = event.body {
            met.insert(format!("{phase:?}"));
        }
    }
}

fn assert_met(met: &BTreeSet<String>, names: &[impl AsRef<str>]) {
    let missing: Vec<_> = names.iter().map(AsRef::as_ref).filter(|name| !met.contains(*name)).collect();
    assert!(missing.is_empty(), "no stream came upon {missing:?}, only upon {met:?}");
}

#[allow(clippy::disallowed_methods, reason = "which streams a test runs is no business of the engine")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
