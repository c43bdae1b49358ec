//! The kinds of streams: each makes one part of the rules come up often.

use types::Role;

/// What kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A little of everything, bad commands of every kind, and a clock that jumps.
    Busy,
    /// One contract full of stops that trigger each other.
    Stops,
    /// Few accounts that keep meeting themselves, and icebergs.
    Own,
    /// Orders good till moments that lie just before, at and after the stamps to come.
    Dated,
    /// Blocks of both sides over overlapping windows, and singles in their slots.
    Blocks,
    /// Blocks that wait for many units, so that more are to be considered than one command does.
    Waiting,
    /// Many orders and deposits of few contracts, which then close at once: more work than one command does.
    Gates,
    /// Many stops, then trades far off that wake more of them than one command runs.
    Waking,
    /// Many orders of one account, then mass cancels that end more of them than one command does.
    Sweeping,
    /// Many orders good till the same few moments, which then come.
    Lapsing,
    /// Openings, bands that are soon left, and the auctions that follow.
    Auctions,
    /// The same with halts, resumes, kill switches and limits in it.
    Halts,
    /// More orders in a call than one command works out.
    Uncrossing,
}

/// The shares of things in a kind of stream, in hundred.
pub(super) struct Mix {
    /// Of all commands; what is left over is the operator's desk.
    pub(super) orders: u64,
    pub(super) cancels: u64,
    pub(super) replaces: u64,
    pub(super) mass_cancels: u64,
    pub(super) capacity: u64,
    /// Halts, kill switches and limits.
    pub(super) supervision: u64,
    /// Of new orders; the others are singles.
    pub(super) blocks: u64,
    /// Of new singles.
    pub(super) buys: u64,
    pub(super) stops: u64,
    pub(super) markets: u64,
    pub(super) dated: u64,
    pub(super) at_once: u64,
    pub(super) icebergs: u64,
    pub(super) post_only: u64,
    pub(super) minimum: u64,
    /// Of new orders that name no self-trade prevention but the default.
    pub(super) default_prevention: u64,
    /// Who is there besides the operator.
    pub(super) roles: &'static [Role],
    /// How many contracts are traded.
    pub(super) contracts: u32,
    /// The chance that pending work, or a clock that is due, is seen to at once.
    pub(super) prompt: u64,
}

const BUSY: Mix = Mix {
    orders: 56,
    cancels: 9,
    replaces: 15,
    mass_cancels: 1,
    capacity: 9,
    supervision: 0,
    blocks: 3,
    buys: 50,
    stops: 18,
    markets: 10,
    dated: 15,
    at_once: 22,
    icebergs: 12,
    post_only: 8,
    minimum: 12,
    default_prevention: 55,
    roles: &[Role::Provider, Role::Broker, Role::Provider, Role::Broker, Role::Analyst],
    contracts: 2,
    prompt: 80,
};

const CALM: Mix = Mix {
    orders: 70,
    cancels: 8,
    replaces: 16,
    mass_cancels: 1,
    capacity: 4,
    roles: &[Role::Provider, Role::Provider, Role::Provider],
    contracts: 1,
    ..BUSY
};

const STOPS: Mix = Mix { stops: 50, markets: 20, at_once: 10, default_prevention: 70, ..CALM };

const OWN: Mix = Mix {
    stops: 6,
    icebergs: 45,
    at_once: 10,
    dated: 5,
    default_prevention: 25,
    roles: &[Role::Provider, Role::Provider],
    ..CALM
};

const DATED: Mix = Mix { dated: 85, at_once: 8, stops: 25, prompt: 35, contracts: 2, ..CALM };

const BLOCKS: Mix = Mix {
    blocks: 35,
    stops: 6,
    icebergs: 25,
    at_once: 12,
    dated: 12,
    minimum: 5,
    default_prevention: 60,
    roles: &[Role::Provider, Role::Provider, Role::Provider, Role::Provider],
    contracts: 4,
    ..CALM
};

const WAITING: Mix = Mix { blocks: 45, at_once: 4, dated: 5, cancels: 3, replaces: 6, prompt: 60, ..BLOCKS };

const CROWDED: Mix = Mix {
    orders: 70,
    cancels: 3,
    replaces: 5,
    mass_cancels: 0,
    capacity: 22,
    markets: 2,
    at_once: 4,
    dated: 5,
    stops: 10,
    minimum: 3,
    prompt: 25,
    ..CALM
};

const GATES: Mix = Mix { buys: 75, dated: 20, contracts: 2, ..CROWDED };
const FILLING: Mix = Mix { orders: 88, capacity: 4, prompt: 10, ..CROWDED };
const WAKING: Mix = Mix { buys: 75, stops: 85, ..FILLING };
const SWEEPING: Mix = Mix { stops: 30, icebergs: 20, ..FILLING };
const AUCTIONS: Mix =
    Mix { supervision: 1, stops: 12, markets: 14, at_once: 16, dated: 8, capacity: 2, prompt: 85, ..CALM };
const HALTS: Mix = Mix { orders: 64, supervision: 9, ..AUCTIONS };
const UNCROSSING: Mix = Mix { markets: 12, stops: 2, icebergs: 4, dated: 2, supervision: 1, ..FILLING };
const LAPSING: Mix = Mix { dated: 92, stops: 30, ..FILLING };

impl Kind {
    pub(super) fn mix(self) -> &'static Mix {
        match self {
            Kind::Busy => &BUSY,
            Kind::Stops => &STOPS,
            Kind::Own => &OWN,
            Kind::Dated => &DATED,
            Kind::Blocks => &BLOCKS,
            Kind::Waiting => &WAITING,
            Kind::Gates => &GATES,
            Kind::Waking => &WAKING,
            Kind::Sweeping => &SWEEPING,
            Kind::Lapsing => &LAPSING,
            Kind::Auctions => &AUCTIONS,
            Kind::Halts => &HALTS,
            Kind::Uncrossing => &UNCROSSING,
        }
    }

    /// True if so many open orders are enough for more work than one command does.
    pub(super) fn is_full(self, open: usize) -> bool {
        match self {
            Kind::Waking => open > 480,
            Kind::Gates | Kind::Lapsing | Kind::Uncrossing => open > 400,
            Kind::Sweeping => open > 320,
            _ => false,
        }
    }

    /// Much is put up before anything happens.
    pub(super) fn is_crowded(self) -> bool {
        matches!(self, Kind::Gates | Kind::Waking | Kind::Sweeping | Kind::Lapsing | Kind::Uncrossing)
    }

    /// Contracts open by auctions.
    pub(super) fn has_auctions(self) -> bool {
        matches!(self, Kind::Auctions | Kind::Halts | Kind::Uncrossing)
    }
}
