//! Random streams of commands: few accounts, contracts and prices, so that things collide; good commands
//! mostly, bad ones of every kind now and then; a clock that jumps across moments, gates and slot ends.

mod blocks;
mod desk;
mod kinds;
mod orders;
mod rng;

use std::collections::VecDeque;

use types::{
    Command, HOUR_NANOS, KeyNo, Lane, MINUTE_NANOS, OrderRef, Rights, SECOND_NANOS, Sender, Stamped,
    Timestamp,
};

use super::reference::Reference;
pub(crate) use kinds::Kind;
use kinds::Mix;
pub(crate) use rng::Rng;

/// A crowded stream that is full is lively for so many commands.
const LIVELY: u64 = 60;
/// From here on the clock may jump in every stream that is not crowded.
const LATE: u64 = 260;

/// Makes one stream, a command at a time.
pub(crate) struct Generator {
    rng: Rng,
    kind: Kind,
    mix: &'static Mix,
    began: u64,
    time: u64,
    sequence: u64,
    /// Up to which command much happens to what a crowded stream has put up.
    lively_to: u64,
    /// What comes first and from which key, so that there is something to trade.
    opening: VecDeque<(KeyNo, Command)>,
}

impl Generator {
    pub(crate) fn new(seed: u64, kind: Kind) -> Generator {
        let mut rng = Rng::new(seed);
        // Contracts come within the horizon when an hour begins.
        let into = if kind.has_auctions() { rng.below(3 * MINUTE_NANOS) } else { rng.below(3 * HOUR_NANOS) };
        let time = 480_000 * HOUR_NANOS + into;
        let (mix, opening) = (kind.mix(), VecDeque::new());
        let mut generator =
            Generator { rng, kind, mix, began: time, time, sequence: 0, lively_to: 0, opening };
        generator.open();
        generator
    }

    /// The next command, by what is known of the exchange so far.
    pub(crate) fn next(&mut self, known: &Reference, sequence: u64) -> Stamped {
        self.sequence = sequence;
        self.advance(known);
        let (sender, command) = match self.opening.pop_front() {
            Some((_, command @ Command::Genesis { .. })) => (None, command),
            Some((key, command)) => {
                let lane = Lane::Orders;
                (Some(Sender { key, lane, number: next_number(known, key, lane) }), command)
            }
            None => self.any(known),
        };
        Stamped { sequence, time: Timestamp(self.time), sender, command }
    }

    fn any(&mut self, known: &Reference) -> (Option<Sender>, Command) {
        let is_due = known.next_deadline().is_some_and(|deadline| deadline.0 <= self.time);
        match self.rng.below(100) {
            _ if is_due && self.rng.chance(self.mix.prompt) => (None, Command::Clock),
            _ if known.has_pending() && self.rng.chance(self.mix.prompt) => (None, Command::Continue),
            0 => (None, Command::Clock),
            1 => (None, Command::Continue),
            2 => (None, self.disconnected(known)),
            4 if self.rng.chance(30) => (None, self.nonsense(known)),
            _ if self.sweeps_now() && self.rng.chance(40) => (None, self.disconnected(known)),
            _ => {
                let command = self.command(known);
                (self.sender(known, &command), command)
            }
        }
    }

    /// True for a while after a crowded stream has become full.
    fn is_lively(&self) -> bool {
        self.sequence < self.lively_to
    }

    /// True when it is time to end all that a stream of large mass cancels has put up.
    fn sweeps_now(&self) -> bool {
        self.kind == Kind::Sweeping && self.is_lively() && self.sequence.is_multiple_of(20)
    }

    /// Moves the clock: mostly a little, sometimes to the edge of a deadline or across several.
    fn advance(&mut self, known: &Reference) {
        if !self.opening.is_empty() {
            return;
        }
        if self.kind.is_full(known.orders.len()) {
            self.lively_to = self.sequence + LIVELY;
        }
        let to_deadline = known.next_deadline().map_or(0, |deadline| deadline.0.saturating_sub(self.time));
        let is_turn = self.is_lively() && self.sequence.is_multiple_of(20);
        let edges = [to_deadline.saturating_sub(1), to_deadline, to_deadline, to_deadline + 1];
        // What trades in one contract stays with it until near the end.
        let may_jump = self.kind == Kind::Busy || self.sequence > LATE;
        let is_near = may_jump || to_deadline < MINUTE_NANOS;
        if matches!(self.kind, Kind::Auctions | Kind::Halts) {
            self.time += self.auction_time(to_deadline);
            return;
        }
        self.time += match (self.kind, self.rng.below(200)) {
            (Kind::Gates, _) if is_turn => to_deadline + self.rng.below(2) * HOUR_NANOS,
            (Kind::Uncrossing, _) if is_turn => to_deadline + self.rng.below(2) * SECOND_NANOS,
            (Kind::Lapsing, _) if is_turn => to_deadline + self.rng.below(2),
            (Kind::Waking | Kind::Sweeping, _) if is_turn && self.rng.chance(8) => to_deadline,
            (Kind::Waking, 0..8) if known.has_pending() => 4 * HOUR_NANOS,
            (Kind::Gates, 0..30) if known.has_pending() => self.rng.below(30 * MINUTE_NANOS),
            _ if self.kind.is_crowded() => 1,
            (_, 0..60) => 0,
            (Kind::Dated, 60..100) if is_near => self.rng.pick(&edges),
            (Kind::Dated, 60..194) => self.rng.below(5),
            (Kind::Busy, 60..186) => self.rng.below(30_000_000_000),
            (Kind::Busy, 186..192) => self.rng.below(40 * MINUTE_NANOS),
            (_, 192..196) if is_near => self.rng.pick(&edges),
            (_, 199) if may_jump => self.rng.below(6 * HOUR_NANOS),
            _ => self.rng.below(1_000_000),
        };
    }

