//! A run as a page: one HTML file with its charts in it, which needs neither a script nor the network.

mod chart;

use self::chart::{Axis, Chart, Line, Scale, escaped};
use super::LoadOutcome;
use super::overload::OverloadReport;
use super::report::{LoadReport, Moment};
use super::trials::SearchReport;
use crate::latency::Latencies;

/// What the page is made of.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The run.
    pub outcome: &'a LoadOutcome,
    /// The search it is the best run of.
    pub search: Option<&'a SearchReport>,
    /// What it says of an overload, if it is the run of one.
    pub overload: Option<&'a OverloadReport>,
    /// What it is compared with: what, its figure, and the run's figure as a ratio to it.
    pub floors: Vec<[String; 3]>,
    /// Latencies to show beside the run's.
    pub curves: Vec<Curve<'a>>,
}

/// Latencies with a name.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    /// Whose.
    pub name: &'a str,
    /// All of them.
    pub latencies: &'a Latencies,
}

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --grid: #e3e6ea; --soft: #5b6570;
  --c0: #0b62c4; --c1: #c2410c; --c2: #15803d; --c3: #9333ea; --c4: #64748b; --c5: #0e7490; --c6: #be185d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #14171a; --grid: #2b3137; --soft: #9aa4ae;
  --c0: #6cb2ff; --c1: #ff9a62; --c2: #5fd38a; --c3: #c79bff; --c4: #aab4c0; --c5: #5fd0e5; --c6: #ff85b8; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1500px;
  margin: 2em auto; padding: 0 1.5em; }
h1 { font-size: 1.5em; margin-bottom: 0; } p.sub { color: var(--soft); margin-top: 0.2em; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); gap: 1em 2em; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; margin: 0.5em 0 1.5em; } td, th { text-align: left; padding: 0.15em 1.5em 0.15em 0;
  font-variant-numeric: tabular-nums; border-bottom: 1px solid var(--grid); }
.legend { margin: 0; } .legend span { margin-right: 1em; } .legend span::before { content: '— '; font-weight: bold; }
.none, .label { color: var(--soft); } .fault { color: var(--c1); font-weight: 600; }
svg text { fill: var(--soft); font-size: 12px; } text.x { text-anchor: middle; } text.y { text-anchor: end; }
.grid { stroke: var(--grid); } polyline { fill: none; stroke-width: 1.8; } circle { opacity: 0.7; } ";

