//! Random streams of commands against the reference. A failing stream is made as short as it gets and printed
//! with its seed; `CUEX_SEED=n` runs that seed first, `CUEX_LONG=1` runs twenty times as many.

use std::panic::{AssertUnwindSafe, catch_unwind};

use types::{CancelReason, Command, KeyNo, Lane, Phase, RejectCode, Sender, Side, Stamped};

use super::checked::Checked;
use super::generator::{Generator, Kind};
use super::met::{Met, Thing};
use super::reference::Work;

/// How often everything is added up.
const SUMS_EVERY: u64 = 50;

/// Commands in a stream that is not crowded.
const COMMANDS: u64 = 300;
/// Commands in a crowded one.
const CROWDED_COMMANDS: u64 = 1_300;

#[test]
fn busy_streams_agree_with_the_reference() {
    let met = run_streams(Kind::Busy, 3_000, COMMANDS);
    met.assert_all(&[Thing::Accepted, Thing::Filled, Thing::Triggered, Thing::Refilled, Thing::Decremented]);
    met.assert_all(&[true, false].map(|kept_priority| Thing::Replaced { kept_priority }));
    met.assert_all(&[Thing::MassCancelDone, Thing::Deposited, Thing::Settled, Thing::Desk]);
    met.assert_all(&[Phase::Closed, Phase::InDelivery, Phase::Settled].map(Thing::Phase));
    let reasons = CancelReason::ALL.into_iter().filter(|&reason| reason != CancelReason::Killed);
    met.assert_all(&reasons.map(Thing::Ended).collect::<Vec<_>>());
    let is_here = |code: &RejectCode| ![&ELSEWHERE[..], &AUCTIONS, &HALTS, &BLOCKS].concat().contains(code);
    let codes = RejectCode::ALL.into_iter().filter(is_here);
    met.assert_all(&codes.map(Thing::Refused).collect::<Vec<_>>());
}

#[test]
fn streams_of_stops_agree_with_the_reference() {
    let met = run_streams(Kind::Stops, 2_000, COMMANDS);
    met.assert_all(&[Thing::Triggered, Thing::Cascade, Thing::Ended(CancelReason::PostOnly)]);
}

#[test]
fn streams_that_meet_themselves_agree_with_the_reference() {
    let met = run_streams(Kind::Own, 2_000, COMMANDS);
    met.assert_all(&[Thing::Decremented, Thing::Refilled, Thing::Ended(CancelReason::SelfTrade)]);
}

#[test]
fn dated_streams_agree_with_the_reference() {
    let met = run_streams(Kind::Dated, 2_000, COMMANDS);
    met.assert_all(&[Thing::Ended(CancelReason::Expired), Thing::Refused(RejectCode::ExpiryPassed)]);
}

#[test]
fn streams_of_blocks_agree_with_the_reference() {
    let met = run_streams(Kind::Blocks, 120, COMMANDS);
    met.assert_all(&[Thing::Refilled, Thing::MassCancelDone, Thing::Settled]);
    met.assert_all(&[true, false].map(|kept_priority| Thing::Replaced { kept_priority }));
    met.assert_all(
        &CancelReason::ALL.map(Thing::BlockEnded).into_iter().filter(of_blocks).collect::<Vec<_>>(),
    );
    for side in [Side::Buy, Side::Sell] {
        met.assert_often(Thing::BlockRests(side), 1_000);
        met.assert_often(Thing::BlockMetSingles { side, rested: false }, 50);
        met.assert_often(Thing::BlockMetSingles { side, rested: true }, 50);
        met.assert_often(Thing::BlockMetBlocks { side }, 50);
    }
    let codes = [
        RejectCode::SlotsOutOfRange,
        RejectCode::BlockAcrossGate,
        RejectCode::BlockBeyondHorizon,
        RejectCode::BlockInThePast,
    ];
    met.assert_all(&codes.map(Thing::Refused));
}

#[test]
fn streams_of_blocks_that_wait_agree_with_the_reference() {
    let met = run_streams(Kind::Waiting, 80, COMMANDS);
    met.assert_all(&[Thing::LeftOver(Work::Blocks), Thing::GoneOnWith(Work::Blocks)]);
    met.assert_often(Thing::AllConsidered, 50);
}

/// Why a block can end.
fn of_blocks(thing: &Thing) -> bool {
    use CancelReason::{Killed, Market, PostOnly};
    !matches!(thing, Thing::BlockEnded(Market | PostOnly | Killed))
}

#[test]
fn streams_with_crowded_gates_agree_with_the_reference() {
    let met = run_streams(Kind::Gates, 30, CROWDED_COMMANDS);
    met.assert_all(&[Thing::LeftOver(Work::Phases), Thing::GoneOnWith(Work::Phases)]);
    met.assert_all(&[Thing::Ended(CancelReason::Gate), Thing::Settled]);
}

