//! The report of a run: what the market came to, and what in it is real and what is made up.

use serde::Serialize;
use std::fmt;
use std::time::Duration;

use crate::demand;
use crate::latency::LatencySummary;
use crate::market::{
    BROKER_CASH, BROKERS, DAY_SPREAD_PERCENT, FEE_PPM, GATE_MINUTES, HABITS, HORIZON_HOURS, MarketPlan,
    dollars, speed_up,
};
use crate::progress::{Snapshot, Totals};
use crate::text::{count, percent};

/// What a demo run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What the agents' choices were drawn from.
    pub seed: u64,
    /// How long the market ran, in seconds.
    pub ran_s: f64,
    /// Counters.
    #[serde(flatten)]
    pub totals: Totals,
    /// The share of posted idle accelerator-hours that found a user, 0 to 1.
    pub share_sold: f64,
    /// From the intended sending of an order to the arrival of its durable acknowledgement: every new and replaced
    /// order.
    pub ack_latency_us: LatencySummary,
    /// The same of brokers' orders alone, which come when their job does, whether the exchange keeps up or not.
    pub broker_ack_latency_us: LatencySummary,
    /// True if the exchange's books balanced at the end: nothing made, nothing lost. Known to whoever ran it.
    pub conserved: Option<bool>,
    /// The digest of the exchange's state at the end. Known to whoever ran it.
    pub digest: Option<String>,
    /// Where the exchange's journal is. Known to whoever ran it.
    pub data_dir: Option<String>,
    /// What is taken from the world.
    pub real: Vec<String>,
    /// What is not.
    pub made_up: Vec<String>,
}

impl Report {
    pub(crate) fn new(seed: u64, end: &Snapshot, notes: Notes) -> Report {
        Report {
            seed,
            ran_s: end.elapsed.as_secs_f64(),
            totals: end.totals,
            share_sold: end.totals.share_sold(),
            ack_latency_us: end.ack_latency_us,
            broker_ack_latency_us: end.broker_ack_latency_us,
            conserved: None,
            digest: None,
            data_dir: None,
            real: notes.real,
            made_up: notes.made_up,
        }
    }
}

/// What in a run is real and what is made up, one sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes {
    /// What is taken from the world.
    pub real: Vec<String>,
    /// What is not.
    pub made_up: Vec<String>,
}

