//! `cuex serve`: the exchange, until SIGINT or SIGTERM.

use crate::config::Config;
use crate::fail::{Done, Failure};
use crate::key::load_or_make;
use crate::show;
use crate::venue::{self, Recovered, Venue};
use clap::Args;
use sequencer::LastSnapshot;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cuex serve --init\n  cuex serve --config docs/cuex.toml --data cuex-data"
)]
pub(crate) struct ServeArguments {
    /// The configuration file; without one the defaults hold.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Set up a new exchange in the data directory first. The first operator's key becomes its genesis.
    #[arg(long)]
    init: bool,
    /// The first operator's key file, with --init; made if it is not there. DIR/operator.key if not said.
    #[arg(long, value_name = "FILE", requires = "init")]
    operator_key: Option<PathBuf>,
}

pub(crate) async fn run(arguments: ServeArguments, as_json: bool) -> Done {
    let mut config = Config::load(arguments.config.as_deref())?;
    if let Some(data) = arguments.data {
        config.data = data;
    }
    if arguments.init {
        init(&config, arguments.operator_key, as_json)?;
    }
    // Asked for before anything starts, so that no signal is missed.
    let stopped = stop_signal()?;
    let venue = venue::start(&config).await?;
    tell_started(&venue, &config.data, as_json);
    tokio::select! {
        () = stopped => {}
        failure = venue.failed() => {
            // Everybody is told before the process ends with the reason.
            let _ = venue.stop().await;
            return Err(failure);
        }
    }
    let summary = venue.stop().await?;
    let [commands, batches] = [summary.counters.commands, summary.counters.batches];
    if as_json {
        show::json(&json!({
            "event": "stopped", "sequence": summary.sequence, "digest": summary.digest.to_string(),
            "conserved": summary.totals.is_ok(), "commands": commands, "batches": batches,
            "snapshot": last_snapshot(&summary.snapshot),
        }));
    } else {
        let (commands, batches) = (show::count(commands), show::count(batches));
        show::line(&format!("stopped after {commands} commands in {batches} syncs"));
        show::line(&format!("last sequence {}, state digest {}", summary.sequence, summary.digest));
        match &summary.snapshot {
            LastSnapshot::Off => {}
            LastSnapshot::At(_) => {
                show::line("a snapshot of it is kept, and the journal replayed comes to the same")
            }
            LastSnapshot::Failed(reason) => show::line(&format!("no last snapshot: {reason}")),
            LastSnapshot::Differs(reason) => show::line(reason),
        }
    }
    if let LastSnapshot::Differs(reason) = &summary.snapshot {
        return Err(Failure::refused("journal-differs", reason));
    }
    summary.totals.map(|_| ()).map_err(|error| Failure::refused("not-conserved", error))
}

/// The operator's key is made first: without it nobody could ever say anything to the exchange.
fn init(config: &Config, operator_key: Option<PathBuf>, as_json: bool) -> Done {
    std::fs::create_dir_all(&config.data).map_err(|error| {
        let message = format!("the data directory {} cannot be made: {error}", config.data.display());
        Failure::usage("data-directory", message)
    })?;
    let file = operator_key.unwrap_or_else(|| config.data.join("operator.key"));
    let (key, is_new) = load_or_make(&file)?;
    venue::init(config, key.public()).inspect_err(|_| {
        // A key of no exchange is not left behind; if it cannot be removed, it opens nothing.
        if is_new {
            let _ = std::fs::remove_file(&file);
        }
    })?;
    if as_json {
        show::json(&json!({ "event": "initialised", "data": config.data, "operator_key": file }));
    } else {
        show::line(&format!(
            "a new exchange in {}; its operator's key is {}",
            config.data.display(),
            file.display()
        ));
    }
    Ok(())
}

fn tell_started(venue: &Venue, data: &Path, as_json: bool) {
    let (info, recovered) = (venue.info(), &venue.recovered);
    let address_file = data.join("exchange.toml");
    if as_json {
        show::json(&json!({
            "event": "started", "gateway": info.gateway, "feed": info.feed, "page": venue.page(),
            "metrics": venue.metrics(), "public_key": info.key.to_string(), "exchange": address_file,
            "recovered_commands": recovered.commands, "sequence": recovered.sequence,
            "recovery_ms": milliseconds(recovered.took.total + recovered.mirrors), "recovery": recovery(recovered),
        }));
        return;
    }
    tell_recovered(recovered);
    show::line(&format!("order entry   {} (QUIC)", info.gateway));
    show::line(&format!("market data   {} (QUIC)", info.feed));
    show::line(&format!("market page   {}", venue.page()));
    show::line(&format!("metrics       {}", venue.metrics()));
    show::line(&format!("address file  {}", address_file.display()));
    show::line("running; Ctrl-C stops it in good order");
}

/// What was recovered, from where, and how long each part took.
fn tell_recovered(recovered: &Recovered) {
    let Recovered { sequence, snapshot, commands, took, mirrors, .. } = recovered;
    for reason in &recovered.skipped {
        show::line(&format!("skipped {reason}"));
    }
    let ms = |part: Duration| format!("{:.1} ms", part.as_secs_f64() * 1e3);
    let whole = ms(took.total + *mirrors);
    let commands = show::count(*commands);
    let after = snapshot.map_or(String::new(), |snapshot| format!(" after the snapshot at {snapshot}"));
    show::line(&format!("recovered sequence {sequence} in {whole}: {commands} commands replayed{after}"));
    show::line(&format!(
        "  snapshot read {}, restored {}; journal read {} beside applied {}; state {}, mirrors {}",
        ms(took.snapshot),
        ms(took.restore),
        ms(took.journal),
        ms(took.apply),
        ms(took.state),
        ms(*mirrors),
    ));
    if recovered.torn_tail_bytes > 0 {
        show::line(&format!(
            "cut {} bytes of a batch that a crash left half written",
            recovered.torn_tail_bytes
        ));
    }
}

/// The same for machines, in microseconds.
fn recovery(recovered: &Recovered) -> serde_json::Value {
    let us = |part: Duration| u64::try_from(part.as_micros()).unwrap_or(u64::MAX);
    let took = &recovered.took;
    json!({
        "snapshot": recovered.snapshot, "skipped": recovered.skipped,
        "torn_tail_bytes": recovered.torn_tail_bytes,
        "snapshot_us": us(took.snapshot), "restore_us": us(took.restore), "journal_us": us(took.journal),
        "apply_us": us(took.apply), "state_us": us(took.state), "mirrors_us": us(recovered.mirrors),
    })
}

/// What became of the last snapshot, for machines.
fn last_snapshot(snapshot: &LastSnapshot) -> serde_json::Value {
    match snapshot {
        LastSnapshot::Off => json!(null),
        LastSnapshot::At(sequence) => json!({ "sequence": sequence }),
        LastSnapshot::Failed(reason) | LastSnapshot::Differs(reason) => json!({ "failed": reason }),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Resolves at SIGINT or SIGTERM.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let wrong = |error| Failure::refused("no-signals", format!("signals cannot be waited for: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(wrong)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(wrong)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
