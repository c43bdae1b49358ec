//! `cuex class`: the operator lists classes; everybody sees them.

use crate::account::Reason;
use crate::connect::{Target, command_failure};
use crate::fail::{Done, Failure};
use crate::show;
use crate::typed;
use clap::{Args, Subcommand};
use protocol::decimal;
use protocol::symbol::ClassSymbol;
use serde_json::{Value, json};
use types::{Class, ClassSpec, Code, Why};

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
        after_help = "Example:\n  cuex class --key cuex-data/operator.key define H100SXM-USE --tick 0.0001"
    )]
    Define {
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
        #[command(flatten)]
        reason: Reason,
    },
    /// Show all classes.
    #[command(after_help = "Example:\n  cuex class --key acme.key list")]
    List,
}

pub(crate) async fn run(arguments: ClassArguments, as_json: bool) -> Done {
    match arguments.command {
        ClassCommand::List => list(&arguments.target, as_json).await,
        ClassCommand::Define {
            symbol,
            currency,
            tick,
            slot_hours,
            gate_minutes,
            horizon_hours,
            fee_ppm,
            reason,
        } => {
            let ClassSymbol { model, region } = typed::class_symbol(&symbol)?;
            let currency: Code = currency.parse().map_err(|error| Failure::usage("bad-currency", error))?;
            let tick = typed::money(&tick)?;
            let spec =
                ClassSpec { model, region, currency, tick, slot_hours, gate_minutes, horizon_hours, fee_ppm };
            define(&arguments.target, spec, reason.read()?, as_json).await
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
    let heading = ["no", "class", "currency", "tick", "slot", "gate", "horizon", "fee ppm"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(desk.classes.iter().map(|class| {
        let spec = &class.spec;
        vec![
            class.no.0.to_string(),
            ClassSymbol::of(spec).to_string(),
            spec.currency.to_string(),
            decimal::from_ticks(1, spec).to_string(),
            format!("{} h", spec.slot_hours),
            format!("{} min", spec.gate_minutes),
            format!("{} h", spec.horizon_hours),
            spec.fee_ppm.to_string(),
        ]
    }));
    show::table(&[0, 3, 4, 5, 6, 7], &rows);
    Ok(())
}

fn to_json(class: &Class) -> Value {
    let spec = &class.spec;
    json!({
        "class": class.no.0,
        "symbol": ClassSymbol::of(spec).to_string(),
        "currency": spec.currency.as_str(),
        "tick": decimal::from_ticks(1, spec).to_string(),
        "slot_hours": spec.slot_hours,
        "gate_minutes": spec.gate_minutes,
        "horizon_hours": spec.horizon_hours,
        "fee_ppm": spec.fee_ppm,
    })
}
