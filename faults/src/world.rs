//! The world: who is in it, and which step comes next.

mod faults;
mod keys;
mod network;
mod process;

use crate::auditor::Auditor;
use crate::link::Link;
use crate::plan::Faults;
use crate::server::{START, Server, options};
use crate::trace::Trace;
use crate::traffic::{self, OPERATOR, TRADERS};
use crate::user::User;
use crate::{Plan, Wrong};
use gateway::{Limits, Rate, Throttle};
use journal::SimulatedDisk;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sequencer::{Options, SnapshotOptions};
use std::time::{Duration, Instant};
use types::{AccountId, Timestamp};

/// Says what happens.
macro_rules! say {
    ($world:expr, $($what:tt)*) => { $world.trace.say(format_args!($($what)*)) };
}
pub(crate) use say;

/// After so many steps without faults everything must have come to its end.
const PATIENCE: u32 = 200_000;
const MILLISECOND: u64 = 1_000_000;

/// What has happened in a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands released.
    pub commands: u64,
    /// Recoveries that came to their end.
    pub recoveries: u32,
    /// Recoveries that were broken off by the disk or the power.
    pub broken_off: u32,
    /// Writes or syncs that failed and ended the exchange.
    pub failures: u32,
    /// Power failures.
    pub power: u64,
    /// Connections made.
    pub links: u64,
    /// Commands refused because the disk was full.
    pub refused: u32,
    /// Sessions that went on from their account's state, as their reports were gone.
    pub resynchronised: u32,
    /// Sessions that another one with their key has ended.
    pub superseded: u32,
    /// Snapshots made.
    pub snapshots: u32,
    /// Bits rotted and noticed.
    pub rotted: u32,
    /// Commands carried out for keys that took another's place.
    pub by_successors: u32,
    /// Commands refused because their key was revoked or replaced.
    pub barred: u32,
    /// Commands refused because their key had expired.
    pub expired: u32,
    /// Tells one life from another: the same seed and plan give the same.
    pub hash: u64,
}

impl std::ops::AddAssign for Counts {
    /// Adds up what has happened in two worlds.
    fn add_assign(&mut self, other: Counts) {
        self.commands += other.commands;
        self.recoveries += other.recoveries;
        self.broken_off += other.broken_off;
        self.failures += other.failures;
        self.power += other.power;
        self.links += other.links;
        self.refused += other.refused;
        self.resynchronised += other.resynchronised;
        self.superseded += other.superseded;
        self.snapshots += other.snapshots;
        self.rotted += other.rotted;
        self.by_successors += other.by_successors;
        self.barred += other.barred;
        self.expired += other.expired;
        self.hash ^= other.hash;
    }
}

/// See the head of this file.
pub(crate) struct World {
    plan: Plan,
    faults: Faults,
    random: StdRng,
    trace: Trace,
    auditor: Auditor,
    disk: SimulatedDisk,
    options: Options,
    limits: Limits,
    /// What the exchange's machine takes for the time.
    now: Timestamp,
    /// How long the world has lived, in nanoseconds.
    watch: u64,
    /// When it began, for the clients, who only ever ask how long ago something was.
    began: Instant,
    server: Option<Server>,
    /// Syncs take long until then.
    slow_until: u32,
    /// The disk is full until then.
    full_until: Option<u32>,
    /// Power failures that have been seen to.
    power_seen: u64,
    /// An operation of the disk has been made to fail, or may lose power: whatever fails next may be due to that.
    is_armed: bool,
    /// The bit of a snapshot that is wrong for the next start.
    rotten: Option<(String, u64)>,
    users: Vec<User>,
    /// Users whose process has died.
    dead: Vec<User>,
    /// How many keys were made since it began.
    new_keys: u8,
    is_set_up: bool,
    links: Vec<Link>,
    next_link: u64,
    counts: Counts,
}

