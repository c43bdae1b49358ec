//! What came of a load, in numbers.

use client::Depth;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use types::{Command, Report};

use super::LoadOutcome;
use super::ledger::Traffic;
use super::plan::{LoadPlan, Pace};
use super::recorder::{Kind, StepRecord};
use super::run::Findings;
use super::spans::{Span, memory_growth, timeline};
use crate::latency::LatencySummary;
use crate::text::{count, table};

/// What came of a load. What the exchange does not tell is `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadReport {
    /// What everything random was drawn from.
    pub seed: u64,
    /// What was sent.
    pub mix: &'static str,
    /// When it was sent.
    pub pace: String,
    /// How many sessions.
    pub sessions: u32,
    /// Over how many contracts.
    pub contracts: u32,
    /// How many threads sent.
    pub threads: u32,
    /// For how long nothing was measured, in seconds.
    pub warm_up_s: f64,
    /// For how long was measured, in seconds.
    pub ran_s: f64,
    /// Commands a second that were to be sent.
    pub offered_per_s: f64,
    /// Outcomes a second that arrived.
    pub acknowledged_per_s: f64,
    /// Commands that were to be sent.
    pub offered: u64,
    /// Of those, never sent because too many had no outcome until their step had ended.
    pub held_back: u64,
    /// Cancels whose moment came while their session had nothing that could be cancelled; not offered, and not late.
    pub nothing_to_cancel: u64,
    /// From the moment a command was to be sent to the arrival of its durable outcome; in a closed loop from the moment
    /// the outcome arrived that it followed.
    pub ack_latency_us: LatencySummary,
    /// The same by kind of command.
    pub latency_us_by_kind: BTreeMap<&'static str, LatencySummary>,
    /// By how much commands were sent later than they could have been: the fault of the load itself.
    pub generator_late_us: LatencySummary,
    /// Outcomes in all, those of the warm-up included.
    pub acknowledged: u64,
    /// Of those, rejected or refused, by code.
    pub rejected: BTreeMap<String, u64>,
    /// Units that traded, in single slots and in blocks.
    pub units: u64,
    /// How often a block traded; two that met are two.
    pub blocks_traded: u64,
    /// Commands without an outcome: should be 0.
    pub lost: u64,
    /// Outcomes that were one too many: should be 0.
    pub duplicated: u64,
    /// Reports that did not follow the one before: should be 0.
    pub reports_out_of_order: u64,
    /// Public events that were missed: should be 0. `None` if the feed was not followed.
    pub feed_gaps: Option<u64>,
    /// Public books that were proven against a digest of the feed's.
    pub books_proven: Option<u64>,
    /// The subscribers that were there besides, if there were any.
    pub subscribers: Option<SubscribersReport>,
    /// Open orders left on the exchange: should be 0.
    pub left_behind: u64,
    /// True if the accounts of the load together have what they had, less fees.
    pub conserved: bool,
    /// How many commands were given to a connection together, on average.
    pub commands_per_write: f64,
    /// How many reports arrived together, on average.
    pub reports_per_read: f64,
    /// How many commands one sync made durable, on average.
    pub records_per_sync: Option<f64>,
    /// How many bytes of the journal a command took, on average.
    pub journal_bytes_per_command: Option<f64>,
    /// The time to write and sync one batch, on average, in microseconds.
    pub append_us: Option<f64>,
    /// Microseconds of the exchange's CPU for each outcome.
    pub cpu_us_per_order: Option<f64>,
    /// The same of this end.
    pub client_cpu_us_per_order: f64,
    /// The most memory the exchange used, in bytes.
    pub exchange_memory: Option<u64>,
    /// How many times as much it used at the end, the mean of the last fifth of the measured time, as from the middle on,
    /// that of the third fifth. `None` also if too little was measured.
    pub exchange_memory_growth: Option<f64>,
    /// The most memory this end used, in bytes.
    pub client_memory: u64,
    /// The stretches with a rate of their own.
    pub steps: Vec<StepReport>,
    /// How it went over time.
    pub timeline: Vec<Moment>,
}

/// What the subscribers of a load were sent, and what went wrong with them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubscribersReport {
    /// How many there were.
    pub count: u32,
    /// What they were subscribed to.
    pub depth: &'static str,
    /// Messages a second, of all together.
    pub messages_per_s: f64,
    /// Their bytes.
    pub bytes_per_s: f64,
    /// Connections that were lost: should be 0.
    pub cut: u64,
    /// What was missing or wrong, where whole books were followed and it shows: should be 0.
    pub gaps: Option<u64>,
}

