//! Setting the demo market up: classes, accounts, keys and cash, and a session for everybody.

use client::{ExchangeInfo, PrivateKey};
use tokio::task::JoinSet;
use types::{AccountId, AccountName, PublicKey, Role};

use super::DemoError;
use crate::desk::Desk;
use crate::market::{BROKER_CASH, BROKERS, CURRENCY, Listing, MarketPlan, broker_name, provider_name};
use crate::seat::Seat;

/// A market ready to trade.
pub(super) struct Setup {
    pub(super) listing: Listing,
    /// How many commands it took.
    pub(super) commands: u64,
    /// By host of the data.
    pub(super) providers: Vec<(u32, Seat)>,
    /// By number, from 1.
    pub(super) brokers: Vec<(u32, Seat)>,
    /// The key of an analyst, for the feed.
    pub(super) watcher: PrivateKey,
}

/// Somebody who takes part.
struct Party {
    name: AccountName,
    role: Role,
    key: PrivateKey,
}

/// Sets the market up as the operator and takes everybody's seat.
pub(super) async fn open(
    info: &ExchangeInfo,
    operator: &PrivateKey,
    plan: &MarketPlan,
) -> Result<Setup, DemoError> {
    let party = |name, role| Party { name, role, key: PrivateKey::generate() };
    let providers: Vec<Party> =
        plan.providers.iter().map(|&host| party(provider_name(host), Role::Provider)).collect();
    let brokers: Vec<Party> = (1..=BROKERS).map(|no| party(broker_name(no), Role::Broker)).collect();
    let watcher = party("watcher".parse().expect("a name in its form"), Role::Analyst);

    let mut desk = Desk::open(info, operator).await?;
    let classes = desk.list(&plan.classes).await?;
    let parties: Vec<&Party> = providers.iter().chain(&brokers).chain([&watcher]).collect();
    let accounts = admit(&mut desk, &parties).await?;
    let broker_accounts = &accounts[providers.len()..providers.len() + brokers.len()];
    let currency = CURRENCY.parse().expect("a code in its form");
    desk.deposit(broker_accounts, currency, BROKER_CASH, 1).await?;
    let commands = desk.close().await;

    let brokers = seats(info, (1..).zip(brokers)).await?;
    let providers = seats(info, plan.providers.iter().copied().zip(providers)).await?;
    Ok(Setup { listing: Listing::new(&classes), commands, providers, brokers, watcher: watcher.key })
}

/// Opens everybody's account and registers the keys.
async fn admit(desk: &mut Desk, parties: &[&Party]) -> Result<Vec<AccountId>, DemoError> {
    let names: Vec<(AccountName, Role)> = parties.iter().map(|party| (party.name, party.role)).collect();
    let accounts = desk.open_accounts(&names).await?;
    let keys: Vec<(AccountId, Role, PublicKey)> = accounts
        .iter()
        .zip(parties)
        .map(|(&account, party)| (account, party.role, party.key.public()))
        .collect();
    desk.register(&keys).await?;
    Ok(accounts)
}

/// Takes all seats at once.
async fn seats(
    info: &ExchangeInfo,
    parties: impl Iterator<Item = (u32, Party)>,
) -> Result<Vec<(u32, Seat)>, DemoError> {
    let mut calls = JoinSet::new();
    for (number, Party { name, key, .. }) in parties {
        let info = *info;
        calls.spawn(async move {
            let seat = Seat::take(&info, &key).await;
            let failed = |error: client::SessionError| DemoError::Agent {
                who: name.to_string(),
                source: error.into(),
            };
            seat.map(|seat| (number, seat)).map_err(failed)
        });
    }
    let mut seats = Vec::with_capacity(calls.len());
    while let Some(seat) = calls.join_next().await {
        seats.push(seat??);
    }
    Ok(seats)
}