impl Notes {
    /// The notes for a run of this plan in which a day of the data lasts so long.
    #[must_use]
    pub fn new(plan: &MarketPlan, day_lasts: Duration) -> Notes {
        let asks: usize = plan.days.iter().map(|day| day.asks.len()).sum();
        let (first, last) = (&plan.days[0].day, &plan.days[plan.days.len() - 1].day);
        let (seconds, speed_up) = (day_lasts.as_secs(), speed_up(day_lasts));
        let real = vec![
            format!(
                "Asks: {asks} machine-days that {} hosts had on offer on Vast.ai from {first} to {last} (CCIR archive, CC BY 4.0); \
                 nested offers capped at the machine, terms clipped to {HORIZON_HOURS} hours, prices rounded up to the tick.",
                plan.providers.len()
            ),
            "Jobs: how often they come, how many accelerators they want and how long they run follow the figures published \
             for Alibaba's GPU cluster trace v2023; no job is taken from the trace itself."
                .to_owned(),
            "Time: contracts are for real hours from now on, and nothing is acknowledged before it is synced to the disk."
                .to_owned(),
        ];
        let habit = |share: f64| format!("{:.0} %", share * 100.0);
        let made_up = vec![
            format!(
                "Speed: a day of the data lasts {seconds} s and then comes the next, over and over; jobs come {speed_up} times as \
                 fast as in the cluster. Slots do not move faster: what is sold of an hour stays sold."
            ),
            format!(
                "Who bids: {BROKERS} brokers, each with the jobs of one such cluster and {} of cash.",
                dollars_text(BROKER_CASH)
            ),
            format!(
                "What jobs pay, when they start, how long they wait and which class they want: limits within {} % of the class's \
                 median ask, {} of jobs want the first hours they can get, classes are drawn by the accelerators they offer.",
                demand::MARGIN_BP.end() / 100,
                habit(demand::START_NOW)
            ),
            format!(
                "How brokers trade: one order for each hour of a job, {} of jobs immediate-or-cancel; {} of fills are offered on at \
                 {} % more for {} s.",
                habit(HABITS.ioc_share),
                habit(HABITS.resale_share),
                HABITS.resale_markup_percent,
                HABITS.resale_patience.as_secs()
            ),
            format!(
                "The terms of the contracts: ticks of {} dollars, gate closure {GATE_MINUTES} minutes before the hour, a fee of {FEE_PPM} \
                 millionths from each side. Providers change their asks at some moment in the first {DAY_SPREAD_PERCENT} % of a day.",
                dollars(1).normalize()
            ),
        ];
        Notes { real, made_up }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { contracts, commands, rejected, trades, units, jobs, .. } = self.totals;
        let totals = &self.totals;
        writeln!(f, "ran                     {:.1} s, seed {}", self.ran_s, self.seed)?;
        if let Some(ms) = self.totals.first_trade_ms {
            writeln!(f, "first trade             after {} ms", count(ms))?;
        }
        writeln!(f, "contracts               {}", count(contracts))?;
        writeln!(f, "commands                {} ({} rejected)", count(commands), count(rejected))?;
        writeln!(f, "jobs                    {}", count(jobs))?;
        writeln!(f, "trades                  {}, {} units", count(trades), count(units))?;
        writeln!(f, "order to durable ack    {}", self.ack_latency_us)?;
        writeln!(f, "  brokers' orders       {}", self.broker_ack_latency_us)?;
        writeln!(
            f,
            "feed gaps               {} ({} books proven)",
            totals.feed_gaps,
            count(totals.books_proven)
        )?;
        let hours = [totals.idle_hours_posted, totals.idle_hours_sold, totals.hours_resold].map(count);
        writeln!(f, "idle hours posted       {} accelerator-hours", hours[0])?;
        writeln!(
            f,
            "idle hours sold         {} ({}); sold on: {}",
            hours[1],
            percent(self.share_sold),
            hours[2]
        )?;
        if let Some(conserved) = self.conserved {
            writeln!(f, "conservation            {}", if conserved { "holds" } else { "VIOLATED" })?;
        }
        if let Some(digest) = &self.digest {
            writeln!(f, "state digest            {digest}")?;
        }
        if let Some(data_dir) = &self.data_dir {
            writeln!(f, "data directory          {data_dir}")?;
        }
        for (heading, lines) in [("real", &self.real), ("made up", &self.made_up)] {
            writeln!(f, "\n{heading}:")?;
            lines.iter().try_for_each(|line| writeln!(f, "  - {line}"))?;
        }
        Ok(())
    }
}

fn dollars_text(money: types::Money) -> String {
    let whole = u64::try_from(money / 1_000_000).unwrap_or_default();
    format!("{} dollars", count(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::day_lasts;
    use crate::progress::Progress;

    #[test]
    fn the_report_has_every_key_and_says_what_is_made_up() {
        let plan = MarketPlan::load().unwrap();
        let progress = Progress::new();
        {
            let totals = &mut progress.lock().totals;
            (totals.idle_hours_posted, totals.idle_hours_sold) = (400, 100);
        }
        let notes = Notes::new(&plan, day_lasts(None, plan.days.len()));
        let mut report = Report::new(7, &progress.snapshot(), notes);
        (report.conserved, report.digest) = (Some(true), Some("ab".to_owned()));
        let json = serde_json::to_value(&report).unwrap();
        for key in [
            "contracts",
            "commands",
            "trades",
            "units",
            "ack_latency_us",
            "feed_gaps",
            "conserved",
            "idle_hours_posted",
            "idle_hours_sold",
            "share_sold",
            "digest",
            "data_dir",
            "seed",
            "ran_s",
            "real",
            "made_up",
        ] {
            assert!(json.get(key).is_some(), "{key} in {json}");
        }
        assert_eq!(json["share_sold"], 0.25);
        assert_eq!(json["conserved"], true);
        for key in ["p50", "p99", "p999", "max"] {
            assert!(json["ack_latency_us"][key].is_u64(), "{key} in {json}");
        }
        let text = report.to_string();
        for part in [
            "786 machine-days",
            "7200 times",
            "10,000,000 dollars",
            "100 (25.00 %)",
            "conservation            holds",
        ] {
            assert!(text.contains(part), "'{part}' in:\n{text}");
        }
    }
}
