//! `cuex load`: load through the real gateway of a running exchange, and what it did to latency.

mod calibrate;
mod spans;

use crate::connect::{AddressFile, Target};
use crate::fail::{Done, Failure};
use crate::load::calibrate::{Floors, calibrate};
use crate::show;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use client::Depth;
use serde_json::Value;
use simulator::load::{
    Curve, LoadError, LoadOutcome, LoadPlan, LoadProgress, LoadTarget, Mix, Overload, OverloadReport,
    OverloadTold, Pace, Page, SearchReport, Shape, Step, Trial, Watch, overload, run_load, search,
};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cuex load --key cuex-data/operator.key --rate 20000 --for 30s\n  \
    cuex load --key cuex-data/operator.key --in-flight 8192 --sessions 16 --watch one --calibrate\n  \
    cuex load --key cuex-data/operator.key --rate 5000 --search 10ms --html search.html\n  \
    cuex load --key cuex-data/operator.key --overload 15s --sessions 32 --watch one\n\n\
    It lists classes and opens accounts of its own, so it needs the operator's key. Latency counts from the \
    moment a command should have been sent, not from when it was. docs/load.md says how to read it.")]
pub(crate) struct LoadArguments {
    #[command(flatten)]
    target: Target,
    /// Commands a second over all sessions.
    #[arg(long, default_value_t = 10_000)]
    rate: u32,
    /// How long is measured; the whole of all steps.
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = spans::span)]
    run_for: Duration,
    /// How long the same goes on before that.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = spans::span_or_none)]
    warm_up: Duration,
    /// How commands follow each other: steady, poisson, or bursts:N for N of one session at once.
    #[arg(long, value_name = "SHAPE", default_value = "steady", value_parser = spans::shape)]
    arrivals: Shape,
    /// Rates one after the other instead of --rate, such as 10000,20000 or 10000:20s,40000:60s; those without a time
    /// share --for.
    #[arg(long, value_name = "RATES", value_delimiter = ',', value_parser = spans::step, conflicts_with = "rate")]
    steps: Vec<(u32, Option<Duration>)>,
    /// A closed loop instead: so many commands under way over all sessions, each outcome followed by the next command.
    #[arg(long, value_name = "N", conflicts_with_all = ["rate", "steps", "arrivals", "search"])]
    in_flight: Option<u32>,
    /// What is sent.
    #[arg(long, default_value = "market", value_parser = mix_parser())]
    mix: Mix,
    /// Sessions, each with an account and a key of its own.
    #[arg(long, default_value_t = 8)]
    sessions: u32,
    /// Contracts the orders are spread over; as many as the mix usually has if not said.
    #[arg(long)]
    contracts: Option<u32>,
    /// Threads that the sessions are shared out to.
    #[arg(long, default_value_t = 1)]
    threads: u32,
    /// Which of the contracts' feeds are followed and proven; at a high rate that costs as much as the load itself.
    #[arg(long, value_enum, default_value_t = Watched::All)]
    watch: Watched,
    /// Subscribers of the feed besides, each with a connection of its own and one of the contracts to follow.
    #[arg(long, value_name = "N", default_value_t = 0)]
    subscribers: u32,
    /// What they are sent.
    #[arg(long, value_enum, default_value_t = Subscribed::Top)]
    subscribed: Subscribed,
    /// What everything random is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Look for the highest rate whose p99 is within this time, such as 5ms; --rate is where to begin.
    #[arg(long, value_name = "TIME", value_parser = spans::span, conflicts_with = "steps")]
    search: Option<Duration>,
    /// Twice the most the exchange can do, for so long: measures that most for --for, then sends half of it for --for, twice
    /// of it, and half again for --for, and says what of the targets for an overload is met.
    #[arg(long, value_name = "TIME", value_parser = spans::span,
        conflicts_with_all = ["rate", "steps", "in_flight", "search", "calibrate"])]
    overload: Option<Duration>,
    /// Measure first what this machine can do at best, and say each result as a ratio to that.
    #[arg(long)]
    calibrate: bool,
    /// Where --calibrate may write, on the disk the exchange has its journal on; where its data directory lies if not
    /// said.
    #[arg(long, value_name = "DIR", requires = "calibrate")]
    scratch: Option<PathBuf>,
    /// Write the latencies' distributions to this directory, as .hgrm files.
    #[arg(long, value_name = "DIR")]
    hgrm: Option<PathBuf>,
    /// Write the run as a page with charts.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What a load came to, and what was measured beside it.
struct Found {
    outcome: LoadOutcome,
    search: Option<SearchReport>,
    overload: Option<OverloadReport>,
    floors: Option<Floors>,
}

impl Found {
    fn of(outcome: LoadOutcome) -> Found {
        Found { outcome, search: None, overload: None, floors: None }
    }
}

/// Which contracts' feeds are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Watched {
    All,
    One,
    None,
}

/// What subscribers are sent: every order, the best prices, or the trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subscribed {
    Top,
    Book,
    Trades,
}

