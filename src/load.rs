//! `cuex load`: load through the real gateway of a running exchange, and what it did to latency.

use crate::connect::Target;
use crate::fail::{Done, Failure};
use crate::show;
use clap::Args;
use simulator::load::{LoadError, LoadPlan, run_load};
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cuex load --key cuex-data/operator.key --rate 20000 --for 30s\n\n\
    It lists a class and opens accounts of its own, so it needs the operator's key. Latency counts from the \
    moment a command should have been sent, not from when it was.")]
pub(crate) struct LoadArguments {
    #[command(flatten)]
    target: Target,
    /// Commands a second over all sessions.
    #[arg(long, default_value_t = 10_000)]
    rate: u32,
    /// How long.
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = crate::typed::duration)]
    run_for: Duration,
    /// Sessions, each with an account and a key of its own.
    #[arg(long, default_value_t = 8)]
    sessions: u32,
    /// Contracts the orders are spread over.
    #[arg(long, default_value_t = 16)]
    contracts: u32,
    /// What the orders are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) async fn run(arguments: LoadArguments, as_json: bool) -> Done {
    let LoadArguments { target, rate, run_for, sessions, contracts, seed } = arguments;
    let (info, operator) = target.read()?;
    let plan = LoadPlan { rate, sessions, run_for, contracts, seed };
    let report = run_load(&info, &operator, plan).await.map_err(load_failure)?;
    if as_json {
        show::json(&serde_json::to_value(report).expect("a report is plain data"));
    } else {
        show::line(&report.to_string());
    }
    Ok(())
}

fn load_failure(error: LoadError) -> Failure {
    match &error {
        LoadError::Plan { .. } => Failure::usage("bad-plan", error),
        _ => Failure::refused("load-failed", error),
    }
}
