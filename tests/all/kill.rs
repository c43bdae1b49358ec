//! The kill test: a real exchange under the load of several clients is killed again and again, at random moments, also
//! while it recovers. After each kill its journal must hold every acknowledged command exactly once, at the place the
//! client was told, and nothing twice; every other command is there once or not at all, as the client finds out by
//! sending it again. What was made durable before stays as it was, nothing is made or lost, and the digests agree.
//!
//! `CUEX_KILLS` says how many kills, `CUEX_SEED` which; `CUEX_LONG` makes it a thousand.

use crate::exchange::{Exchange, PATIENCE};
use crate::proxy::{Proxy, Weather};
use client::{Event, ExchangeInfo, Options, Reports, Session};
use protocol::order_entry::lane_of;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use types::{
    Command, ContractId, KeyNo, Lane, MassCancel, NewOrder, OrderRef, RejectCode, ReportBody, Role, Scope,
    Sender, Sequence, Side, TimeInForce,
};

/// Kills of one exchange; a longer run goes on with another.
const KILLS: u64 = 25;
const KILLS_LONG: u64 = 1_000;
/// So many commands come to their outcome between two kills at most. Enough for some segments in one life.
const COMMANDS_A_KILL: u64 = 3_600;
/// After every so many kills the exchange is also stopped in good order, so that it says its digest.
const STOP_EVERY: u64 = 5;
/// Commands of one client under way on each lane.
const IN_FLIGHT: usize = 64;
/// Their names; the first half bid, the others offer.
const TRADERS: [&str; 4] = ["lab", "studio", "acme", "zenith"];

/// A command of one trader.
type Name = (Lane, u64);

/// What a trader has been told of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It has this place in the total order.
    Taken(Sequence),
    /// It has none.
    NotTaken,
    /// It has one, but what came of it is no longer known.
    TooOld,
}

/// What one trader has said and been told.
#[derive(Debug, Default)]
struct Ledger {
    said: HashMap<Name, Command>,
    told: HashMap<Name, Outcome>,
    last_report: u64,
    /// How often reports were missed for good, which the trader was told.
    resynchronised: u64,
    /// Units bought less units sold.
    units: i64,
}

/// A trader at work, whose connection goes through a proxy, so that the exchange may come back at another address.
struct Trader {
    key: KeyNo,
    session: Session,
    proxy: Proxy,
    ledger: Arc<Mutex<Ledger>>,
    working: JoinHandle<()>,
    listening: JoinHandle<()>,
}

/// What the journal has been seen to hold.
#[derive(Debug, Default)]
struct Audit {
    /// Who sent each command, in order.
    history: Vec<Option<Sender>>,
    /// Where each command stands.
    taken: HashMap<Sender, Sequence>,
}

#[tokio::test]
async fn no_kill_loses_or_doubles_a_command() {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let is_long = std::env::var_os("CUEX_LONG").is_some();
    let kills = setting("CUEX_KILLS").unwrap_or(if is_long { KILLS_LONG } else { KILLS });
    let seed = setting("CUEX_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    for life in 0..kills.div_ceil(KILLS) {
        let kills = KILLS.min(kills - life * KILLS);
        eprintln!("{kills} kills: CUEX_SEED={} CUEX_KILLS={kills}", seed + life);
        live(seed + life, kills).await;
    }
}

/// One exchange from its beginning to a stop in good order.
async fn live(seed: u64, kills: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut exchange = Exchange::start();
    let Market { mut traders, stop, mut told } = Market::open(&exchange, &mut random).await;
    let mut audit = Audit::default();
    for kill in 1..=kills {
        let wanted = *told.borrow() + random.random_range(1..=COMMANDS_A_KILL);
        timeout(PATIENCE, told.wait_for(|told| *told >= wanted)).await.expect("work goes on").unwrap();
        tokio::time::sleep(Duration::from_micros(random.random_range(0..10_000))).await;
        exchange = apart(exchange, Exchange::kill).await.0;
        audit.check(&exchange, &traders);
        if random.random_bool(0.3) {
            let after = Duration::from_millis(random.random_range(0..60));
            exchange = apart(exchange, move |exchange| exchange.kill_while_starting(after)).await.0;
            audit.check(&exchange, &traders);
        }
        exchange = audit.go_on(exchange, &traders).await;
        if kill % STOP_EVERY == 0 {
            exchange = audit.stop(exchange, &traders).await;
            exchange = audit.go_on(exchange, &traders).await;
        }
    }
    stop.send_replace(true);
    settle(&mut traders).await;
    let exchange = audit.stop(exchange, &traders).await;
    assert!(traders.iter().all(|trader| trader.session.reconnects() > 0));
    let newest = newest_segment(&exchange);
    let name = newest.file_name().unwrap().to_str().unwrap();
    assert!(kills < KILLS || name > "00000000000000000001.seg", "it all fitted into one segment");
}