/// A stretch of a run with a rate of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// How long it was, in seconds.
    pub lasted_s: f64,
    /// Commands a second that were to be sent.
    pub offered_per_s: f64,
    /// Outcomes a second that arrived.
    pub acknowledged_per_s: f64,
    /// Commands that were never sent.
    pub held_back: u64,
    /// Cancels that were no offer, as there was nothing to cancel.
    pub nothing_to_cancel: u64,
    /// Of the commands that were to be sent in it.
    pub ack_latency_us: LatencySummary,
    /// The same of cancels alone, which have a lane of their own.
    pub cancel_latency_us: LatencySummary,
}

/// A part of the measured time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Moment {
    /// In which of the steps, from 0.
    pub step: usize,
    /// When it began, in seconds.
    pub at_s: f64,
    /// Commands a second that were to be sent, and were.
    pub sent_per_s: f64,
    /// Outcomes a second that arrived.
    pub acknowledged_per_s: f64,
    /// Of the commands that were to be sent in it.
    pub ack_latency_us: LatencySummary,
    /// How many cores the exchange used.
    pub exchange_cores: Option<f64>,
    /// How many this end used.
    pub client_cores: Option<f64>,
    /// Bytes of memory of the exchange.
    pub exchange_memory: Option<u64>,
    /// Of this end.
    pub client_memory: Option<u64>,
    /// How many commands one sync made durable.
    pub records_per_sync: Option<f64>,
}

/// What was said, by kind: one of each, and how many there were. Reports without those of clearing away.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// By the sessions.
    pub commands: Vec<(Command, u64)>,
    /// By the exchange.
    pub reports: Vec<(Report, u64)>,
}

impl LoadReport {
    /// What is wrong with the exchange, or with the load; nothing, if all is well.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let audience = self.subscribers.as_ref();
        let counts = [
            ("commands without an outcome", self.lost),
            ("outcomes one too many", self.duplicated),
            ("reports out of order", self.reports_out_of_order),
            ("gaps in the feed", self.feed_gaps.unwrap_or(0)),
            ("subscribers cut", audience.map_or(0, |audience| audience.cut)),
            ("gaps in what subscribers were sent", audience.and_then(|audience| audience.gaps).unwrap_or(0)),
            ("orders left behind", self.left_behind),
        ];
        let wrong = counts.iter().filter(|(_, found)| *found > 0);
        let mut faults: Vec<String> = wrong.map(|(what, found)| format!("{found} {what}")).collect();
        if !self.conserved {
            faults.push("money or units were made or lost".to_owned());
        }
        faults
    }

    /// Counts what was wrong with an earlier run in with this one's.
    pub(super) fn add_faults(&mut self, earlier: &LoadReport) {
        self.lost += earlier.lost;
        self.duplicated += earlier.duplicated;
        self.reports_out_of_order += earlier.reports_out_of_order;
        self.feed_gaps = self.feed_gaps.map(|gaps| gaps + earlier.feed_gaps.unwrap_or(0));
        if let (Some(own), Some(earlier)) = (&mut self.subscribers, &earlier.subscribers) {
            own.cut += earlier.cut;
            own.gaps = own.gaps.map(|gaps| gaps + earlier.gaps.unwrap_or(0));
        }
        self.left_behind += earlier.left_behind;
        self.conserved &= earlier.conserved;
    }
}

/// Puts a run in numbers.
pub(super) fn outcome(plan: &LoadPlan, findings: &Findings) -> LoadOutcome {
    let recorder = &findings.recorder;
    let all = recorder.all();
    let kinds: Vec<_> = Kind::ALL.into_iter().zip(recorder.kinds.iter().cloned()).collect();
    let tally = &findings.tally;
    let said =
        |traffic: &Traffic| Said { commands: traffic.commands.clone(), reports: traffic.reports.clone() };
    LoadOutcome { report: report(plan, findings), kinds, all, said: said(&tally.traffic) }
}