    /// Seconds mostly, the ends of calls often, and gates now and then.
    fn auction_time(&mut self, to_deadline: u64) -> u64 {
        let is_near = to_deadline < 20 * MINUTE_NANOS || self.sequence > LATE;
        match self.rng.below(200) {
            0..70 => 0,
            70..90 if is_near => to_deadline + self.rng.below(2),
            90..94 if is_near => to_deadline.saturating_sub(1),
            94..100 => self.rng.below(60 * SECOND_NANOS),
            100..102 => self.rng.below(10 * MINUTE_NANOS),
            _ => self.rng.below(2 * SECOND_NANOS),
        }
    }

    fn command(&mut self, known: &Reference) -> Command {
        let mix = self.mix;
        let is_behind = self.kind.is_crowded() && known.has_pending();
        // While work waits, much is done to the orders it is about.
        let (mass_cancels, replaces, cancels) = match (is_behind, self.is_lively()) {
            (true, _) => (if self.kind == Kind::Sweeping { 12 } else { 4 }, 25, 10),
            (false, true) => (1, mix.replaces, mix.cancels),
            (false, false) => (mix.mass_cancels, mix.replaces, mix.cancels),
        };
        let mut roll = self.rng.below(100);
        let mut falls_to = |share: u64| {
            let falls = roll < share;
            roll = roll.saturating_sub(share);
            falls
        };
        if self.sweeps_now() || falls_to(mass_cancels) {
            Command::MassCancel(self.mass_cancel(known))
        } else if falls_to(replaces) {
            self.replace(known)
        } else if falls_to(cancels) {
            Command::Cancel(self.order(known))
        } else if falls_to(mix.orders) {
            Command::NewOrder(self.new_order(known))
        } else if falls_to(mix.capacity) {
            self.capacity(known)
        } else if falls_to(mix.supervision) {
            self.supervise(known)
        } else {
            self.desk()
        }
    }

    /// What the sequencer never says, but a journal might.
    fn nonsense(&mut self, known: &Reference) -> Command {
        match self.rng.below(3) {
            0 => Command::Genesis { operator: desk::public(2), seed: 0 },
            1 => Command::Cancel(self.order(known)),
            _ => Command::NewOrder(self.new_order(known)),
        }
    }

    /// Mostly a key that may; sometimes the owner's of another order, a dead one, or none at all.
    fn sender(&mut self, known: &Reference, command: &Command) -> Option<Sender> {
        let key = self.key(known, command);
        let is_astray = self.rng.below(200) == 0;
        let lane = match command {
            Command::MassCancel(_) => self.rng.pick(&[Lane::Orders, Lane::Cancels]),
            Command::Cancel(_) if !is_astray => Lane::Cancels,
            Command::Cancel(_) => Lane::Orders,
            _ if is_astray => Lane::Cancels,
            _ => Lane::Orders,
        };
        let next = next_number(known, key, lane);
        let number = match self.rng.below(100) {
            0 => next - 1,
            1 => self.rng.below(next),
            2..5 => next + 2,
            _ => next,
        };
        Some(Sender { key, lane, number })
    }

    fn key(&mut self, known: &Reference, command: &Command) -> KeyNo {
        let needed = match command {
            Command::NewOrder(_)
            | Command::Cancel(_)
            | Command::Replace { .. }
            | Command::MassCancel(_)
            | Command::CancelOnDisconnect { .. } => Rights::TRADE,
            Command::DepositCapacity { .. } => Rights::DEPOSIT,
            Command::RotateKey { .. } => Rights::READ,
            _ => Rights::OPERATE,
        };
        let owner = match command {
            Command::Cancel(order) | Command::Replace { order, .. } => owner(known, *order),
            // Most orders of such a stream are one account's.
            _ if self.kind == Kind::Sweeping => {
                known.keys.iter().rfind(|key| key.origin == KeyNo(2)).map(|key| key.no)
            }
            _ => None,
        };
        let is_able =
            |key: &types::Key| key.rights.include(needed) && !key.revoked && key.expires > known.time;
        let able = known.keys.iter().filter(|key| is_able(key)).count();
        match (self.rng.below(100), owner) {
            (0..70, Some(owner)) => owner,
            (0..94, _) if able > 0 => {
                let one = self.rng.index(able);
                known.keys.iter().filter(|key| is_able(key)).nth(one).unwrap().no
            }
            (94, _) => KeyNo(self.rng.pick(&[0, 1_000, u32::MAX])),
            _ => KeyNo(1 + self.rng.small(u32::try_from(known.keys.len()).unwrap())),
        }
    }
}

fn next_number(known: &Reference, key: KeyNo, lane: Lane) -> u64 {
    let key = known.keys.iter().find(|record| record.no == key);
    1 + key.map_or(0, |key| match lane {
        Lane::Orders => key.taken[0],
        Lane::Cancels => key.taken[1],
    })
}

/// The key that sent the order that is named.
fn owner(known: &Reference, named: OrderRef) -> Option<KeyNo> {
    known.orders.iter().find(|order| orders::is_named(order, named)).map(|order| order.key)
}
