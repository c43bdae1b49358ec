//! The load: what it says of an exchange whose delay, or stall, is known; and a short run of the program, which checks
//! itself and the exchange.

use crate::exchange::Exchange;
use client::{Depth, ExchangeInfo};
use sequencer::{Inlet, Options, Outlet, Released};
use serde_json::Value;
use simulator::load::{LoadOutcome, LoadPlan, LoadTarget, Mix, Pace, Shape, Step, Watch, run_load};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use transport::PrivateKey;
use types::ReportBody;

/// How an exchange keeps back what it has to tell, from the first order on.
#[derive(Clone, Copy)]
enum Keeps {
    /// Everything for so long.
    Each(Duration),
    /// Everything for so long, once, after so long.
    Once { after: Duration, lasts: Duration },
}

/// A load on an exchange of this process that is late in telling what it knows.
async fn load_on_one_that_keeps(keeps: Keeps, plan: &LoadPlan) -> LoadOutcome {
    let directory = tempfile::tempdir().unwrap();
    let (operator, key) = (PrivateKey::generate(), PrivateKey::generate());
    let options = Options { segment_bytes: 2 << 20, ..Options::default() };
    sequencer::init(directory.path(), &options, operator.public()).unwrap();
    let exchange = sequencer::start(directory.path(), &options).unwrap();
    drop(exchange.outlets.feed);
    let (tell, told) = sequencer::outlet(usize::MAX);
    let keeper = tokio::spawn(keep_back(keeps, exchange.outlets.gateway, tell));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let info_key = key.public();
    let config = gateway::Config { address, key, clock: options.clock, limits: gateway::Limits::default() };
    let gateway = gateway::serve(config, &exchange.recovery, exchange.entry, told).await.unwrap();
    let info = ExchangeInfo { gateway: gateway.address(), feed: gateway.address(), key: info_key };

    let target = LoadTarget { info, metrics: None, operator };
    let outcome = run_load(&target, plan, &mut |_| {}).await.unwrap();
    exchange.handle.stop().await.unwrap();
    keeper.await.unwrap();
    outcome
}

async fn keep_back(keeps: Keeps, mut released: Outlet, tell: Inlet) {
    let mut first_order = None;
    let mut has_stalled = false;
    // Each batch is kept for its own time, so that many are on their way at once.
    let (late, mut come) = mpsc::unbounded_channel::<(Instant, Arc<Released>)>();
    let telling = tokio::spawn(async move {
        while let Some((at, batch)) = come.recv().await {
            sleep_until(at).await;
            if tell.send(batch).is_err() {
                return;
            }
        }
    });
    while let Some(batch) = released.recv().await {
        let mut at = Instant::now();
        let reports = &batch.output.reports;
        if reports.iter().any(|report| matches!(report.body, ReportBody::Accepted { .. })) {
            first_order.get_or_insert(at);
        }
        match (keeps, first_order) {
            (Keeps::Each(delay), Some(_)) => at += delay,
            (Keeps::Once { after, lasts }, Some(first)) if !has_stalled && at - first >= after => {
                has_stalled = true;
                at += lasts;
            }
            _ => {}
        }
        late.send((at, batch)).unwrap();
    }
    drop(late);
    telling.await.unwrap();
}

fn plan(rate: u32, lasts: Duration) -> LoadPlan {
    LoadPlan {
        pace: Pace::Open { shape: Shape::Steady, steps: vec![Step { rate, lasts }] },
        warm_up: Duration::ZERO,
        mix: Mix::Market,
        sessions: 2,
        contracts: 4,
        threads: 1,
        watch: Watch::None,
        subscribers: 0,
        subscribed: Depth::Top,
        seed: 1,
    }
}

#[tokio::test]
async fn a_known_delay_is_what_is_reported() {
    let delay = Duration::from_millis(500);
    let outcome = load_on_one_that_keeps(Keeps::Each(delay), &plan(200, Duration::from_secs(2))).await;
    assert_eq!(outcome.report.faults(), [] as [&str; 0]);
    // Before the first order is known there is nothing to cancel.
    assert_eq!(outcome.report.offered + outcome.report.nothing_to_cancel, 400);
    assert!(outcome.report.nothing_to_cancel >= 20, "{}", outcome.report.nothing_to_cancel);
    let latency = outcome.report.ack_latency_us;
    // The shortest, but for the roundness of what is recorded. The others also wait for a machine that is busy.
    let (_, shortest) = outcome.all.distribution()[0];
    assert!((499_000..1_000_000).contains(&shortest), "{shortest} {latency:?}");
}