impl World {
    pub(crate) fn new(seed: u64, plan: &Plan) -> World {
        let mut random = StdRng::seed_from_u64(seed);
        let mut faults = Faults::draw(&mut random);
        let limits = limits(&mut random);
        // Who says a command twice may have it refused once and taken then, if a refusal has to do with the moment.
        if faults.full > 0 || limits.account != Throttle::UNLIMITED {
            faults.doubles = 0;
        }
        let segment_bytes = [8_192, 12_288, 16_384, 65_536][random.random_range(0..4)];
        World {
            plan: *plan,
            faults,
            trace: Trace::default(),
            auditor: Auditor::default(),
            disk: SimulatedDisk::new(seed),
            options: options(segment_bytes, snapshots(&mut random)),
            limits,
            now: START,
            watch: 0,
            began: Instant::now(),
            server: None,
            slow_until: 0,
            full_until: None,
            power_seen: 0,
            is_armed: false,
            rotten: None,
            users: vec![User::new(OPERATOR, AccountId(1), 0, true)],
            dead: Vec::new(),
            new_keys: 0,
            is_set_up: false,
            links: Vec::new(),
            next_link: 0,
            counts: Counts::default(),
            random,
        }
    }

    /// From the first start to the end.
    pub(crate) fn live(&mut self) -> Result<(), Wrong> {
        say!(self, "{:?}", self.faults);
        self.set_up()?;
        for step in 1..=self.plan.steps {
            self.trace.step = step;
            self.fault()?;
            self.step()?;
        }
        self.end_faults()?;
        for step in self.plan.steps..self.plan.steps + PATIENCE {
            self.trace.step = step;
            self.step()?;
            if step % 16 == 0 && self.is_quiet() {
                return self.end();
            }
        }
        Err(format!("not everything came to its end:\n{}", self.what_is_left()))
    }

    pub(crate) fn counts(&self) -> Counts {
        let (commands, power) = (self.auditor.released(), self.disk.power_failures());
        let users = || self.users.iter().chain(&self.dead);
        let resynchronised = users().map(|user| user.resynchronised).sum();
        let superseded = users().map(|user| u32::from(user.is_superseded())).sum();
        let hash = self.trace.hash();
        let keys = &self.auditor.keys;
        Counts {
            commands,
            power,
            hash,
            resynchronised,
            superseded,
            by_successors: keys.by_successors,
            barred: keys.barred,
            expired: keys.expired,
            ..self.counts
        }
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.trace.lines()
    }

    /// Somebody takes a step.
    fn step(&mut self) -> Result<(), Wrong> {
        match self.random.random_range(0..100) {
            0..8 => self.sequence()?,
            8..18 if self.trace.step >= self.slow_until => self.write()?,
            8..18 => {}
            18..26 => self.release()?,
            26..60 => self.deliver()?,
            60..70 => self.write_reports(),
            70..74 => self.send_on(),
            74..78 => self.dial()?,
            78..80 => self.snapshot()?,
            80..84 => self.notice()?,
            84..93 => self.ask(),
            93..96 => self.time_passes(),
            96..98 => self.beat(),
            _ => self.pass(),
        }
        self.see_to_power();
        self.close_links();
        self.new_keys_come();
        if self.server.is_none() && self.random.random_bool(0.02) {
            self.start()?;
        }
        Ok(())
    }

    /// What time it is for the clients.
    fn instant(&self) -> Instant {
        self.began + Duration::from_nanos(self.watch)
    }

    /// A little time, or some seconds while the world has faults.
    fn time_passes(&mut self) {
        let some_seconds = self.trace.step <= self.plan.steps && self.random.random_bool(0.1);
        let most = if some_seconds { 3_000 * MILLISECOND } else { 50 * MILLISECOND };
        let passed = self.random.random_range(0..most);
        self.now.0 += passed;
        self.watch += passed;
    }

