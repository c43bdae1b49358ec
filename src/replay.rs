//! `cuex replay`: recorded order flow against one book, maker by maker.

use crate::fail::{Done, Failure};
use crate::show;
use clap::Args;
use serde_json::json;
use simulator::replay::{ReplayError, ReplayReport, read_events, read_exceptions, read_seed, replay};
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cuex replay --seed-orders seed.csv --events events.csv \
    --exceptions known_fifo_exceptions.csv\n\nThe files are described in docs/replay.md.")]
pub(crate) struct ReplayArguments {
    /// Orders that rest before the first event: order_id,side,price,size.
    #[arg(long, value_name = "FILE")]
    seed_orders: PathBuf,
    /// What was recorded, in order: src_row,kind,order_id,side,price,size.
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// Executions known to break price-time order at the source, by src_row: not sent, only booked.
    #[arg(long, value_name = "FILE")]
    exceptions: Option<PathBuf>,
}

pub(crate) fn run(arguments: &ReplayArguments, as_json: bool) -> Done {
    let seed = read_seed(&arguments.seed_orders).map_err(failure)?;
    let events = read_events(&arguments.events).map_err(failure)?;
    let exceptions = arguments
        .exceptions
        .as_deref()
        .map(read_exceptions)
        .transpose()
        .map_err(failure)?
        .unwrap_or_default();
    let start = Instant::now();
    let report = replay(&seed, &events, &exceptions);
    if as_json {
        show::json(&json!(report));
    } else {
        print(&report, start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn print(report: &ReplayReport, seconds: f64) {
    let [executions, matched, exceptions, events] =
        [report.executions, report.matched, report.exceptions, report.events].map(show::count);
    show::line(&format!("{events} events on {} seeded orders in {seconds:.3} s", report.seeded));
    show::line(&format!("executions     {executions}"));
    show::line(&format!("matched        {matched}: the only fill was the recorded order"));
    show::line(&format!("exceptions     {exceptions}: listed, not sent"));
    show::line(&format!("crossed adds   {}", report.crossed_adds));
    for mismatch in &report.mismatches {
        let first = mismatch.first.map_or("no order".to_owned(), |order| format!("order {order}"));
        show::line(&format!(
            "row {}: the record filled order {}, first in price and time is {first}",
            mismatch.src_row, mismatch.recorded
        ));
    }
    if report.skipped > 0 {
        let rows: Vec<String> = report.skipped_rows.iter().map(u64::to_string).collect();
        show::line(&format!(
            "skipped        {} rows naming an order that does not rest, or rests already: {}",
            report.skipped,
            rows.join(", ")
        ));
    }
    show::line(if report.is_exact() { "every execution filled the recorded order" } else { "not exact" });
}

fn failure(error: ReplayError) -> Failure {
    let code = match error {
        ReplayError::Open { .. } => "no-file",
        ReplayError::Line { .. } => "bad-file",
    };
    Failure::usage(code, error)
}
