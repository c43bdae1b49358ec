//! Who trades honestly meanwhile, and what the exchange says of itself.

use crate::exchange::{Exchange, PATIENCE, Participant};
use client::Session;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use types::{ContractId, Role, TimeInForce};

/// Rounds of an honest session that show that it goes on.
pub(super) const ROUNDS: u64 = 3;

/// Somebody who bids and cancels, one after the other, until told to stop.
pub(super) struct Honest {
    session: Session,
    rounds: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    working: JoinHandle<u64>,
    /// How long each round took since this was last looked at.
    times: Arc<Mutex<Vec<Duration>>>,
}

impl Honest {
    pub(super) fn start(participant: &Participant, contract: ContractId) -> Honest {
        let session = participant.session.clone();
        let (count, rounds) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let times: Arc<Mutex<Vec<Duration>>> = Arc::default();
        let (worker, kept) = (session.clone(), Arc::clone(&times));
        let working = tokio::spawn(async move {
            let mut done = 0;
            while !*stopped.borrow() {
                let began = Instant::now();
                let bid = worker.buy(contract, TimeInForce::Gtc, 100, 1).await.unwrap();
                worker.cancel(bid).await.unwrap();
                kept.lock().unwrap().push(began.elapsed());
                done += 1;
                count.send_replace(done);
            }
            done
        });
        Honest { session, rounds, stop, working, times }
    }

    /// Waits for some more rounds: the orders are acknowledged as before.
    pub(super) async fn goes_on(&mut self) {
        let wanted = *self.rounds.borrow() + ROUNDS;
        let waiting = self.rounds.wait_for(|done| *done >= wanted);
        timeout(PATIENCE, waiting).await.expect("an honest session is not held up").unwrap();
    }

    /// How many rounds there have been so far.
    pub(super) fn rounds(&self) -> u64 {
        *self.rounds.borrow()
    }

    /// The usual time of a round since this was last asked, after some more rounds.
    pub(super) async fn pace(&mut self) -> Duration {
        self.goes_on().await;
        let mut times = std::mem::take(&mut *self.times.lock().unwrap());
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// How many rounds there were. Each was acknowledged exactly once, on one and the same connection.
    pub(super) async fn stop(self, participant: &Participant, exchange: &Exchange) -> u64 {
        self.stop.send_replace(true);
        let rounds = self.working.await.unwrap();
        assert_eq!(self.session.reconnects(), 0);
        let state = self.session.account().await.unwrap();
        assert!(state.orders.is_empty());
        // The deposit, and two reports for each round.
        assert_eq!(state.last_report, 1 + 2 * rounds);
        let again = Session::connect(&exchange.info, &participant.key).await.unwrap();
        assert_eq!(again.welcome().last_report, 1 + 2 * rounds);
        rounds
    }
}

/// What the metrics page says, without its comments.
pub(super) fn metrics(exchange: &Exchange) -> BTreeMap<String, f64> {
    let address = exchange.metrics.trim_start_matches("http://").trim_end_matches("/metrics");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let lines = text.lines().filter(|line| line.starts_with("cuex_"));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// One of them, 0 while there is none of that name.
pub(super) fn metric(exchange: &Exchange, name: &str) -> f64 {
    metrics(exchange).get(name).copied().unwrap_or(0.0)
}

/// Waits until one of them is at least so much.
pub(super) async fn metric_reaches(exchange: &Exchange, name: &str, wanted: f64) {
    let waiting = async {
        while metric(exchange, name) < wanted {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let is_there = timeout(PATIENCE, waiting).await.is_ok();
    assert!(is_there, "{name} is {}, not {wanted}", metric(exchange, name));
}

/// The memory that the exchange has from the system, in bytes.
pub(super) fn memory(exchange: &Exchange) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", exchange.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// A market with an honest broker `lab` at work, and a broker `mallory` who has a key.
pub(super) async fn market(exchange: &Exchange) -> (ContractId, Participant, Honest, Participant) {
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let mallory = exchange.participant(&operator, "mallory", Role::Broker).await;
    // What mallory says is said by hand.
    mallory.session.close().await;
    let mut honest = Honest::start(&lab, contract);
    honest.goes_on().await;
    (contract, lab, honest, mallory)
}
