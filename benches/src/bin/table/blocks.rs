//! What blocks at rest cost the single orders in their slots.

use crate::Effort;
use crate::line::head;
use benches::blocks::{BlockMarket, Waiting};
use benches::clock::{each, nanos_each, nanos_of};
use engine::{BLOCK_EVALUATIONS_PER_COMMAND, Engine};
use types::{Command, Output, Stamped};

/// How many commands a batch has, as for the exchange without blocks.
const BATCH: usize = 256;

pub(crate) fn print(effort: Effort) {
    let (blocks, commands) = (10_000 / effort.scale, 400_000 / effort.scale);
    let about = format!(
        "One class of hourly slots two weeks ahead, {commands} commands on singles: of ten five rest, four cancel and \
         one trades. ns per command, and in brackets times that without blocks. A command considers \
         {BLOCK_EVALUATIONS_PER_COMMAND} blocks at most. Hopeless are blocks whose guard always holds and that never \
         have enough units: every offer in one of their slots has them considered."
    );
    let columns =
        ["what waits", "before", "after", "a command", "considered by each", "by one at most", "a continue"];
    head("Blocks at rest", &about, &columns);
    let mut without = None;
    for (name, waiting) in [
        ("nothing", Waiting::Nothing),
        ("blocks of 2 to 24 slots", Waiting::Blocks),
        ("the same, all near the market", Waiting::Near),
        ("hopeless blocks", Waiting::Hopeless),
    ] {
        // Hopeless ones take much longer, and so fewer commands say enough.
        let commands = if waiting == Waiting::Hopeless { commands / 20 } else { commands };
        let market = BlockMarket::new(waiting, blocks, commands);
        let stamped = market.stamped();
        let mut best = f64::INFINITY;
        for _ in 0..effort.rounds {
            best = best.min(time(market.engine.clone(), &stamped));
        }
        let without = *without.get_or_insert(best);
        let counted = Counted::new(market.engine.clone(), &stamped);
        println!(
            "| {name} | {} | {} | {best:.0} ({:.1}×) | {:.2} | {} | {} |",
            market.engine.resting_blocks(),
            counted.rest,
            best / without,
            counted.each,
            counted.most,
            counted.go_on
        );
    }
}

fn time(mut engine: Engine, stamped: &[Stamped]) -> f64 {
    let mut out = Output::default();
    nanos_each(stamped.len(), || {
        for batch in stamped.chunks(BATCH) {
            engine.apply_all(batch, &mut out);
            out.clear();
        }
    })
}

/// What the rules count, over the same commands.
struct Counted {
    /// Blocks at rest in the end.
    rest: usize,
    /// How many a command considered on average.
    each: f64,
    /// The most that one command considered.
    most: u64,
    /// How long a continue command takes that goes on with what is left over.
    go_on: String,
}

impl Counted {
    fn new(mut engine: Engine, stamped: &[Stamped]) -> Counted {
        let (mut out, mut most, mut before) = (Output::default(), 0, engine.blocks_considered());
        let first = before;
        for command in stamped {
            out.clear();
            engine.apply(command, &mut out);
            let now = engine.blocks_considered();
            (most, before) = (most.max(now - before), now);
        }
        let rest = engine.resting_blocks();
        let considered = i64::try_from(before - first).unwrap_or(i64::MAX);
        let all = each(considered, stamped.len());
        let (mut nanos, mut times) = (0, 0);
        while engine.has_pending() && times < 200 {
            let (sequence, time) = (engine.last_sequence() + 1, engine.last_time());
            let go_on = Stamped { sequence, time, sender: None, command: Command::Continue };
            out.clear();
            nanos += nanos_of(|| engine.apply(&go_on, &mut out));
            times += 1;
        }
        let go_on = if times == 0 { "none left".to_owned() } else { format!("{:.0}", each(nanos, times)) };
        Counted { rest, each: all, most, go_on }
    }
}