impl Page<'_> {
    /// The file.
    #[must_use]
    pub fn html(&self) -> String {
        let report = &self.outcome.report;
        let colours: String = (0..7)
            .map(|at| {
                let colour = format!("var(--c{at})");
                format!("span.c{at} {{ color: {colour} }} polyline.c{at} {{ stroke: {colour} }} circle.c{at} {{ fill: {colour} }}\n")
            })
            .collect();
        let charts: String = self.charts().iter().map(Chart::html).collect();
        let faults: String = report
            .faults()
            .iter()
            .map(|fault| format!("<p class=\"fault\">{}</p>\n", escaped(fault)))
            .collect();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
            <meta name=\"viewport\" content=\"width=device-width\"><title>cuex load: {title}</title>\n\
            <style>{STYLE}{colours}</style></head><body>\n<h1>{title}</h1>\n<p class=\"sub\">{sub}</p>\n{faults}\
            {tables}<div class=\"charts\">\n{charts}</div>\n<h2>In numbers</h2>\n<pre>{numbers}</pre>\n</body></html>\n",
            title = escaped(&format!("{}, {}", report.mix, report.pace)),
            sub = escaped(&summary(report)),
            tables = self.floors_table() + &self.overload_table(),
            numbers = escaped(&report.to_string()),
        )
    }

    fn floors_table(&self) -> String {
        if self.floors.is_empty() {
            return String::new();
        }
        table(&["floor of this machine", "figure", "this run to it"], &self.floors)
    }

    fn overload_table(&self) -> String {
        let Some(overload) = self.overload else { return String::new() };
        let rows = overload.rows();
        let [heading, rows @ ..] = &rows[..] else { return String::new() };
        table(&heading.each_ref().map(String::as_str), rows)
    }

    fn charts(&self) -> Vec<Chart> {
        let seconds = Axis { label: "seconds", scale: Scale::Linear };
        let over_time = |title, label, scale, lines: Vec<Line>| Chart {
            title,
            x: seconds,
            y: Axis { label, scale },
            lines,
        };
        let timeline = &self.outcome.report.timeline;
        let line = |name, of: &dyn Fn(&Moment) -> Option<f64>| Line {
            name: String::from(name),
            points: timeline.iter().filter_map(|moment| Some((moment.at_s, of(moment)?))).collect(),
        };
        let mut charts = vec![
            self.by_percentile(),
            over_time(
                "Latency over time",
                "µs",
                Scale::Log,
                vec![
                    line("p50", &|moment| latency(moment, moment.ack_latency_us.p50)),
                    line("p99", &|moment| latency(moment, moment.ack_latency_us.p99)),
                    line("longest", &|moment| latency(moment, moment.ack_latency_us.max)),
                ],
            ),
            over_time(
                "Throughput",
                "commands a second",
                Scale::Linear,
                vec![
                    line("sent", &|moment| Some(moment.sent_per_s)),
                    line("acknowledged", &|moment| Some(moment.acknowledged_per_s)),
                ],
            ),
            over_time(
                "Processor",
                "cores",
                Scale::Linear,
                vec![
                    line("exchange", &|moment| moment.exchange_cores),
                    line("this end", &|moment| moment.client_cores),
                ],
            ),
            over_time(
                "Memory",
                "MiB",
                Scale::Linear,
                vec![
                    line("exchange", &|moment| moment.exchange_memory.map(mib)),
                    line("this end", &|moment| moment.client_memory.map(mib)),
                ],
            ),
            over_time(
                "Records per sync",
                "commands",
                Scale::Linear,
                vec![line("records", &|moment| moment.records_per_sync)],
            ),
        ];
        charts.extend(self.search.map(staircase));
        charts
    }

    fn by_percentile(&self) -> Chart {
        let (x, y) = (
            Axis { label: "share of commands", scale: Scale::Nines },
            Axis { label: "µs", scale: Scale::Log },
        );
        let line = |name: &str, latencies: &Latencies| {
            let points = latencies.distribution().into_iter().map(|(share, us)| (share, us as f64));
            Line { name: name.to_owned(), points: points.collect() }
        };
        let some = |latencies: &&Latencies| latencies.summary().count > 0;
        let all = Some(&self.outcome.all).filter(some).map(|all| line("all", all));
        let kinds = self.outcome.kinds.iter().filter(|(_, latencies)| some(&latencies));
        let kinds = kinds.map(|(kind, latencies)| line(kind.name(), latencies));
        let curves = self.curves.iter().filter(|curve| some(&curve.latencies));
        let curves = curves.map(|curve| line(curve.name, curve.latencies));
        Chart {
            title: "Latency by percentile",
            x,
            y,
            lines: all.into_iter().chain(kinds).chain(curves).collect(),
        }
    }
}

fn table<const COLUMNS: usize>(heading: &[&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let cells = |cells: &[&str], tag: &str| -> String {
        cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect()
    };
    let row = |row: &[String; COLUMNS]| {
        let row = row.each_ref().map(String::as_str);
        format!("<tr>{}</tr>\n", cells(&row, "td"))
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<table><tr>{}</tr>\n{rows}</table>\n", cells(heading, "th"))
}

/// The trials of a search, by their rate.
fn staircase(search: &SearchReport) -> Chart {
    let mut trials = search.trials.clone();
    trials.sort_by_key(|trial| trial.rate);
    let line = |name: &str, held: bool| Line {
        name: name.to_owned(),
        points: trials
            .iter()
            .filter(|trial| trial.held == held)
            .map(|trial| (trial.rate.into(), trial.p99 as f64))
            .collect(),
    };
    Chart {
        title: "The search: p99 by rate",
        x: Axis { label: "commands a second that were to be sent", scale: Scale::Linear },
        y: Axis { label: "µs", scale: Scale::Log },
        lines: vec![line("held", true), line("not held", false)],
    }
}

fn latency(moment: &Moment, us: u64) -> Option<f64> {
    (moment.ack_latency_us.count > 0).then_some(us as f64)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn summary(report: &LoadReport) -> String {
    format!(
        "{:.0} commands a second acknowledged of {:.0} offered, durable; from {} sessions, in {} contracts; {:.1} s \
        measured after {:.1} s of warming up",
        report.acknowledged_per_s,
        report.offered_per_s,
        report.sessions,
        report.contracts,
        report.ran_s,
        report.warm_up_s
    )
}
