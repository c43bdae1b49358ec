//! `cuex class`: the operator lists classes; everybody sees them.

use crate::account::Reason;
use crate::connect::{Target, command_failure};
use crate::fail::{Done, Failure};
use crate::show;
use crate::typed;
use clap::{Args, Subcommand};
use protocol::decimal;
use protocol::symbol::ClassSymbol;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::time::Duration;
use types::{Class, ClassSpec, Code, UNITS_MAX, Why};

/// Classes of accelerators.
#[derive(Debug, Args)]
pub(crate) struct ClassArguments {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: ClassCommand,
}

#[derive(Debug, Subcommand)]
enum ClassCommand {
    /// Operator: list a class. Its terms never change afterwards.
    #[command(
        after_help = "Examples:\n  cuex class --key cuex-data/operator.key define H100SXM-USE --tick 0.0001\n  \
        cuex class --key cuex-data/operator.key define H100SXM-USE --performance 989.5 --precision BF16 \
        --preopen 30m --opening 10m --auction 2m --random-end 30s --static-band 50% --dynamic-band 10% --max-units 1000"
    )]
    Define(Box<DefineArguments>),
    /// Show all classes.
    #[command(after_help = "Example:\n  cuex class --key acme.key list")]
    List,
    /// Show all terms of one class.
    #[command(after_help = "Example:\n  cuex class --key acme.key show H100SXM-USE")]
    Show {
        /// Model and region: H100SXM-USE.
        symbol: String,
    },
}

/// The terms of a class.
#[derive(Debug, Args)]
struct DefineArguments {
    /// Model and region: H100SXM-USE.
    symbol: String,
    /// What prices are in.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// The smallest step of a price, per accelerator-hour.
    #[arg(long, default_value = "0.0001")]
    tick: String,
    /// The length of a slot in hours, 1 to 168.
    #[arg(long, default_value_t = 1)]
    slot_hours: u8,
    /// How many minutes before its slot a contract stops trading.
    #[arg(long, default_value_t = 0)]
    gate_minutes: u16,
    /// How many hours ahead contracts exist, at most 8784.
    #[arg(long, default_value_t = 336)]
    horizon_hours: u16,
    /// The fee each side pays, in parts per million of the traded value, at most 100000.
    #[arg(long, default_value_t = 1_000)]
    fee_ppm: u32,
    /// What one unit computes at most, dense, in TFLOP/s; not stated if not said.
    #[arg(long, value_name = "TFLOPS", requires = "precision")]
    performance: Option<String>,
    /// At which precision: BF16.
    #[arg(long, requires = "performance")]
    precision: Option<String>,
    /// For how long a new contract only gathers orders, before its opening auction: 30m.
    #[arg(long, value_name = "TIME", requires = "opening", value_parser = typed::duration)]
    preopen: Option<Duration>,
    /// How long the call of the opening auction lasts: 10m; without, contracts open continuous.
    #[arg(long, value_name = "TIME", value_parser = typed::duration)]
    opening: Option<Duration>,
    /// How long the call of a reopening auction lasts, after an interruption or a halt: 2m.
    #[arg(long, value_name = "TIME", value_parser = typed::duration)]
    auction: Option<Duration>,
    /// By how much at most an auction ends later, at random: 30s.
    #[arg(long, value_name = "TIME", value_parser = typed::duration)]
    random_end: Option<Duration>,
    /// How far from the reference price orders and trades may be: 50%. It takes a reopening auction.
    #[arg(long, value_name = "PERCENT", requires = "auction")]
    static_band: Option<String>,
    /// How far from the last price a trade may be: 10%. It takes a reopening auction.
    #[arg(long, value_name = "PERCENT", requires = "auction")]
    dynamic_band: Option<String>,
    /// The most units of one order.
    #[arg(long, value_name = "UNITS")]
    max_units: Option<String>,
    #[command(flatten)]
    reason: Reason,
}