#[test]
fn streams_that_wake_many_stops_agree_with_the_reference() {
    let met = run_streams(Kind::Waking, 60, CROWDED_COMMANDS);
    met.assert_all(&[Thing::LeftOver(Work::Stops), Thing::GoneOnWith(Work::Stops), Thing::Cascade]);
}

#[test]
fn streams_with_large_mass_cancels_agree_with_the_reference() {
    let met = run_streams(Kind::Sweeping, 40, CROWDED_COMMANDS);
    met.assert_all(&[Thing::LeftOver(Work::MassCancels), Thing::GoneOnWith(Work::MassCancels)]);
    met.assert_all(&[Thing::Ended(CancelReason::Mass), Thing::MassCancelDone]);
    met.assert_all(&[Thing::Ended(CancelReason::Disconnected)]);
}

#[test]
fn streams_where_many_orders_expire_agree_with_the_reference() {
    let met = run_streams(Kind::Lapsing, 30, CROWDED_COMMANDS);
    met.assert_all(&[Thing::LeftOver(Work::Moments), Thing::GoneOnWith(Work::Moments)]);
}

#[test]
fn streams_of_auctions_agree_with_the_reference() {
    let met = run_streams(Kind::Auctions, 2_000, COMMANDS);
    met.assert_all(&[Phase::PreOpen, Phase::Auction, Phase::Continuous].map(Thing::Phase));
    met.assert_all(&[Thing::Auctioned, Thing::Indicated(true), Thing::Indicated(false), Thing::Triggered]);
    met.assert_all(&AUCTIONS.map(Thing::Refused));
}

#[test]
fn streams_with_halts_agree_with_the_reference() {
    let met = run_streams(Kind::Halts, 2_000, COMMANDS);
    met.assert_all(&[Thing::Supervised, Thing::Phase(Phase::Halted), Thing::Ended(CancelReason::Killed)]);
    met.assert_all(&HALTS.map(Thing::Refused));
}

#[test]
fn streams_of_large_auctions_agree_with_the_reference() {
    let met = run_streams(Kind::Uncrossing, 30, CROWDED_COMMANDS);
    met.assert_all(&[Thing::LeftOver(Work::Auctions), Thing::GoneOnWith(Work::Auctions)]);
    met.assert_all(&[Thing::Refused(RejectCode::Uncrossing), Thing::Ended(CancelReason::Market)]);
}

/// Refusals of contracts that open by auctions and have bands.
const AUCTIONS: [RejectCode; 2] = [RejectCode::WrongPhase, RejectCode::OutsideBand];

/// Refusals of supervision.
const HALTS: [RejectCode; 6] = [
    RejectCode::Halted,
    RejectCode::AccountKilled,
    RejectCode::LimitOutOfRange,
    RejectCode::TooManyOrders,
    RejectCode::OrderTooLarge,
    RejectCode::ValueTooLarge,
];

/// Refusals of blocks, and of an auction too large for these streams.
const BLOCKS: [RejectCode; 6] = [
    RejectCode::Uncrossing,
    RejectCode::SlotsOutOfRange,
    RejectCode::BlockAcrossGate,
    RejectCode::BlockBeyondHorizon,
    RejectCode::BlockInThePast,
    RejectCode::TooManyBlocks,
];

/// Refusals of the gateway.
const ELSEWHERE: [RejectCode; 6] = [
    RejectCode::UnknownChoice,
    RejectCode::NotTaken,
    RejectCode::OutcomeTooOld,
    RejectCode::Throttled,
    RejectCode::Stopping,
    RejectCode::NoRoom,
];

/// Runs so many streams of so many commands each and gives back what came up.
fn run_streams(kind: Kind, streams: u64, commands: u64) -> Met {
    let first = setting("CUEX_SEED").unwrap_or(1);
    let times = if setting("CUEX_LONG").is_some_and(|long| long > 0) { 20 } else { 1 };
    let mut met = Met::default();
    for seed in first..first + streams * times {
        let mut checked = Checked::default();
        let mut generator = Generator::new(seed, kind);
        let mut steps = Vec::new();
        met.begin();
        for sequence in 1..=commands {
            let step = generator.next(&checked.reference, sequence);
            steps.push(step.clone());
            match guarded(|| apply_checked(&mut checked, &step)) {
                Ok(()) => met.count(&step, &checked.out, &checked.reference),
                Err(why) => fail(seed, kind, &steps, &why),
            }
        }
    }
    met
}

/// Applies a command and checks everything there is to check after it.
fn apply_checked(checked: &mut Checked, step: &Stamped) -> Result<(), String> {
    checked.apply(step)?;
    checked.check_state()?;
    if step.sequence.is_multiple_of(SUMS_EVERY) || checked.engine.has_pending() {
        checked.check_sums()?;
    }
    Ok(())
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
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
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

#[allow(clippy::disallowed_methods, reason = "which streams a test runs is no business of the engine")]
pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