fn report(plan: &LoadPlan, findings: &Findings) -> LoadReport {
    let Findings { tally, recorder, feed, samples, .. } = findings;
    let ran = plan.run_for();
    let (offered, held_back) = sum(&recorder.steps, |step| (step.offered, step.held_back));
    let (arrived, _) = sum(&recorder.steps, |step| (step.arrived, 0));
    let kinds = Kind::ALL.into_iter().zip(&recorder.kinds);
    let [commands, reports] = [
        tally.traffic.commands.iter().map(|(_, count)| count).sum(),
        tally.traffic.reports.iter().map(|(_, count)| count).sum(),
    ];
    let whole = samples.first().zip(samples.last()).map(|(&first, &last)| Span { first, last });
    let exchange = |of: fn(&Span) -> Option<f64>| whole.as_ref().and_then(of);
    let arrived_float = arrived as f64;
    LoadReport {
        seed: plan.seed,
        mix: plan.mix.name(),
        pace: plan.pace.to_string(),
        sessions: plan.sessions,
        contracts: plan.contracts,
        threads: plan.threads.min(plan.sessions),
        warm_up_s: plan.warm_up.as_secs_f64(),
        ran_s: ran.as_secs_f64(),
        offered_per_s: match plan.pace {
            Pace::Open { .. } => per_second(offered, ran),
            Pace::Closed { .. } => per_second(arrived, ran),
        },
        acknowledged_per_s: per_second(arrived, ran),
        offered,
        held_back,
        nothing_to_cancel: recorder.steps.iter().map(|step| step.nothing_to_cancel).sum(),
        ack_latency_us: recorder.all().summary(),
        latency_us_by_kind: kinds.map(|(kind, latencies)| (kind.name(), latencies.summary())).collect(),
        generator_late_us: recorder.late.summary(),
        acknowledged: tally.acknowledged,
        rejected: tally.rejected.iter().map(|(code, count)| (code.to_string(), *count)).collect(),
        units: tally.units,
        blocks_traded: tally.blocks_traded,
        lost: tally.lost,
        duplicated: tally.duplicated,
        reports_out_of_order: tally.out_of_order,
        feed_gaps: feed.map(|feed| feed.gaps + feed.mismatches + feed.reconnects),
        books_proven: feed.map(|feed| feed.proven),
        subscribers: subscribers_report(plan, findings),
        left_behind: tally.left_behind,
        conserved: tally.is_conserved(),
        commands_per_write: ratio(commands, tally.traffic.writes),
        reports_per_read: ratio(reports, tally.traffic.reads),
        records_per_sync: exchange(Span::records_per_sync),
        journal_bytes_per_command: exchange(Span::bytes_per_record),
        append_us: exchange(Span::append_us),
        cpu_us_per_order: exchange(Span::exchange_cpu_s).map(|cpu| cpu * 1e6 / arrived_float.max(1.0)),
        client_cpu_us_per_order: whole.as_ref().map_or(0.0, Span::client_cpu_s) * 1e6
            / arrived_float.max(1.0),
        exchange_memory: samples.iter().filter_map(|sample| Some(sample.exchange?.usage?.memory)).max(),
        exchange_memory_growth: memory_growth(samples),
        client_memory: samples.iter().map(|sample| sample.client.memory).max().unwrap_or(0),
        steps: recorder.steps.iter().map(step_report).collect(),
        timeline: timeline(recorder, samples),
    }
}

fn subscribers_report(plan: &LoadPlan, findings: &Findings) -> Option<SubscribersReport> {
    let attended = findings.attended?;
    let (first, last) = findings.samples.first().zip(findings.samples.last())?;
    let ((messages, bytes), (messages_at_last, bytes_at_last)) = (first.heard, last.heard);
    let time = last.at - first.at;
    let depth = match plan.subscribed {
        Depth::Book => "book",
        Depth::Top => "top",
        Depth::Trades => "trades",
    };
    Some(SubscribersReport {
        count: plan.subscribers,
        depth,
        messages_per_s: per_second(messages_at_last - messages, time),
        bytes_per_s: per_second(bytes_at_last - bytes, time),
        cut: attended.cut,
        gaps: (plan.subscribed == Depth::Book).then_some(attended.gaps),
    })
}

fn step_report(step: &StepRecord) -> StepReport {
    let lasted = step.lasts();
    StepReport {
        lasted_s: lasted.as_secs_f64(),
        offered_per_s: per_second(step.offered, lasted),
        acknowledged_per_s: per_second(step.arrived, lasted),
        held_back: step.held_back,
        nothing_to_cancel: step.nothing_to_cancel,
        ack_latency_us: step.all().summary(),
        cancel_latency_us: step.cancels.summary(),
    }
}

fn sum(steps: &[StepRecord], of: impl Fn(&StepRecord) -> (u64, u64)) -> (u64, u64) {
    steps.iter().map(of).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}