impl DefineArguments {
    /// Reads everything, before anybody is called.
    fn read(&self) -> Result<ClassSpec, Failure> {
        let ClassSymbol { model, region } = typed::class_symbol(&self.symbol)?;
        let currency: Code = self.currency.parse().map_err(|error| Failure::usage("bad-currency", error))?;
        let performance = self.performance.as_deref().zip(self.precision.as_deref());
        let performance = performance.map(|(tflops, precision)| typed::performance(tflops, precision));
        let band = |band: &Option<String>| band.as_deref().map(typed::band).transpose();
        Ok(ClassSpec {
            model,
            region,
            currency,
            tick: typed::money(&self.tick)?,
            slot_hours: self.slot_hours,
            gate_minutes: self.gate_minutes,
            horizon_hours: self.horizon_hours,
            fee_ppm: self.fee_ppm,
            performance: performance.transpose()?,
            preopen_minutes: span("preopen", self.preopen, 60)?,
            opening_minutes: span("opening", self.opening, 60)?,
            auction_seconds: span("auction", self.auction, 1)?,
            random_seconds: span("random-end", self.random_end, 1)?,
            static_band_ppm: band(&self.static_band)?.unwrap_or(0),
            dynamic_band_ppm: band(&self.dynamic_band)?.unwrap_or(0),
            order_units_max: self.max_units.as_deref().map(typed::units).transpose()?.unwrap_or(UNITS_MAX),
        })
    }
}

/// A span of time in whole minutes or seconds; 0 if it is not said.
fn span(name: &str, span: Option<Duration>, each: u64) -> Result<u16, Failure> {
    let seconds = span.unwrap_or_default().as_secs();
    let whole = seconds.is_multiple_of(each).then(|| u16::try_from(seconds / each).ok()).flatten();
    whole.ok_or_else(|| {
        let unit = if each == 60 { "minutes" } else { "seconds" };
        let message = format!("--{name} of {seconds} s: expected whole {unit}, at most {}", u16::MAX);
        Failure::usage("bad-span", message)
    })
}

pub(crate) async fn run(arguments: ClassArguments, as_json: bool) -> Done {
    match arguments.command {
        ClassCommand::List => list(&arguments.target, as_json).await,
        ClassCommand::Show { symbol } => {
            show_one(&arguments.target, typed::class_symbol(&symbol)?, as_json).await
        }
        ClassCommand::Define(define_arguments) => {
            let (spec, why) = (define_arguments.read()?, define_arguments.reason.read()?);
            define(&arguments.target, spec, why, as_json).await
        }
    }
}

async fn define(target: &Target, spec: ClassSpec, why: Why, as_json: bool) -> Done {
    let session = target.session().await?;
    let no = session.define_class(spec, why).await.map_err(command_failure)?;
    session.close().await;
    let class = Class { no, spec };
    if as_json {
        show::json(&to_json(&class));
    } else {
        show::line(&format!("class {} is listed as number {}", ClassSymbol::of(&spec), no.0));
    }
    Ok(())
}