#[tokio::test]
async fn a_known_stall_is_reported_for_every_command_that_was_to_be_sent_in_it() {
    let stall = Keeps::Once { after: Duration::from_millis(500), lasts: Duration::from_millis(800) };
    let outcome = load_on_one_that_keeps(stall, &plan(200, Duration::from_secs(2))).await;
    assert_eq!(outcome.report.faults(), [] as [&str; 0]);
    let latency = outcome.report.ack_latency_us;
    assert!(latency.max >= 800_000, "{latency:?}");
    // 94 of at most 400 commands were orders to be sent in it, 59 of them more than 300 ms before its end. Who counts from
    // the actual sending, or waits for an answer before sending on, sees a handful.
    let slow = outcome.all.distribution();
    let share_below = slow.iter().rev().find(|(_, us)| *us < 300_000).map_or(0.0, |(share, _)| *share);
    assert!(share_below <= 0.90, "only {} of the commands were slow", 1.0 - share_below);
    let moments = &outcome.report.timeline;
    let stalled = moments.iter().filter(|moment| moment.ack_latency_us.max >= 200_000).count();
    assert!(stalled >= 3, "{stalled} moments of 100 ms show it");
}

/// Runs the program's load against an exchange, and gives what it printed.
pub(crate) fn load(exchange: &Exchange, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["load", "--json"].into_iter().chain(arguments.iter().copied()).collect();
    let output = exchange.cuex_as(&exchange.data().join("operator.key"), &arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What holds of every run. That nothing was held back does not: a machine busy with other tests may send its last
/// command too late.
pub(crate) fn assert_clean(report: &Value) {
    for field in ["lost", "duplicated", "feed_gaps", "reports_out_of_order", "left_behind"] {
        assert_eq!(report[field], 0, "{field}");
    }
    assert_eq!(report["conserved"], true);
    assert!(report["acknowledged"].as_u64() > Some(0));
    let latency = &report["ack_latency_us"];
    let values = ["p50", "p99", "p999", "max"].map(|name| latency[name].as_u64().unwrap());
    assert!(values[0] > 0 && values.is_sorted(), "{latency}");
}

#[test]
fn a_load_checks_the_exchange_and_itself_and_writes_what_it_found() {
    let mut exchange = Exchange::start();
    let open = load(
        &exchange,
        &[
            "--rate",
            "1000",
            "--for",
            "2s",
            "--warm-up",
            "0s",
            "--arrivals",
            "poisson",
            "--threads",
            "2",
            "--sessions",
            "4",
            "--hgrm",
            "latencies",
            "--html",
            "run.html",
        ],
    );
    assert_clean(&open);
    let offered = open["offered_per_s"].as_f64().unwrap();
    // The standard deviation is 22.
    assert!((850.0..1_150.0).contains(&offered), "{offered}");
    assert!(open["records_per_sync"].as_f64() >= Some(1.0));
    assert!(open["cpu_us_per_order"].as_f64() > Some(0.0));
    assert!(open["books_proven"].as_u64() > Some(0));
    let kinds = open["latency_us_by_kind"].as_object().unwrap();
    let counts: u64 = kinds.values().map(|kind| kind["count"].as_u64().unwrap()).sum();
    // A machine busy with other tests may hold back a command due in the last moment: offered, and never sent.
    assert_eq!(open["offered"].as_u64(), Some(counts + open["held_back"].as_u64().unwrap()));

    let page = std::fs::read_to_string(exchange.file("run.html")).unwrap();
    assert!(page.contains("Latency by percentile") && page.contains("<polyline"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    let all = std::fs::read_to_string(exchange.file("latencies/all.hgrm")).unwrap();
    assert!(all.contains(&format!("Total count    = {counts:>12}")), "{all}");
    assert!(exchange.file("latencies/cancel.hgrm").is_file());

    // The same accounts and classes again, and the floors.
    let closed = load(
        &exchange,
        &[
            "--in-flight",
            "32",
            "--for",
            "1s",
            "--warm-up",
            "0s",
            "--sessions",
            "4",
            "--watch",
            "one",
            "--mix",
            "trades",
            "--calibrate",
        ],
    );
    assert_clean(&closed);
    assert!(closed["units"].as_u64() > Some(0));
    for floor in ["quic", "append", "echo"] {
        assert!(closed["floors"][floor].is_object(), "{}", closed["floors"]);
    }
    for ratio in ["acknowledged_to_quic", "p50_to_echo", "p99_to_echo", "append_to_append"] {
        assert!(closed["ratios"][ratio].as_f64() > Some(0.0), "{}", closed["ratios"]);
    }
    let stopped = exchange.stop();
    assert_eq!(stopped["conserved"], true);
}

#[test]
fn every_mix_trades_as_it_should_and_leaves_nothing_behind() {
    let exchange = Exchange::start();
    for (mix, trades) in [("hot", true), ("thin", false), ("cancels", false), ("trades", true)] {
        let report = load(&exchange, &["--rate", "500", "--for", "1s", "--warm-up", "0s", "--mix", mix]);
        assert_clean(&report);
        assert_eq!(report["mix"], mix);
        if trades {
            assert!(report["units"].as_u64() > Some(0), "{report}");
        }
        if mix == "cancels" {
            assert_eq!(report["units"], 0, "nothing trades");
        }
    }
}

#[test]
fn blocks_rest_trade_and_end_and_everything_is_there_afterwards() {
    let mut exchange = Exchange::start();
    // Few contracts, so that there is enough in every slot of a window.
    let arguments =
        ["--mix", "blocks", "--contracts", "4", "--sessions", "4", "--rate", "1500", "--for", "2s"];
    let report = load(&exchange, &[&arguments[..], &["--warm-up", "0s", "--hgrm", "latencies"]].concat());
    assert_clean(&report);
    assert!(report["blocks_traded"].as_u64() > Some(0), "{report}");
    assert!(report["latency_us_by_kind"]["block"]["count"].as_u64() > Some(0), "{report}");
    assert!(report["books_proven"].as_u64() > Some(0), "{report}");
    // A change may come too late; nothing else is wrong with what is sent.
    let rejected = report["rejected"].as_object().unwrap();
    assert!(
        rejected.keys().all(|code| ["UnknownOrder", "AlreadyFilled"].contains(&code.as_str())),
        "{report}"
    );
    assert!(exchange.file("latencies/block.hgrm").is_file());
    assert_eq!(exchange.stop()["conserved"], true);
}

#[test]
fn an_overload_is_made_of_the_peak_and_everything_wanted_of_it_is_told() {
    let mut exchange = Exchange::start();
    let arguments = ["--overload", "1s", "--for", "1s", "--warm-up", "0s", "--sessions", "4"];
    let report = load(&exchange, &[&arguments[..], &["--watch", "one", "--html", "run.html"]].concat());
    assert_clean(&report);
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    let overload = &report["overload"];
    let figure = |name: &str| overload[name].as_f64().unwrap_or_else(|| panic!("{name}: {overload}"));
    let (peak, normal, twice) = (figure("peak_per_s"), figure("normal_per_s"), figure("overload_per_s"));
    assert!((twice - 2.0 * peak).abs() <= 1.0 && (normal - peak / 2.0).abs() <= 1.0, "{overload}");
    for name in
        ["acknowledged_to_peak", "cancels_p99_us", "cancels_p99_to_normal", "memory", "memory_in_overload"]
    {
        assert!(figure(name) > 0.0, "{name}: {overload}");
    }
    // How well it did is the machine's own affair; that it is said is not.
    assert!(overload["recovered_after_s"].is_null() || figure("recovered_after_s") >= 0.0);
    assert!(overload["missed"].is_array());
    // What is no offer is neither sent nor held back.
    let count = |step: &Value, name: &str| step[name].as_u64().unwrap();
    let nothing: u64 = steps.iter().map(|step| count(step, "nothing_to_cancel")).sum();
    assert_eq!(report["nothing_to_cancel"], nothing);
    let sent: u64 = steps.iter().map(|step| count(&step["ack_latency_us"], "count")).sum();
    assert_eq!(count(&report, "offered"), sent + count(&report, "held_back"));
    assert!(
        std::fs::read_to_string(exchange.file("run.html")).unwrap().contains("acknowledged, of the peak")
    );
    assert_eq!(exchange.stop()["conserved"], true);
}

#[test]
fn subscribers_are_sent_what_they_follow_and_are_counted() {
    let exchange = Exchange::start();
    let arguments =
        ["--rate", "500", "--for", "1s", "--warm-up", "0s", "--contracts", "4", "--mix", "trades"];
    // More than share one key.
    for (depth, subscribers) in [("top", 40u32), ("book", 6), ("trades", 6)] {
        let subscribers = subscribers.to_string();
        let more = ["--subscribers", &subscribers, "--subscribed", depth];
        let report = load(&exchange, &[&arguments[..], &more].concat());
        assert_clean(&report);
        let told = &report["subscribers"];
        assert_eq!((told["depth"].as_str(), told["cut"].as_u64()), (Some(depth), Some(0)), "{told}");
        assert_eq!(told["count"].to_string(), subscribers);
        assert_eq!(told["gaps"].as_u64(), (depth == "book").then_some(0), "{told}");
        let [messages, bytes] = ["messages_per_s", "bytes_per_s"].map(|name| told[name].as_f64().unwrap());
        // Every message has a header.
        assert!(messages > 0.0 && bytes > 8.0 * messages, "{told}");
    }
    let without = load(&exchange, &arguments);
    assert!(without["subscribers"].is_null());
}

#[test]
fn a_load_that_cannot_be_is_refused_with_its_reason() {
    let exchange = Exchange::start();
    let key = exchange.data().join("operator.key");
    for (arguments, word) in [
        (&["--rate", "0"] as &[&str], "rate is 0"),
        (&["--sessions", "1", "--mix", "trades"], "sessions is 1"),
        (&["--in-flight", "8", "--rate", "5"], "--in-flight"),
        (&["--arrivals", "bursts"], "bursts"),
        (&["--overload", "0s"], "'0s'"),
        (&["--subscribers", "10001"], "subscribers is 10001, expected 0 to 10000"),
        (&["--overload", "5s", "--rate", "5"], "--rate"),
        (&["--mix", "blocks", "--contracts", "1"], "contracts is 1, expected 2"),
    ] {
        let output = exchange.cuex_as(&key, &[&["load"], arguments].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.contains(word)), (Some(2), true), "{arguments:?}: {told}");
    }
}
