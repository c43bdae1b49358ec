//! What this machine can do at best, measured in the same minute as a load, and the load's results as ratios to it.

use crate::fail::Failure;
use crate::load::load_failure;
use crate::show;
use client::ExchangeInfo;
use floors::{
    AppendFloor, AppendPlan, EchoExchange, FloorError, QuicFloor, QuicPlan, Times, append, quic_echo,
};
use protocol::order_entry::{encode_command, encode_report};
use serde_json::{Value, json};
use simulator::load::{LoadOutcome, LoadPlan, LoadReport, LoadTarget, Pace, Said, Watch, run_load};
use std::path::Path;
use std::time::Duration;

/// How long the load itself runs beforehand, to see what it says and how much of it together.
const PROBE: Duration = Duration::from_secs(2);
/// How long each floor is measured, unless the load itself is shorter.
const FLOOR: Duration = Duration::from_secs(3);
/// What is in flight at most in an exchange of ours.
const IN_FLIGHT_MAX: usize = 8_192;

/// The record of a command where the exchange does not say how long they are on average.
const RECORD_BYTES: f64 = 64.0;

/// The floors, and what they were measured with.
#[derive(Debug)]
pub(super) struct Floors {
    shape: QuicPlan,
    quic: QuicFloor,
    records: u32,
    record_bytes: usize,
    append: AppendFloor,
    /// The same load on an exchange without an engine.
    pub(super) echo: LoadOutcome,
    echo_records_per_sync: f64,
}

/// A load's results in units of the floors: rates should be near 1, times as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratios {
    acknowledged_to_quic: f64,
    p50_to_quic: f64,
    p99_to_quic: f64,
    acknowledged_to_append: f64,
    append_to_append: Option<f64>,
    acknowledged_to_echo: f64,
    p50_to_echo: f64,
    p99_to_echo: f64,
}