fn newest_segment(exchange: &Exchange) -> PathBuf {
    let files = std::fs::read_dir(exchange.data()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "seg")).max().unwrap()
}

/// So that the kill test can fail: an end of the journal that is lost after all was acknowledged is noticed.
#[tokio::test]
async fn a_lost_end_of_the_journal_is_noticed() {
    let mut random = StdRng::seed_from_u64(1);
    let mut exchange = Exchange::start();
    let Market { mut traders, stop, mut told } = Market::open(&exchange, &mut random).await;
    timeout(PATIENCE, told.wait_for(|told| *told >= 500)).await.expect("work goes on").unwrap();
    stop.send_replace(true);
    settle(&mut traders).await;
    exchange.kill();
    Audit::default().check(&exchange, &traders);
    let file = newest_segment(&exchange);
    let mut bytes = std::fs::read(&file).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 4_096..=end].fill(0);
    std::fs::write(&file, bytes).unwrap();
    let check = AssertUnwindSafe(|| Audit::default().check(&exchange, &traders));
    assert!(catch_unwind(check).is_err(), "acknowledged commands are gone, and nobody noticed");
}

/// Some traders at work.
struct Market {
    traders: Vec<Trader>,
    /// Says that they are to stop.
    stop: watch::Sender<bool>,
    /// How many commands have come to their outcome.
    told: watch::Receiver<u64>,
}

impl Market {
    async fn open(exchange: &Exchange, random: &mut StdRng) -> Market {
        let operator = exchange.operator().await;
        let (_, contract) = exchange.contract(&operator).await;
        let (stop, stopped) = watch::channel(false);
        let (count, told) = watch::channel(0);
        let mut traders = Vec::new();
        let roles = [Role::Broker, Role::Broker, Role::Provider, Role::Provider];
        for (name, role) in TRADERS.iter().zip(roles) {
            let participant = exchange.participant(&operator, name, role).await;
            if role == Role::Provider {
                participant.session.deposit_capacity(contract, 1_000_000, 1).await.unwrap();
            }
            participant.session.close().await;
            let random = StdRng::seed_from_u64(random.random());
            let work = Work { contract, role, random, stopped: stopped.clone() };
            traders.push(Trader::start(exchange, &participant.key, work, count.clone()).await);
        }
        operator.close().await;
        Market { traders, stop, told }
    }
}

/// Does something that blocks, beside the traders.
async fn apart<T: Send + 'static>(
    mut exchange: Exchange,
    act: impl FnOnce(&mut Exchange) -> T + Send + 'static,
) -> (Exchange, T) {
    let acting = spawn_blocking(move || {
        let outcome = act(&mut exchange);
        (exchange, outcome)
    });
    acting.await.unwrap()
}

/// Waits until every command that was said has its outcome and all is told, and compares what all were told.
async fn settle(traders: &mut [Trader]) {
    for trader in &mut *traders {
        timeout(PATIENCE, &mut trader.working).await.expect("work stops").unwrap();
    }
    for trader in &*traders {
        trader.until("every command has its outcome", |ledger| ledger.told.len() == ledger.said.len()).await;
    }
    // Now nothing more can happen to anybody.
    for trader in &mut *traders {
        let state = trader.session.account().await.unwrap();
        trader.until("every report is told", |ledger| ledger.last_report >= state.last_report).await;
        timeout(PATIENCE, trader.session.close()).await.expect("the session ends");
        timeout(PATIENCE, &mut trader.listening).await.expect("all is told").unwrap();
        let ledger = trader.ledger.lock().unwrap();
        assert!(ledger.said.keys().all(|name| ledger.told.contains_key(name)), "an outcome of no command");
        assert_eq!(ledger.last_report, state.last_report);
    }
    let all: Vec<_> = traders.iter().map(|trader| trader.ledger.lock().unwrap()).collect();
    if all.iter().all(|ledger| ledger.resynchronised == 0) {
        assert_eq!(all.iter().map(|ledger| ledger.units).sum::<i64>(), 0, "each unit bought was sold");
    }
    let taken = |ledger: &Ledger| ledger.told.values().filter(|told| **told != Outcome::NotTaken).count();
    let counts: Vec<_> = all.iter().map(|ledger| (ledger.said.len(), taken(ledger))).collect();
    eprintln!("commands said and taken, by trader: {counts:?}");
}