pub(super) fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn ratio(count: u64, each: u64) -> f64 {
    count as f64 / each.max(1) as f64
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optional = |value: Option<String>| value.unwrap_or_else(|| "not told".to_owned());
        let (sessions, contracts, threads) = (self.sessions, count(self.contracts.into()), self.threads);
        writeln!(f, "load             {}, {}; seed {}", self.mix, self.pace, self.seed)?;
        writeln!(f, "from             {sessions} sessions on {threads} threads, in {contracts} contracts")?;
        writeln!(f, "measured         {:.1} s after {:.1} s of warming up", self.ran_s, self.warm_up_s)?;
        let [held_back, nothing] = [self.held_back, self.nothing_to_cancel].map(count);
        let offered = rate(self.offered_per_s);
        writeln!(
            f,
            "offered          {offered}/s ({held_back} held back, {nothing} times nothing to cancel)"
        )?;
        writeln!(f, "acknowledged     {}/s", rate(self.acknowledged_per_s))?;
        writeln!(f, "all to ack       {}", self.ack_latency_us)?;
        for (kind, latency) in self.latency_us_by_kind.iter().filter(|(_, latency)| latency.count > 0) {
            writeln!(f, "{:<16} {latency}", format!("{kind} to ack"))?;
        }
        writeln!(f, "sent too late    {}", self.generator_late_us)?;
        writeln!(
            f,
            "records per sync {}",
            optional(self.records_per_sync.map(|records| format!("{records:.1}")))
        )?;
        writeln!(f, "write and sync   {}", optional(self.append_us.map(|us| format!("{us:.0} µs"))))?;
        let exchange = optional(self.cpu_us_per_order.map(|us| format!("{us:.2} µs")));
        writeln!(f, "CPU per order    exchange {exchange}, this end {:.2} µs", self.client_cpu_us_per_order)?;
        let exchange = optional(self.exchange_memory.map(mib));
        let growth = optional(self.exchange_memory_growth.map(|growth| format!("{growth:.3} times")));
        writeln!(f, "memory           exchange {exchange}, this end {}", mib(self.client_memory))?;
        writeln!(f, "memory growth    exchange {growth}")?;
        let (per_write, per_read) = (self.commands_per_write, self.reports_per_read);
        writeln!(f, "together         {per_write:.1} commands a write, {per_read:.1} reports a read")?;
        if self.steps.len() > 1 {
            write!(f, "\n{}\n", table(&self.step_rows()))?;
        }
        let rejected: Vec<String> =
            self.rejected.iter().map(|(code, found)| format!("{} {code}", count(*found))).collect();
        let rejected = if rejected.is_empty() { "none".to_owned() } else { rejected.join(", ") };
        writeln!(f, "rejected         {rejected}")?;
        let (units, blocks) = (count(self.units), count(self.blocks_traded));
        writeln!(f, "traded           {units} units, {blocks} times a block")?;
        let [lost, twice, disordered] = [self.lost, self.duplicated, self.reports_out_of_order].map(count);
        writeln!(f, "outcomes         {lost} lost, {twice} one too many, {disordered} reports out of order")?;
        match (self.feed_gaps, self.books_proven) {
            (Some(gaps), Some(proven)) => {
                writeln!(f, "feed gaps        {gaps} ({} books proven)", count(proven))?
            }
            _ => writeln!(f, "feed gaps        not watched")?,
        }
        if let Some(audience) = &self.subscribers {
            writeln!(f, "subscribers      {audience}")?;
        }
        writeln!(f, "left behind      {} orders", count(self.left_behind))?;
        write!(f, "conservation     {}", if self.conserved { "holds" } else { "VIOLATED" })
    }
}

impl fmt::Display for SubscribersReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (messages, bytes) = (rate(self.messages_per_s), rate(self.bytes_per_s));
        write!(
            f,
            "{} of {}: {messages} messages/s, {bytes} bytes/s, ",
            count(self.count.into()),
            self.depth
        )?;
        let gaps =
            self.gaps.map_or_else(|| "gaps do not show".to_owned(), |gaps| format!("{} gaps", count(gaps)));
        write!(f, "{} cut, {gaps}", count(self.cut))
    }
}

impl LoadReport {
    fn step_rows(&self) -> Vec<Vec<String>> {
        let heading = [
            "step",
            "offered/s",
            "acknowledged/s",
            "held back",
            "nothing to cancel",
            "p50 µs",
            "p99 µs",
            "cancels' p99 µs",
        ];
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        for (at, step) in self.steps.iter().enumerate() {
            let (latency, cancels) = (step.ack_latency_us, step.cancel_latency_us);
            rows.push(vec![
                format!("{} ({:.1} s)", at + 1, step.lasted_s),
                rate(step.offered_per_s),
                rate(step.acknowledged_per_s),
                count(step.held_back),
                count(step.nothing_to_cancel),
                count(latency.p50),
                count(latency.p99),
                count(cancels.p99),
            ]);
        }
        rows
    }
}

/// Whole numbers with commas.
pub(super) fn rate(per_second: f64) -> String {
    format!("{per_second:.0}").parse().map_or_else(|_| format!("{per_second:.0}"), count)
}

pub(super) fn mib(bytes: u64) -> String {
    format!("{} MiB", count(bytes >> 20))
}
