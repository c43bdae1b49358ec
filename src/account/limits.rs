//! `cuex account limits`, `kill` and `revive`: how much an account may have open, and whether it may trade at all.

use super::{Reason, tell};
use crate::connect::{Target, command_failure};
use crate::fail::{Done, Failure};
use crate::typed;
use clap::Args;
use protocol::decimal::from_money;
use serde_json::{Value, json};
use types::{Account, Command, Limits, Money, Why};

#[derive(Debug, Args)]
pub(crate) struct LimitsArguments {
    /// The account's name.
    name: String,
    /// How many orders it may have open, blocks among them. What is not said stays as it is.
    #[arg(long, value_name = "N")]
    open_orders: Option<u32>,
    /// How many blocks it may have resting.
    #[arg(long, value_name = "N")]
    open_blocks: Option<u32>,
    /// What one order may be worth at its limit, in its class's currency, or `none` for no limit.
    #[arg(long, value_name = "AMOUNT")]
    order_value: Option<String>,
    #[command(flatten)]
    reason: Reason,
}

#[derive(Debug, Args)]
pub(crate) struct KillArguments {
    /// The account's name.
    name: String,
    #[command(flatten)]
    reason: Reason,
}

pub(crate) async fn set(target: &Target, arguments: LimitsArguments, as_json: bool) -> Done {
    let LimitsArguments { name, open_orders, open_blocks, order_value, reason } = arguments;
    if open_orders.is_none() && open_blocks.is_none() && order_value.is_none() {
        let message = "no limit is named: say --open-orders, --open-blocks or --order-value";
        return Err(Failure::usage("missing-argument", message));
    }
    let order_value = order_value.as_deref().map(value).transpose()?;
    let why = reason.read()?;
    let desk = target.desk().await?;
    let account = desk.account_named(&name).await?;
    let limits = Limits {
        open_orders: open_orders.unwrap_or(account.limits.open_orders),
        open_blocks: open_blocks.unwrap_or(account.limits.open_blocks),
        order_value: order_value.unwrap_or(account.limits.order_value),
    };
    let command = Command::SetLimits { account: account.id, limits, why };
    let report = desk.session.request(command).await.map_err(command_failure)?;
    desk.session.close().await;
    let mut value = to_json(&limits);
    value["account"] = account.id.0.into();
    value["sequence"] = report.sequence.into();
    tell(as_json, &format!("account {} '{name}' may have {}", account.id, words(&limits)), value);
    Ok(())
}

/// Sets or takes back the kill switch.
pub(crate) async fn kill(target: &Target, arguments: KillArguments, on: bool, as_json: bool) -> Done {
    let why: Why = arguments.reason.read()?;
    let desk = target.desk().await?;
    let Account { id, name, .. } = desk.account_named(&arguments.name).await?;
    let command = Command::SetKillSwitch { account: id, on, why };
    let report = desk.session.request(command).await.map_err(command_failure)?;
    desk.session.close().await;
    let text = if on {
        format!("account {id} '{name}' is stopped: its orders end, and it may only read")
    } else {
        format!("account {id} '{name}' may trade again; its orders do not come back")
    };
    tell(as_json, &text, json!({ "account": id.0, "killed": on, "sequence": report.sequence }));
    Ok(())
}

/// Limits in words.
pub(crate) fn words(limits: &Limits) -> String {
    let Limits { open_orders, open_blocks, order_value } = *limits;
    let value = match order_value {
        Money::MAX => "orders of any value".to_owned(),
        most => format!("orders worth {} each at most", from_money(most)),
    };
    format!("{open_orders} open orders, {open_blocks} resting blocks, {value}")
}

/// The same for machines.
pub(crate) fn to_json(limits: &Limits) -> Value {
    let Limits { open_orders, open_blocks, order_value } = *limits;
    let value = (order_value != Money::MAX).then(|| from_money(order_value).to_string());
    json!({ "limits": { "open_orders": open_orders, "open_blocks": open_blocks, "order_value": value } })
}

fn value(text: &str) -> Result<Money, Failure> {
    if text == "none" { Ok(Money::MAX) } else { typed::money(text) }
}