/// What a trader does.
struct Work {
    contract: ContractId,
    role: Role,
    random: StdRng,
    stopped: watch::Receiver<bool>,
}

impl Trader {
    async fn start(
        exchange: &Exchange,
        key: &client::PrivateKey,
        work: Work,
        count: watch::Sender<u64>,
    ) -> Trader {
        let proxy = Proxy::start(exchange.info.gateway, Weather::CALM, 0).await;
        let info = ExchangeInfo { gateway: proxy.address, ..exchange.info };
        let options = Options { in_flight: IN_FLIGHT, patience: PATIENCE, ..Options::default() };
        let (session, reports) = Session::open(&info, key, options).await.unwrap();
        let welcome = session.welcome();
        let ledger = Ledger { last_report: welcome.last_report, ..Ledger::default() };
        let ledger = Arc::new(Mutex::new(ledger));
        let working = tokio::spawn(work.run(session.clone(), Arc::clone(&ledger)));
        let listening = tokio::spawn(listen(reports, Arc::clone(&ledger), count));
        Trader { key: welcome.key, session, proxy, ledger, working, listening }
    }

    /// Waits until something is so of what it was told.
    async fn until(&self, what: &str, is_so: impl Fn(&Ledger) -> bool) {
        let waiting = async {
            while !is_so(&self.ledger.lock().unwrap()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never so: {what}"));
    }
}

impl Work {
    /// Says one command after the other, and waits only while there is no room.
    async fn run(mut self, session: Session, ledger: Arc<Mutex<Ledger>>) {
        let mut last_order = 1;
        while !*self.stopped.borrow() {
            let command = self.next(last_order);
            let number = session.submit(command.clone()).await.unwrap();
            let lane = lane_of(&command).unwrap_or(Lane::Cancels);
            if lane == Lane::Orders {
                last_order = number;
            }
            ledger.lock().unwrap().said.insert((lane, number), command);
        }
    }

    fn next(&mut self, last_order: u64) -> Command {
        let side = if self.role == Role::Broker { Side::Buy } else { Side::Sell };
        let (price, units) = (self.random.random_range(100..110), self.random.random_range(1..4));
        let order = NewOrder::limit(self.contract, side, units, price);
        let recent = OrderRef::Number(last_order.saturating_sub(self.random.random_range(0..50)).max(1));
        match self.random.random_range(0..100) {
            0..68 => Command::NewOrder(order),
            68..86 => Command::Cancel(recent),
            86..92 => Command::Replace { order: recent, price, units },
            92..96 => Command::NewOrder(NewOrder { time_in_force: TimeInForce::Ioc, ..order }),
            96 => Command::MassCancel(MassCancel { scope: Scope::All, side: None }),
            // Twice the same external id is one deposit; a broker may not deposit at all.
            97 => {
                let external = self.random.random_range(2..20);
                Command::DepositCapacity { contract: self.contract, units: 5, external }
            }
            98 => Command::NewOrder(NewOrder { price: 0, ..order }),
            _ => Command::NewOrder(NewOrder { units: 1_000_000, price: 1_000_000, ..order }),
        }
    }
}

/// Notes what a trader is told, until its session ends.
async fn listen(mut reports: Reports, ledger: Arc<Mutex<Ledger>>, count: watch::Sender<u64>) {
    while let Some(batch) = reports.next().await {
        let mut ledger = ledger.lock().unwrap();
        let before = ledger.told.len();
        batch.events.iter().for_each(|event| ledger.take(event));
        let more = u64::try_from(ledger.told.len() - before).unwrap();
        count.send_modify(|count| *count += more);
    }
}

impl Ledger {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Report { report, sent } => {
                assert_eq!(report.number, self.last_report + 1, "a report is left out or told twice");
                self.last_report = report.number;
                if let ReportBody::Filled { side, units, .. } = report.body {
                    self.units += if side == Side::Buy { i64::from(units) } else { -i64::from(units) };
                }
                if sent.is_some() {
                    self.note(report.answers.unwrap(), Outcome::Taken(report.sequence));
                }
            }
            Event::Outcome { report, .. } => {
                self.note(report.answers.unwrap(), Outcome::Taken(report.sequence));
            }
            Event::Refused { refused, .. } => {
                let is_old = refused.code == RejectCode::OutcomeTooOld;
                let outcome = if is_old { Outcome::TooOld } else { Outcome::NotTaken };
                self.note_by_name((refused.lane, refused.number), outcome);
            }
            Event::Resynchronised(state) => {
                assert!(state.last_report >= self.last_report);
                self.last_report = state.last_report;
                self.resynchronised += 1;
            }
        }
    }