pub(crate) async fn run(arguments: LoadArguments, as_json: bool) -> Done {
    let plan = plan(&arguments);
    plan.check().map_err(|error| Failure::usage("bad-plan", error))?;
    let (info, operator) = arguments.target.read()?;
    let metrics = Some(AddressFile::read_whole(arguments.target.file())?.metrics);
    let target = LoadTarget { info, metrics, operator };
    let mut screen = Screen::new(as_json);
    let floors = if arguments.calibrate {
        let scratch = scratch(arguments.scratch.as_deref(), arguments.target.file());
        Some(calibrate(&target, &plan, &scratch, &mut |line| screen.say(line)).await?)
    } else {
        None
    };
    let found = make(&arguments, &target, &plan, &mut screen).await.map_err(load_failure)?;
    let found = Found { floors, ..found };
    screen.end();
    tell(&found, as_json);
    write_files(&arguments, &found)?;
    let faults = found.outcome.report.faults();
    if faults.is_empty() { Ok(()) } else { Err(Failure::refused("load-not-clean", faults.join(", "))) }
}

/// Makes the load that was asked for.
async fn make(
    arguments: &LoadArguments,
    target: &LoadTarget,
    plan: &LoadPlan,
    screen: &mut Screen,
) -> Result<Found, LoadError> {
    if let Some(limit) = arguments.search {
        let mut trial = |trial: &Trial| screen.say(&trial_line(trial));
        let (report, outcome) = search(target, plan, limit, &mut trial, &mut |_| {}).await?;
        return Ok(Found { search: Some(report), ..Found::of(outcome) });
    }
    if let Some(lasts) = arguments.overload {
        let overloaded = Overload { shape: arguments.arrivals, normal: arguments.run_for, lasts };
        let (report, outcome) = overload(target, plan, &overloaded, &mut |told| screen.follow(&told)).await?;
        return Ok(Found { overload: Some(report), ..Found::of(outcome) });
    }
    Ok(Found::of(run_load(target, plan, &mut |progress| screen.draw(&progress)).await?))
}

fn plan(arguments: &LoadArguments) -> LoadPlan {
    let run_for = arguments.run_for;
    let pace = match arguments.in_flight {
        Some(in_flight) => Pace::Closed { in_flight, run_for },
        None => Pace::Open { shape: arguments.arrivals, steps: steps(arguments) },
    };
    LoadPlan {
        pace,
        warm_up: arguments.warm_up,
        mix: arguments.mix,
        sessions: arguments.sessions,
        contracts: arguments.contracts.unwrap_or(arguments.mix.contracts()),
        threads: arguments.threads,
        watch: match arguments.watch {
            Watched::All => Watch::All,
            Watched::One => Watch::One,
            Watched::None => Watch::None,
        },
        subscribers: arguments.subscribers,
        subscribed: match arguments.subscribed {
            Subscribed::Top => Depth::Top,
            Subscribed::Book => Depth::Book,
            Subscribed::Trades => Depth::Trades,
        },
        seed: arguments.seed,
    }
}

/// The steps that were asked for; one, if none were.
fn steps(arguments: &LoadArguments) -> Vec<Step> {
    if arguments.steps.is_empty() {
        return vec![Step { rate: arguments.rate, lasts: arguments.run_for }];
    }
    let named = arguments.steps.iter().filter_map(|(_, lasts)| *lasts).sum();
    let unnamed = arguments.steps.iter().filter(|(_, lasts)| lasts.is_none()).count();
    let share = arguments.run_for.saturating_sub(named) / u32::try_from(unnamed).unwrap_or(1).max(1);
    let step = |&(rate, lasts): &(u32, Option<Duration>)| Step { rate, lasts: lasts.unwrap_or(share) };
    arguments.steps.iter().map(step).collect()
}

fn mix_parser() -> impl TypedValueParser<Value = Mix> {
    let names = PossibleValuesParser::new(Mix::ALL.map(|(name, _)| name));
    names.map(|name| {
        let found = Mix::ALL.into_iter().find(|(known, _)| *known == name);
        found.expect("only these are possible").1
    })
}

/// Where the floor of the disk is measured: beside the exchange's data directory, if nothing else is said.
fn scratch(wanted: Option<&Path>, address_file: &Path) -> PathBuf {
    if let Some(wanted) = wanted {
        return wanted.to_owned();
    }
    let absolute = std::path::absolute(address_file).unwrap_or_else(|_| address_file.to_owned());
    absolute.ancestors().nth(2).map_or_else(|| PathBuf::from("."), Path::to_owned)
}

fn tell(found: &Found, as_json: bool) {
    let report = &found.outcome.report;
    if as_json {
        return show::json(&found.json());
    }
    show::line(&report.to_string());
    if let Some(floors) = &found.floors {
        let heading = ["floor of this machine", "figure", "this run to it"].map(str::to_owned);
        table(&[2], [heading].into_iter().chain(floors.rows(report)));
    }
    if let Some(overload) = &found.overload {
        table(&[], overload.rows());
    }
    if let Some(search) = &found.search {
        let limit = show::count(search.limit_us);
        show::line(&match search.highest_per_s {
            Some(highest) => {
                format!("\nhighest rate     {}/s with a p99 within {limit} µs", show::count(highest.into()))
            }
            None => format!("\nno rate has a p99 within {limit} µs"),
        });
    }
}

