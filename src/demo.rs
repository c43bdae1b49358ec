//! `cuex demo`: a whole market on this machine. The exchange runs here as it does under `cuex serve`; the agents
//! reach it over QUIC from a thread of their own, as anybody would.

use crate::config::{Config, Listen};
use crate::fail::{Done, Failure};
use crate::serve::stop_signal;
use crate::show;
use crate::venue::{self, Venue};
use clap::Args;
use client::{ExchangeInfo, PrivateKey};
use simulator::demo::{DemoError, DemoOptions, run_demo};
use simulator::progress::{Progress, Snapshot};
use simulator::report::Report;
use std::io::IsTerminal;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// How often the table is drawn on a terminal, and a line written elsewhere.
const DRAW_EVERY: Duration = Duration::from_secs(1);
const LINE_EVERY: Duration = Duration::from_secs(5);
/// A demo's journal is small.
const SEGMENT_MIB: u64 = 16;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cuex demo\n  cuex demo --for 30s --json out.json")]
pub(crate) struct DemoArguments {
    /// End after so long, such as 30s or 5m; without it the market runs until Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = crate::typed::duration)]
    run_for: Option<Duration>,
    /// What all random choices are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A fresh data directory to use; one in the system's temporary directory if not said. It is kept.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// With --json: write the report to this file instead of the standard output.
    #[arg(value_name = "FILE", requires = "json")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(arguments: DemoArguments, as_json: bool) -> Done {
    let stopped = stop_signal()?;
    let data = fresh_directory(arguments.data)?;
    let config = config(data.clone());
    let operator = PrivateKey::generate();
    venue::init(&config, operator.public())?;
    let venue = venue::start(&config).await?;
    let is_quiet = as_json && arguments.file.is_none();
    if !is_quiet {
        show::line(&format!("the market page is at {}", venue.page()));
        show::line(&format!("the journal is in {}", data.display()));
        if !feed::has_page() {
            show::line("the page itself was not built: install Node.js with npm, then build again");
        }
    }

    let options = DemoOptions { seed: arguments.seed, run_for: arguments.run_for };
    let progress = Arc::new(Progress::new());
    let (stop, stopping) = watch::channel(false);
    let mut agents = start_agents(venue.info(), operator, options, Arc::clone(&progress), stopping)?;
    let mut screen = Screen::new(is_quiet, venue.page());
    tokio::pin!(stopped);
    let outcome = loop {
        tokio::select! {
            outcome = &mut agents => break outcome,
            () = &mut stopped, if !*stop.borrow() => { stop.send_replace(true); }
            () = screen.tick() => screen.draw(&progress.snapshot()),
            failure = venue.failed() => return Err(failure),
        }
    };
    let report = outcome
        .map_err(|_| Failure::refused("demo-failed", "the agents' thread ended without a word"))?
        .map_err(|error| Failure::refused("demo-failed", error))?;
    let report = finish(venue, report, &data).await?;
    tell(&report, as_json, arguments.file.as_deref())
}

/// Stops the exchange and adds what only it knows.
async fn finish(venue: Venue, mut report: Report, data: &Path) -> Result<Report, Failure> {
    let summary = venue.stop().await?;
    if let Err(error) = &summary.totals {
        tracing::error!(%error, "the books do not balance");
    }
    report.conserved = Some(summary.totals.is_ok());
    report.digest = Some(summary.digest.to_string());
    report.data_dir = Some(data.display().to_string());
    Ok(report)
}

fn tell(report: &Report, as_json: bool, file: Option<&Path>) -> Done {
    let value = serde_json::to_value(report).expect("a report is plain data");
    match (as_json, file) {
        (true, Some(file)) => {
            show::line(&report.to_string());
            let text = serde_json::to_string_pretty(&value).expect("a value is JSON");
            std::fs::write(file, text + "\n").map_err(|error| {
                let message = format!("the report cannot be written to {}: {error}", file.display());
                Failure::usage("report-file", message)
            })?;
        }
        (true, None) => show::json(&value),
        (false, _) => show::line(&report.to_string()),
    }
    if report.conserved == Some(true) && report.totals.feed_gaps == 0 {
        return Ok(());
    }
    let message =
        format!("feed gaps {}, books balance: {:?}", report.totals.feed_gaps, report.conserved == Some(true));
    Err(Failure::refused("demo-not-clean", message))
}

/// The agents have a thread and a runtime of their own, so that they and the exchange share a machine of two cores
/// as clients and a server would.
fn start_agents(
    info: ExchangeInfo,
    operator: PrivateKey,
    options: DemoOptions,
    progress: Arc<Progress>,
    mut stopping: watch::Receiver<bool>,
) -> Result<oneshot::Receiver<Result<Report, DemoError>>, Failure> {
    let (say, outcome) = oneshot::channel();
    let wrong = |error| Failure::refused("demo-failed", format!("the agents cannot start: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?;
    let body = move || {
        let stop = async move {
            // Nobody left to say it is as good as said.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let report = runtime.block_on(run_demo(&info, &operator, options, progress, stop));
        // Whoever asked may be gone.
        let _ = say.send(report);
    };
    std::thread::Builder::new().name("agents".to_owned()).spawn(body).map_err(wrong)?;
    Ok(outcome)
}

/// The live table: drawn over on a terminal, a line now and then elsewhere.
struct Screen {
    is_quiet: bool,
    is_terminal: bool,
    page: String,
    next: Instant,
}

impl Screen {
    fn new(is_quiet: bool, page: String) -> Screen {
        let is_terminal = std::io::stdout().is_terminal();
        Screen { is_quiet, is_terminal, page, next: Instant::now() + DRAW_EVERY }
    }

    async fn tick(&self) {
        tokio::time::sleep_until(self.next.into()).await;
    }

    fn draw(&mut self, now: &Snapshot) {
        self.next = Instant::now() + if self.is_terminal { DRAW_EVERY } else { LINE_EVERY };
        if self.is_quiet {
            return;
        }
        if self.is_terminal {
            // Home, and clear what was drawn before.
            show::line(&format!(
                "\x1b[H\x1b[2J{now}\nmarket page: {}   Ctrl-C ends it with a report",
                self.page
            ));
        } else {
            let totals = &now.totals;
            let [commands, trades] = [totals.commands, totals.trades].map(show::count);
            let line = format!("{:4.0} s  {commands} commands, {trades} trades", now.elapsed.as_secs_f64());
            show::line(&line);
        }
    }
}

/// Everything on free ports but the page, which is where the README says if that is free.
fn config(data: PathBuf) -> Config {
    let mut config = Config { data, ..Config::default() };
    config.journal.segment_mib = SEGMENT_MIB;
    let any_port = |listen: &mut Listen| listen.listen.set_port(0);
    any_port(&mut config.metrics);
    [&mut config.gateway.listen, &mut config.feed.listen].into_iter().for_each(|listen| listen.set_port(0));
    if !is_free(config.web.listen) {
        any_port(&mut config.web);
    }
    config
}

fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

fn fresh_directory(wanted: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let wrong = |error: std::io::Error| {
        Failure::usage("data-directory", format!("a data directory cannot be made: {error}"))
    };
    match wanted {
        Some(data) => std::fs::create_dir_all(&data).map(|()| data).map_err(wrong),
        None => tempfile::Builder::new()
            .prefix("cuex-demo-")
            .tempdir()
            .map(tempfile::TempDir::keep)
            .map_err(wrong),
    }
}
