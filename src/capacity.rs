//! `cuex capacity`: a provider's idle slots. Nobody sells what they do not hold.

use crate::connect::{Desk, Target, command_failure};
use crate::fail::{Done, Failure};
use crate::show;
use crate::symbols::SymbolArguments;
use crate::typed;
use clap::{Args, Subcommand};
use client::AccountState;
use protocol::decimal::parse_units;
use serde_json::{Value, json};
use types::ReportBody;

/// Idle slots to sell.
#[derive(Debug, Args)]
pub(crate) struct CapacityArguments {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: CapacityCommand,
}

#[derive(Debug, Subcommand)]
enum CapacityCommand {
    /// Bring units of one contract, or of every slot of a window.
    #[command(after_help = "Examples:\n  cuex capacity --key acme.key add H100SXM-USE 8 --at +6h --id 1\n  \
        cuex capacity --key acme.key add H100SXM-USE-20261122T14Z-6H 8 --id 2")]
    Add {
        #[command(flatten)]
        symbol: SymbolArguments,
        /// How many units in each slot.
        units: String,
        /// Your own id of this deposit: the same again is the same deposit, never a second one.
        #[arg(long)]
        id: u64,
    },
    /// Show the units you hold.
    #[command(after_help = "Example:\n  cuex capacity --key acme.key list")]
    List,
}

pub(crate) async fn run(arguments: CapacityArguments, as_json: bool) -> Done {
    let CapacityArguments { target, command } = arguments;
    match command {
        CapacityCommand::List => list(&target, as_json).await,
        CapacityCommand::Add { symbol, units, id } => add(&target, &symbol, &units, id, as_json).await,
    }
}

async fn add(target: &Target, symbol: &SymbolArguments, units: &str, id: u64, as_json: bool) -> Done {
    let wanted = symbol.read()?;
    let units = parse_units(units).map_err(typed::number_failure)?;
    let desk = target.desk().await?;
    let contracts = wanted.contracts(desk.class(wanted.class())?)?;
    let mut deposits: Vec<Value> = Vec::new();
    for contract in contracts {
        let symbol = desk.symbol(contract);
        let report = desk.session.deposit_capacity(contract, units, id).await.map_err(|error| {
            let failure = command_failure(error);
            Failure { message: format!("{symbol}: {}", failure.message), ..failure }
        })?;
        let credited = match report.body {
            ReportBody::CapacityDeposited { units, .. } => units,
            _ => 0,
        };
        if !as_json {
            show::line(&match credited {
                0 => format!("{symbol}: deposit {id} was there already, {units} units"),
                _ => format!("{symbol}: {units} units added, deposit {id}"),
            });
        }
        deposits.push(json!({ "contract": symbol, "credited": credited, "external": id }));
    }
    desk.session.close().await;
    if as_json {
        show::json(&json!({ "deposits": deposits }));
    }
    Ok(())
}

async fn list(target: &Target, as_json: bool) -> Done {
    let desk = target.desk().await?;
    let state = desk.session.account().await.map_err(command_failure)?;
    if as_json {
        show::json(&json!({ "sequence": state.sequence, "holdings": holdings(&desk, &state) }));
        return Ok(());
    }
    if state.holdings.is_empty() {
        show::line("no units held");
        return Ok(());
    }
    let mut rows = vec![["contract", "free", "on offer"].map(str::to_owned).to_vec()];
    rows.extend(holding_rows(&desk, &state));
    show::table(&[1, 2], &rows);
    Ok(())
}

/// The units an account holds, for machines.
pub(crate) fn holdings(desk: &Desk, state: &AccountState) -> Vec<Value> {
    let held = |held: &client::Holding| json!({ "contract": desk.symbol(held.contract), "free": held.free, "reserved": held.reserved });
    state.holdings.iter().map(held).collect()
}

/// The same as rows: contract, free, reserved.
pub(crate) fn holding_rows(desk: &Desk, state: &AccountState) -> Vec<Vec<String>> {
    let row = |held: &client::Holding| {
        vec![desk.symbol(held.contract), held.free.to_string(), held.reserved.to_string()]
    };
    state.holdings.iter().map(row).collect()
}