/// A table of its own; columns named in `right` are aligned to the right.
fn table<const COLUMNS: usize>(right: &[usize], rows: impl IntoIterator<Item = [String; COLUMNS]>) {
    show::line("");
    show::table(right, &rows.into_iter().map(|row| row.to_vec()).collect::<Vec<_>>());
}

impl Found {
    /// For machines.
    fn json(&self) -> Value {
        let report = &self.outcome.report;
        let mut value = json(report);
        if let Some(search) = &self.search {
            value["search"] = json(search);
        }
        if let Some(overload) = &self.overload {
            value["overload"] = json(overload);
        }
        if let Some(floors) = &self.floors {
            value["floors"] = floors.json();
            value["ratios"] = floors.ratios(report).json();
        }
        value
    }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("a report is plain data")
}

fn write_files(arguments: &LoadArguments, found: &Found) -> Done {
    let Found { outcome, search, overload, floors } = found;
    if let Some(directory) = &arguments.hgrm {
        std::fs::create_dir_all(directory).map_err(|error| file_failure(directory, &error))?;
        write(&directory.join("all.hgrm"), &outcome.all.to_hgrm())?;
        for (kind, latencies) in outcome.kinds.iter().filter(|(_, latencies)| latencies.summary().count > 0) {
            write(&directory.join(format!("{}.hgrm", kind.name())), &latencies.to_hgrm())?;
        }
    }
    if let Some(file) = &arguments.html {
        let (search, overload) = (search.as_ref(), overload.as_ref());
        let curves = floors
            .iter()
            .map(|floors| Curve { name: "echo pipeline", latencies: &floors.echo.all })
            .collect();
        let floors = floors.as_ref().map_or_else(Vec::new, |floors| floors.rows(&outcome.report));
        write(file, &Page { outcome, search, overload, floors, curves }.html())?;
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Done {
    std::fs::write(file, text).map_err(|error| file_failure(file, &error))
}

fn file_failure(file: &Path, error: &std::io::Error) -> Failure {
    Failure::usage("report-file", format!("{} cannot be written: {error}", file.display()))
}

fn load_failure(error: LoadError) -> Failure {
    match &error {
        LoadError::Plan(_) => Failure::usage("bad-plan", error),
        _ => Failure::refused("load-failed", error),
    }
}

fn trial_line(trial: &Trial) -> String {
    let [rate, p50, p99] = [trial.rate.into(), trial.p50, trial.p99].map(show::count);
    let verdict = if trial.held { "held" } else { "not held" };
    format!("{rate}/s: {:.0}/s acknowledged, p50 {p50} µs, p99 {p99} µs: {verdict}", trial.acknowledged_per_s)
}

/// What is shown meanwhile, on standard error so that the report stands alone; nothing to machines.
struct Screen {
    is_quiet: bool,
    is_terminal: bool,
    drawn: bool,
    before: LoadProgress,
}

impl Screen {
    fn new(is_quiet: bool) -> Screen {
        let before = LoadProgress { elapsed: Duration::ZERO, of: Duration::ZERO, sent: 0, acknowledged: 0 };
        Screen { is_quiet, is_terminal: std::io::stderr().is_terminal(), drawn: false, before }
    }

    /// A bar, drawn over the one before; only where somebody looks.
    fn draw(&mut self, now: &LoadProgress) {
        const WIDTH: usize = 30;
        if self.is_quiet || !self.is_terminal {
            return;
        }
        let passed = now.elapsed.saturating_sub(self.before.elapsed).as_secs_f64().max(f64::MIN_POSITIVE);
        let done = now.elapsed.as_secs_f64() / now.of.as_secs_f64().max(f64::MIN_POSITIVE);
        let full = (0..WIDTH).take_while(|at| (*at as f64) < done * WIDTH as f64).count();
        let bar = "#".repeat(full) + &"-".repeat(WIDTH - full);
        let per_s = |now: u64, before: u64| now.saturating_sub(before) as f64 / passed;
        let (sent, acknowledged) =
            (per_s(now.sent, self.before.sent), per_s(now.acknowledged, self.before.acknowledged));
        let line = format!("[{bar}] {sent:.0}/s sent, {acknowledged:.0}/s acknowledged");
        // Whoever looked may have gone.
        let _ = write!(std::io::stderr(), "\r{line}   ");
        (self.drawn, self.before) = (true, *now);
    }

    /// What is told of an overload while it goes on.
    fn follow(&mut self, told: &OverloadTold) {
        match told {
            OverloadTold::Progress(progress) => self.draw(progress),
            OverloadTold::Peak { per_s } => self.say(&format!("the peak: {per_s:.0}/s acknowledged")),
        }
    }

    /// A line of its own.
    fn say(&mut self, line: &str) {
        self.end();
        if !self.is_quiet {
            show::error(line);
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.drawn) {
            show::error("");
        }
        self.before.elapsed = Duration::ZERO;
    }
}