    fn note(&mut self, sender: Sender, outcome: Outcome) {
        self.note_by_name((sender.lane, sender.number), outcome);
    }

    fn note_by_name(&mut self, name: Name, outcome: Outcome) {
        let before = self.told.insert(name, outcome);
        assert_eq!(before, None, "the outcome of {name:?} is told twice");
    }
}

impl Audit {
    /// Compares the journal of an exchange that is down with what was in it before and with what the traders know.
    fn check(&mut self, exchange: &Exchange, traders: &[Trader]) -> sequencer::Verified {
        self.read(exchange, traders);
        for trader in traders {
            let ledger = trader.ledger.lock().unwrap();
            for (&(lane, number), outcome) in &ledger.told {
                let taken = self.taken.get(&Sender { key: trader.key, lane, number });
                match outcome {
                    Outcome::Taken(sequence) => assert_eq!(taken, Some(sequence), "{lane:?} {number}"),
                    Outcome::NotTaken => assert_eq!(taken, None, "{lane:?} {number} was not taken"),
                    Outcome::TooOld => assert!(taken.is_some(), "{lane:?} {number} was taken"),
                }
            }
        }
        let verified = sequencer::verify(&exchange.data()).unwrap();
        assert_eq!(verified.last_sequence, self.last());
        assert!(verified.totals.is_ok(), "{:?}", verified.totals);
        verified
    }

    /// Reads the whole journal: what was there is there as it was, and nothing is there twice.
    fn read(&mut self, exchange: &Exchange, traders: &[Trader]) {
        let mut next = None;
        let each = |stamped: &types::Stamped| {
            // Old segments may be gone, once a snapshot stands for them.
            let expected = next.unwrap_or(stamped.sequence.min(self.last() + 1));
            assert_eq!(stamped.sequence, expected, "a command is left out");
            next = Some(stamped.sequence + 1);
            let place = usize::try_from(stamped.sequence - 1).unwrap();
            match self.history.get(place) {
                Some(before) => assert_eq!(*before, stamped.sender, "command {} was another", place + 1),
                None => self.history.push(stamped.sender),
            }
            if let Some(sender) = stamped.sender {
                let first = *self.taken.entry(sender).or_insert(stamped.sequence);
                assert_eq!(first, stamped.sequence, "{sender:?} is there twice");
                if let Some(trader) = traders.iter().find(|trader| trader.key == sender.key)
                    && let Some(said) = trader.ledger.lock().unwrap().said.get(&(sender.lane, sender.number))
                {
                    assert_eq!(stamped.command, *said, "{sender:?} said something else");
                }
            }
            ControlFlow::Continue(())
        };
        sequencer::dump(&exchange.data(), each).unwrap();
        assert!(next.is_none_or(|next| next > self.last()), "the journal has lost its end");
    }

    /// Starts the exchange again: it goes on from the last command of its journal.
    async fn go_on(&self, exchange: Exchange, traders: &[Trader]) -> Exchange {
        let exchange = spawn_blocking(|| exchange.restart()).await.unwrap();
        assert_eq!(exchange.recovered, self.last());
        traders.iter().for_each(|trader| trader.proxy.towards(exchange.info.gateway));
        exchange
    }

    /// Stops the exchange in good order: the digest of the engine that ran is the one of a replay.
    async fn stop(&mut self, exchange: Exchange, traders: &[Trader]) -> Exchange {
        let (exchange, said) = apart(exchange, Exchange::stop).await;
        let verified = self.check(&exchange, traders);
        assert_eq!(said["digest"], verified.digest.to_string());
        assert_eq!((&said["sequence"], &said["conserved"]), (&self.last().into(), &true.into()));
        exchange
    }

    fn last(&self) -> Sequence {
        u64::try_from(self.history.len()).unwrap()
    }
}