async fn list(target: &Target, as_json: bool) -> Done {
    let desk = target.desk().await?;
    if as_json {
        show::json(&desk.classes.iter().map(to_json).collect());
        return Ok(());
    }
    let heading = [
        "no",
        "class",
        "currency",
        "tick",
        "slot",
        "gate",
        "horizon",
        "fee ppm",
        "TFLOP/s",
        "opening",
        "reopening",
        "bands",
        "max units",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(desk.classes.iter().map(|class| {
        let spec = &class.spec;
        let words = Words::of(spec);
        vec![
            class.no.0.to_string(),
            ClassSymbol::of(spec).to_string(),
            spec.currency.to_string(),
            decimal::from_ticks(1, spec).to_string(),
            format!("{} h", spec.slot_hours),
            format!("{} min", spec.gate_minutes),
            format!("{} h", spec.horizon_hours),
            spec.fee_ppm.to_string(),
            words.performance,
            words.opening,
            words.reopening,
            words.bands,
            spec.order_units_max.to_string(),
        ]
    }));
    show::table(&[0, 3, 4, 5, 6, 7, 8, 12], &rows);
    Ok(())
}

async fn show_one(target: &Target, symbol: ClassSymbol, as_json: bool) -> Done {
    let desk = target.desk().await?;
    let class = desk.class(symbol)?;
    if as_json {
        show::json(&to_json(class));
        return Ok(());
    }
    let spec = &class.spec;
    let words = Words::of(spec);
    let tick = decimal::from_ticks(1, spec);
    show::line(&format!("class {symbol}, number {}", class.no.0));
    let rows = [
        ("prices", format!("in steps of {tick} {} per accelerator-hour", spec.currency)),
        ("slots", format!("{} h long, up to {} h ahead", spec.slot_hours, spec.horizon_hours)),
        ("gate", format!("{} min before the slot", spec.gate_minutes)),
        ("fee", format!("{} parts per million of the value, each side", spec.fee_ppm)),
        ("TFLOP/s a unit", words.performance),
        ("opening", words.opening),
        ("reopening", words.reopening),
        ("bands", words.bands),
        ("most units", format!("{} in one order", spec.order_units_max)),
    ];
    show::table(&[], &rows.map(|(name, words)| vec![format!("  {name}"), words]));
    Ok(())
}

/// Terms in words.
struct Words {
    performance: String,
    opening: String,
    reopening: String,
    bands: String,
}

impl Words {
    fn of(spec: &ClassSpec) -> Words {
        let none = || "-".to_owned();
        let performance = spec.performance.map_or_else(none, |has| {
            format!("{} {}", Decimal::new(has.gflops.into(), 3).normalize(), has.precision)
        });
        let random = match spec.random_seconds {
            0 => String::new(),
            seconds => format!(" + up to {seconds} s"),
        };
        let opening = match (spec.preopen_minutes, spec.opening_minutes) {
            (_, 0) => none(),
            (0, call) => format!("{call} min{random}"),
            (gather, call) => format!("{gather} min, {call} min{random}"),
        };
        let reopening = match spec.auction_seconds {
            0 => none(),
            call => format!("{call} s{random}"),
        };
        let bands = [("static", spec.static_band_ppm), ("dynamic", spec.dynamic_band_ppm)];
        let bands: Vec<String> = bands
            .into_iter()
            .filter(|(_, ppm)| *ppm > 0)
            .map(|(name, ppm)| format!("{name} {}%", percent(ppm)))
            .collect();
        let bands = if bands.is_empty() { none() } else { bands.join(", ") };
        Words { performance, opening, reopening, bands }
    }
}

fn percent(ppm: u32) -> Decimal {
    Decimal::new(ppm.into(), 4).normalize()
}

fn to_json(class: &Class) -> Value {
    let spec = &class.spec;
    let performance = spec.performance.map(|has| {
        let tflops = Decimal::new(has.gflops.into(), 3).normalize().to_string();
        json!({ "tflops": tflops, "precision": has.precision.as_str() })
    });
    json!({
        "class": class.no.0,
        "symbol": ClassSymbol::of(spec).to_string(),
        "currency": spec.currency.as_str(),
        "tick": decimal::from_ticks(1, spec).to_string(),
        "slot_hours": spec.slot_hours,
        "gate_minutes": spec.gate_minutes,
        "horizon_hours": spec.horizon_hours,
        "fee_ppm": spec.fee_ppm,
        "performance": performance,
        "preopen_minutes": spec.preopen_minutes,
        "opening_minutes": spec.opening_minutes,
        "auction_seconds": spec.auction_seconds,
        "random_seconds": spec.random_seconds,
        "static_band_percent": percent(spec.static_band_ppm).to_string(),
        "dynamic_band_percent": percent(spec.dynamic_band_ppm).to_string(),
        "order_units_max": spec.order_units_max,
    })
}
