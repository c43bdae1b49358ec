//! What clients may use of a gateway: how many they may be, how much they may say, and how long they may be silent.

use std::collections::BTreeMap;
use std::time::Duration;
use types::AccountName;

/// What clients may use of a gateway. [`Limits::default`] is the usual; [`Limits::unthrottled`] is for measuring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How often either end says that it is there, in seconds, at least 1. Who is silent for three times as long is
    /// cut.
    pub heartbeat: u8,
    /// How long a handshake may take, and then the client until it says hello.
    pub hello_within: Duration,
    /// How many connections there may be, those in their handshake included.
    pub connections: usize,
    /// How many sessions there may be.
    pub sessions: usize,
    /// How many sessions the keys of one account may have together.
    pub account_sessions: usize,
    /// How many bytes of reports may wait for one session to read them.
    pub reports_waiting: usize,
    /// How many bytes of reports may wait for all sessions together, looked at once a second: while there are more, the
    /// session for which most wait is cut.
    pub all_reports_waiting: usize,
    /// How much an account may say over all its sessions.
    pub account: Throttle,
    /// How much one session may say.
    pub session: Throttle,
    /// Accounts that may say more or less than others over all their sessions.
    pub accounts: BTreeMap<AccountName, Throttle>,
    /// What a command costs that the exchange takes and then rejects, in tokens besides its own one: it is in the
    /// journal for good.
    pub reject_cost: u32,
}

/// How much may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Commands on the orders lane.
    pub orders: Rate,
    /// Commands on the cancels lane.
    pub cancels: Rate,
    /// Questions.
    pub queries: Rate,
}

/// A token bucket: so much a second, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// New tokens a second; 0 for no limit.
    pub rate: u32,
    /// The most tokens there can be, at least 1.
    pub burst: u32,
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Rate = Rate { rate: 0, burst: 1 };
}

impl Throttle {
    /// No limits.
    pub const UNLIMITED: Throttle =
        Throttle { orders: Rate::UNLIMITED, cancels: Rate::UNLIMITED, queries: Rate::UNLIMITED };
}

impl Default for Limits {
    /// One account cannot use the exchange up for the others, but hardly anybody notices.
    fn default() -> Limits {
        let rate = |rate, burst| Rate { rate, burst };
        Limits {
            heartbeat: 5,
            hello_within: Duration::from_secs(5),
            connections: 5_120,
            sessions: 4_096,
            account_sessions: 64,
            reports_waiting: 4 << 20,
            all_reports_waiting: 256 << 20,
            account: Throttle {
                orders: rate(100_000, 200_000),
                cancels: rate(200_000, 400_000),
                queries: rate(500, 5_000),
            },
            session: Throttle {
                orders: rate(50_000, 100_000),
                cancels: rate(100_000, 200_000),
                queries: rate(250, 2_500),
            },
            accounts: BTreeMap::new(),
            reject_cost: 10,
        }
    }
}

impl Limits {
    /// The usual ones, but everybody may say as much as they like.
    #[must_use]
    pub fn unthrottled() -> Limits {
        Limits { account: Throttle::UNLIMITED, session: Throttle::UNLIMITED, ..Limits::default() }
    }
}
