//! The gateway's part of the configuration: where it listens, and what its clients may use of it.

use super::number;
use crate::fail::Failure;
use gateway::{Limits, Rate, Throttle};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use types::AccountName;

/// Order entry.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayConfig {
    pub(crate) listen: SocketAddr,
    /// How often either end says that it is there, in seconds.
    heartbeat_s: u8,
    /// How long a handshake may take, and then the client until it says hello, in seconds.
    hello_s: u64,
    /// Connections at once, those in their handshake included.
    connections: usize,
    /// Sessions at once, in all and of one account.
    sessions: usize,
    account_sessions: usize,
    /// Bytes of reports that may wait to be read: by one session in KiB, by all in MiB.
    reports_waiting_kib: usize,
    all_reports_waiting_mib: usize,
    /// What a command that is taken and then rejected costs besides its own token.
    reject_cost: u32,
    /// What one account may say, over all its sessions.
    account: ThrottleConfig,
    /// What one session may say.
    session: ThrottleConfig,
    /// What accounts of these names may say, instead of `account`.
    accounts: BTreeMap<String, ThrottleConfig>,
}

/// How much may be said; what is left out is as for every account.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
struct ThrottleConfig {
    orders: RateConfig,
    cancels: RateConfig,
    queries: RateConfig,
}

/// So many a second, and so many at once; a rate of 0 is no limit.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct RateConfig {
    rate: u32,
    burst: u32,
}

impl Default for GatewayConfig {
    fn default() -> GatewayConfig {
        let limits = Limits::default();
        GatewayConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 7411)),
            heartbeat_s: limits.heartbeat,
            hello_s: limits.hello_within.as_secs(),
            connections: limits.connections,
            sessions: limits.sessions,
            account_sessions: limits.account_sessions,
            reports_waiting_kib: limits.reports_waiting >> 10,
            all_reports_waiting_mib: limits.all_reports_waiting >> 20,
            reject_cost: limits.reject_cost,
            account: limits.account.into(),
            session: limits.session.into(),
            accounts: BTreeMap::new(),
        }
    }
}

impl GatewayConfig {
    /// The same as the gateway knows it.
    pub(crate) fn limits(&self) -> Result<Limits, Failure> {
        self.check_ranges()?;
        let mut accounts = BTreeMap::new();
        for (name, throttle) in &self.accounts {
            let account: AccountName = name.parse().map_err(|error| {
                Failure::usage("bad-config-value", format!("gateway.accounts.{name}: {error}"))
            })?;
            accounts.insert(account, (*throttle).into());
        }
        Ok(Limits {
            heartbeat: self.heartbeat_s,
            hello_within: Duration::from_secs(self.hello_s),
            connections: self.connections,
            sessions: self.sessions,
            account_sessions: self.account_sessions,
            reports_waiting: self.reports_waiting_kib << 10,
            all_reports_waiting: self.all_reports_waiting_mib << 20,
            account: self.account.into(),
            session: self.session.into(),
            accounts,
            reject_cost: self.reject_cost,
        })
    }

    fn check_ranges(&self) -> Result<(), Failure> {
        let within =
            |key: &str, found, least, most| super::within(&format!("gateway.{key}"), found, least, most);
        for (key, found, least, most) in [
            ("heartbeat_s", self.heartbeat_s.into(), 1, 60),
            ("hello_s", self.hello_s, 1, 600),
            ("connections", number(self.connections), 1, 1 << 20),
            ("sessions", number(self.sessions), 1, 1 << 20),
            ("account_sessions", number(self.account_sessions), 1, 1 << 20),
            // Whoever resumes is sent all reports that are kept at once.
            ("reports_waiting_kib", number(self.reports_waiting_kib), 2_048, 1 << 20),
            ("all_reports_waiting_mib", number(self.all_reports_waiting_mib), 1, 1 << 20),
            ("reject_cost", self.reject_cost.into(), 0, 1_000_000),
        ] {
            within(key, found, least, most)?;
        }
        let named = self.accounts.iter().map(|(name, throttle)| (format!("accounts.{name}"), throttle));
        let both = [("account".to_owned(), &self.account), ("session".to_owned(), &self.session)];
        for (key, ThrottleConfig { orders, cancels, queries }) in both.into_iter().chain(named) {
            for (what, rate) in [("orders", orders), ("cancels", cancels), ("queries", queries)] {
                within(&format!("{key}.{what}.rate"), rate.rate.into(), 0, 1_000_000_000)?;
                within(&format!("{key}.{what}.burst"), rate.burst.into(), 1, 1_000_000_000)?;
            }
        }
        Ok(())
    }
}

impl Default for ThrottleConfig {
    fn default() -> ThrottleConfig {
        Limits::default().account.into()
    }
}

impl From<Throttle> for ThrottleConfig {
    fn from(throttle: Throttle) -> ThrottleConfig {
        let rate = |Rate { rate, burst }| RateConfig { rate, burst };
        let Throttle { orders, cancels, queries } = throttle;
        ThrottleConfig { orders: rate(orders), cancels: rate(cancels), queries: rate(queries) }
    }
}

impl From<ThrottleConfig> for Throttle {
    fn from(config: ThrottleConfig) -> Throttle {
        let rate = |RateConfig { rate, burst }| Rate { rate, burst };
        let ThrottleConfig { orders, cancels, queries } = config;
        Throttle { orders: rate(orders), cancels: rate(cancels), queries: rate(queries) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::load;

    #[test]
    fn the_defaults_are_the_gateways() {
        assert_eq!(GatewayConfig::default().limits().unwrap(), Limits::default());
    }

    #[test]
    fn an_account_has_limits_of_its_own_and_the_usual_ones_where_nothing_is_said() {
        let text = "[gateway.accounts.lab]\norders = { rate = 7, burst = 9 }\n\
            [gateway.session]\ncancels = { rate = 0, burst = 1 }\n";
        let limits = load(text).unwrap().gateway.limits().unwrap();
        let lab = limits.accounts[&"lab".parse().unwrap()];
        assert_eq!((lab.orders, lab.cancels), (Rate { rate: 7, burst: 9 }, limits.account.cancels));
        assert_eq!(limits.session.cancels, Rate::UNLIMITED);
        assert_eq!(limits.session.orders, Limits::default().session.orders);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for (text, words) in [
            ("[gateway]\nheartbeat_s = 0\n", "gateway.heartbeat_s is 0, expected 1 to 60"),
            ("[gateway]\nreports_waiting_kib = 64\n", "gateway.reports_waiting_kib is 64"),
            ("[gateway.account]\norders = { rate = 5, burst = 0 }\n", "gateway.account.orders.burst is 0"),
            ("[gateway.accounts.\"No Such\"]\n", "gateway.accounts.No Such"),
            ("[gateway.session]\nasks = { rate = 1, burst = 1 }\n", "asks"),
        ] {
            let failure = load(text).unwrap_err();
            assert!(failure.message.contains(words), "{}", failure.message);
        }
    }
}