/// Measures the floors for this load: as many sessions, bytes and records together as it turns out to have.
pub(super) async fn calibrate(
    target: &LoadTarget,
    plan: &LoadPlan,
    scratch: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<Floors, Failure> {
    say("calibrating: a short run of the load, to see what it is made of");
    let probe = run_load(target, &plan.lasting(PROBE.min(plan.run_for())), &mut |_| {})
        .await
        .map_err(load_failure)?;
    say("calibrating: the same on an exchange without an engine");
    let (echo, echo_records_per_sync) = echo(plan, scratch).await?;
    say("calibrating: as many bytes over QUIC alone");
    let lasts = FLOOR.min(plan.run_for());
    let shape = shape(plan, &probe, lasts);
    let quic = quic_echo(shape).await.map_err(floor_failure)?;
    say("calibrating: as many records appended and synced alone");
    let report = &probe.report;
    let records = whole(report.records_per_sync.unwrap_or(echo_records_per_sync));
    let record_bytes = whole(report.journal_bytes_per_command.unwrap_or(RECORD_BYTES));
    let directory = directory(scratch)?;
    let append = append(AppendPlan {
        directory: directory.path().to_owned(),
        records: u32::try_from(records).unwrap_or(u32::MAX),
        record_bytes,
        lasts,
    });
    let append = append.await.map_err(floor_failure)?;
    let records = u32::try_from(records).unwrap_or(u32::MAX);
    Ok(Floors { shape, quic, records, record_bytes, append, echo, echo_records_per_sync })
}

/// Runs the load on an exchange whose engine is an echo.
async fn echo(plan: &LoadPlan, scratch: &Path) -> Result<(LoadOutcome, f64), Failure> {
    let directory = directory(scratch)?;
    let echo = EchoExchange::start(directory.path()).await.map_err(floor_failure)?;
    let info = ExchangeInfo { gateway: echo.address(), feed: echo.address(), key: echo.key() };
    let target = LoadTarget { info, metrics: None, operator: echo.operator().clone() };
    let plan = LoadPlan { watch: Watch::None, subscribers: 0, ..plan.lasting(FLOOR.min(plan.run_for())) };
    let outcome = run_load(&target, &plan, &mut |_| {}).await.map_err(load_failure)?;
    let counters = echo.stop().await.map_err(floor_failure)?;
    let faults = outcome.report.faults();
    if !faults.is_empty() {
        return Err(Failure::refused("calibration-failed", format!("the echo: {}", faults.join(", "))));
    }
    Ok((outcome, counters.commands as f64 / counters.batches.max(1) as f64))
}

/// What the load looks like on the wire.
fn shape(plan: &LoadPlan, probe: &LoadOutcome, lasts: Duration) -> QuicPlan {
    let report = &probe.report;
    let (order_bytes, answer_bytes) = bytes(&probe.said);
    let in_flight = match plan.pace {
        Pace::Closed { in_flight, .. } => usize::try_from(in_flight).unwrap_or(IN_FLIGHT_MAX),
        // As many as come in the time that half of them take.
        Pace::Open { .. } => whole(report.acknowledged_per_s * report.ack_latency_us.p50 as f64 / 1e6),
    };
    let sessions = usize::try_from(plan.sessions).unwrap_or(1);
    QuicPlan {
        sessions: sessions.min(in_flight),
        in_flight: in_flight.min(IN_FLIGHT_MAX),
        together: whole(report.commands_per_write),
        order_bytes,
        answer_bytes,
        lasts,
    }
}

/// How many bytes a command takes on average, and what answers it.
fn bytes(said: &Said) -> (usize, usize) {
    let (mut commands, mut up, mut down) = (0, 0, 0);
    for (command, count) in &said.commands {
        let mut bytes = Vec::new();
        encode_command(1, command, &mut bytes).expect("it was sent");
        commands += count;
        up += u64::try_from(bytes.len()).unwrap_or(0) * count;
    }
    for (report, count) in &said.reports {
        let mut bytes = Vec::new();
        encode_report(report, &mut bytes);
        down += u64::try_from(bytes.len()).unwrap_or(0) * count;
    }
    let each = |all: u64| usize::try_from(all / commands.max(1)).unwrap_or(usize::MAX).max(1);
    (each(up), each(down))
}

impl Floors {
    /// A load's results in units of these.
    pub(super) fn ratios(&self, report: &LoadReport) -> Ratios {
        let Floors { quic, append, echo, .. } = self;
        let (latency, echo_latency) = (report.ack_latency_us, echo.report.ack_latency_us);
        let to = |found: f64, floor: f64| found / floor.max(f64::MIN_POSITIVE);
        let [p50, p99, echo_p50, echo_p99] =
            [latency.p50, latency.p99, echo_latency.p50, echo_latency.p99].map(|us| us as f64);
        let acknowledged = report.acknowledged_per_s;
        Ratios {
            acknowledged_to_quic: to(acknowledged, quic.orders_per_s),
            p50_to_quic: to(p50, quic.times.p50_us),
            p99_to_quic: to(p99, quic.times.p99_us),
            acknowledged_to_append: to(acknowledged, append.records_per_s),
            append_to_append: report.append_us.map(|us| to(us, append.times.p50_us)),
            acknowledged_to_echo: to(acknowledged, echo.report.acknowledged_per_s),
            p50_to_echo: to(p50, echo_p50),
            p99_to_echo: to(p99, echo_p99),
        }
    }

    /// For people: what, its figure, the load's figure as a ratio to it.
    pub(super) fn rows(&self, report: &LoadReport) -> Vec<[String; 3]> {
        let ratios = self.ratios(report);
        let Floors { quic, append, echo, .. } = self;
        let latency = echo.report.ack_latency_us;
        let row = |what: &str, figure: String, ratio: Option<f64>| {
            [
                what.to_owned(),
                figure,
                ratio.map_or_else(|| "not told".to_owned(), |ratio| format!("{ratio:.2}")),
            ]
        };
        let times = |times: Times| [us(times.p50_us), us(times.p99_us)];
        let [quic_p50, quic_p99] = times(quic.times);
        let [append_p50, _] = times(append.times);
        vec![
            row("QUIC echo, acknowledged", per_s(quic.orders_per_s), Some(ratios.acknowledged_to_quic)),
            row("QUIC echo, p50", quic_p50, Some(ratios.p50_to_quic)),
            row("QUIC echo, p99", quic_p99, Some(ratios.p99_to_quic)),
            row("append and sync, records", per_s(append.records_per_s), Some(ratios.acknowledged_to_append)),
            row(&format!("append and sync of {}, p50", self.records), append_p50, ratios.append_to_append),
            row(
                "echo pipeline, acknowledged",
                per_s(echo.report.acknowledged_per_s),
                Some(ratios.acknowledged_to_echo),
            ),
            row("echo pipeline, p50", us(latency.p50 as f64), Some(ratios.p50_to_echo)),
            row("echo pipeline, p99", us(latency.p99 as f64), Some(ratios.p99_to_echo)),
        ]
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let Floors { shape, quic, append, echo, .. } = self;
        json!({
            "quic": {
                "orders_per_s": quic.orders_per_s, "p50_us": quic.times.p50_us, "p99_us": quic.times.p99_us,
                "sessions": shape.sessions, "in_flight": shape.in_flight, "together": shape.together,
                "order_bytes": shape.order_bytes, "answer_bytes": shape.answer_bytes,
            },
            "append": {
                "records_per_s": append.records_per_s, "p50_us": append.times.p50_us, "p99_us": append.times.p99_us,
                "records": self.records, "record_bytes": self.record_bytes,
            },
            "echo": {
                "acknowledged_per_s": echo.report.acknowledged_per_s,
                "ack_latency_us": super::json(&echo.report.ack_latency_us),
                "records_per_sync": self.echo_records_per_sync,
            },
        })
    }
}

impl Ratios {
    /// For machines.
    pub(super) fn json(&self) -> Value {
        json!({
            "acknowledged_to_quic": self.acknowledged_to_quic,
            "p50_to_quic": self.p50_to_quic,
            "p99_to_quic": self.p99_to_quic,
            "acknowledged_to_append": self.acknowledged_to_append,
            "append_to_append": self.append_to_append,
            "acknowledged_to_echo": self.acknowledged_to_echo,
            "p50_to_echo": self.p50_to_echo,
            "p99_to_echo": self.p99_to_echo,
        })
    }
}

fn directory(scratch: &Path) -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new().prefix("cuex-floor-").tempdir_in(scratch).map_err(|error| {
        let message = format!("{} cannot be written to: {error}: say --scratch DIR", scratch.display());
        Failure::usage("scratch-directory", message)
    })
}

fn floor_failure(error: FloorError) -> Failure {
    Failure::refused("calibration-failed", error)
}

/// At least 1, and nothing behind the point.
fn whole(value: f64) -> usize {
    format!("{value:.0}").parse().unwrap_or(1).max(1)
}

fn per_s(rate: f64) -> String {
    format!("{}/s", show::count(u64::try_from(whole(rate)).unwrap_or(u64::MAX)))
}

fn us(value: f64) -> String {
    format!("{value:.0} µs")
}