    /// A user asks something new, while the world has faults.
    fn ask(&mut self) {
        if self.trace.step > self.plan.steps {
            return;
        }
        if !self.is_set_up {
            return self.ask_to_set_up();
        }
        let at = self.random.random_range(0..self.users.len());
        for _ in 0..self.random.random_range(1..=6) {
            let (user, random) = (&mut self.users[at], &mut self.random);
            let command = match user.key {
                OPERATOR => traffic::desk_work(random, self.now),
                _ => traffic::trade(random, self.now, user.last_order()),
            };
            let (overtakes, now) = (self.random.random(), self.instant());
            if let Some((lane, number)) = self.users[at].ask(command.clone(), overtakes, now) {
                say!(self, "key {} asks {lane:?} {number}: {command:?}", self.users[at].key);
            }
        }
        self.flush(at);
    }

    /// The operator sets the market up; when that is done, the traders come.
    fn ask_to_set_up(&mut self) {
        let (commands, now) = (traffic::set_up(), self.instant());
        let operator = &mut self.users[0];
        let asked = usize::try_from(operator.last_order()).unwrap_or(usize::MAX);
        if asked < commands.len() {
            commands[asked..].iter().all(|command| operator.ask(command.clone(), false, now).is_some());
            return self.flush(0);
        }
        if operator.machine.is_idle() {
            say!(self, "the market is set up");
            self.is_set_up = true;
            let random = &mut self.random;
            self.users.extend(TRADERS.map(|(key, account)| User::new(key, account, 0, random.random())));
        }
    }

    /// Everything that was asked has come to its end, and nothing is on its way.
    fn is_quiet(&self) -> bool {
        let Some(server) = &self.server else { return false };
        server.is_idle(self.now) && self.users.iter().all(|user| user.is_done(&self.auditor))
    }

    /// The end: what must be true when all is quiet, and again after a last start.
    fn end(&mut self) -> Result<(), Wrong> {
        self.check_mirror()?;
        for user in &self.users {
            user.check_end(&self.auditor)?;
        }
        for (sender, command) in self.auditor.commands_taken() {
            let users = || self.users.iter().chain(&self.dead);
            if !users().any(|user| user.has_asked(sender, command)) {
                return Err(format!("{sender:?} was carried out and never asked: {command:?}"));
            }
        }
        self.kill();
        self.start()?;
        if self.server.is_none() {
            return Err("it does not start, and nothing is wrong with the disk".to_owned());
        }
        self.auditor.audit()
    }

    fn what_is_left(&self) -> String {
        let mut left = Vec::new();
        match &self.server {
            None => left.push("  the exchange is down".to_owned()),
            Some(server) if !server.is_idle(self.now) => left.push("  the exchange is not idle".to_owned()),
            Some(_) => {}
        }
        for user in self.users.iter().filter(|user| !user.is_done(&self.auditor)) {
            let reports = self.auditor.reports_to(user.account);
            left.push(format!(
                "  key {}: idle {}, told {} of {reports} reports, linked {}",
                user.key,
                user.machine.is_idle(),
                user.told,
                user.link.is_some()
            ));
        }
        left.join("\n")
    }
}

/// Some worlds have snapshots, and some of these delete what is old.
fn snapshots(random: &mut StdRng) -> Option<SnapshotOptions> {
    let every_bytes = random.random_range(2_000..20_000);
    let journal_bytes = random.random_bool(0.5).then(|| random.random_range(0..60_000));
    let snapshots = SnapshotOptions { every_bytes, keep: 2, journal_bytes, journal_age: None };
    random.random_bool(0.7).then_some(snapshots)
}

/// What users may say: as much as they like, or so little that they come upon it.
fn limits(random: &mut StdRng) -> Limits {
    let rate = |rate, burst| Rate { rate, burst };
    let usual = Limits::unthrottled();
    if random.random_bool(0.7) {
        return usual;
    }
    let account = Throttle { orders: rate(40, 30), cancels: rate(80, 20), queries: Rate::UNLIMITED };
    let session = Throttle { orders: rate(30, 25), cancels: rate(60, 15), queries: Rate::UNLIMITED };
    Limits { account, session, reports_waiting: random.random_range(1_000..8_000), reject_cost: 2, ..usual }
}
