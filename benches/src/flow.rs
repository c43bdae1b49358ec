//! Order flow as the public matching-engine challenge describes it (arXiv 2606.01183): one book, a walking
//! middle, seeded, the same on every run.
//!
//! A message lives in a flow as a plain record; what an engine makes of it is the engine's affair. The
//! generator uses floating point: it is a statistical model, and only its rounded outcome is used.

use types::Side;

/// One message of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// What is asked.
    pub kind: Kind,
    /// Of a new or modified order.
    pub side: Side,
    /// The units of a new or modified order.
    pub quantity: u32,
    /// The client's id of the order: dense, from 1, in no order.
    pub id: u64,
    /// In ticks, of a new or modified order.
    pub price: i64,
    /// Which book it is for, counted from 0.
    pub contract: u32,
}

/// What a message asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A new order that may rest.
    New,
    /// A new order of which nothing may rest.
    Ioc,
    /// Take an order out.
    Cancel,
    /// Cancel, and a new order under the same id.
    Modify,
}

/// A flow of the challenge.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What the challenge calls it.
    pub name: &'static str,
    /// How far the middle walks over the run.
    pub swing: f64,
    /// Of the walk and of all else. The walk decides how many orders meet: these seeds make the most orders
    /// resting fall from 42,000 to some hundred in flows of 1,000,000, as the challenge tells of its own.
    pub seed: u64,
}

/// The five scenarios.
pub const SCENARIOS: [Scenario; 5] = [
    Scenario { name: "static", swing: 0.0, seed: 1 },
    Scenario { name: "normal", swing: 0.02, seed: 8 },
    Scenario { name: "swing-25", swing: 0.25, seed: 28 },
    Scenario { name: "swing-40", swing: 0.40, seed: 6 },
    Scenario { name: "flash-crash", swing: 0.60, seed: 26 },
];

/// Where the middle starts, in ticks.
const MIDDLE: f64 = 33_504.0;
/// At how many points a walk is drawn.
const KNOTS: usize = 4_096;

/// SplitMix64: small, seeded, and good enough for a flow.
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    /// The next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number from 0 up to and without `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::try_from((u64::from(bound) * (self.next_bits() >> 32)) >> 32).expect("less than a u32")
    }

    /// A number from 0 up to and without 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn unit(&mut self) -> f64 {
        (self.next_bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Near enough to normal with deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

impl Scenario {
    /// A flow of `orders` new orders on one book, about twice as many messages.
    #[must_use]
    pub fn messages(self, orders: u32) -> Vec<Message> {
        let mut rng = Rng(self.seed);
        let walk = walk(&mut rng, self.swing, orders as usize);
        let mut arrivals: Vec<Message> = (0..orders).map(|index| order(&mut rng, &walk, index)).collect();
        for at in (1..orders).rev() {
            arrivals.swap(at as usize, rng.below(at + 1) as usize);
        }
        let mut timed = Vec::with_capacity(arrivals.len() * 2);
        for (at, order) in arrivals.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
            live(&mut rng, at as f64, *order, walk[place(order)], &mut timed);
        }
        // A stable sort: what happens at the same time keeps its order.
        timed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        timed.into_iter().map(|(_, message)| message).collect()
    }
}

/// Where in the walk an order stands.
fn place(order: &Message) -> usize {
    usize::try_from(order.id - 1).expect("ids are dense")
}

/// The middle for each order: a geometric Brownian walk, scaled so that it swings as wanted. Buys are priced
/// along its first half, sells along its second. It is drawn at [`KNOTS`] and straight between them, so that a
/// flow of few orders has the shape of one of many.
fn walk(rng: &mut Rng, swing: f64, orders: usize) -> Vec<f64> {
    let mut logs = vec![0.0];
    let mut log = 0.0;
    for _ in 0..KNOTS {
        log += rng.normal();
        logs.push(log);
    }
    let (low, high) = logs.iter().fold((0.0_f64, 0.0_f64), |(low, high), &log| (low.min(log), high.max(log)));
    let scale = (1.0 + swing).ln() / (high - low).max(f64::MIN_POSITIVE);
    let middle = |order: usize| {
        let (knot, after) = (order * KNOTS / orders, order * KNOTS % orders);
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
        let between = after as f64 / orders as f64;
        MIDDLE * ((logs[knot] * (1.0 - between) + logs[knot + 1] * between) * scale).exp()
    };
    (0..orders).map(middle).collect()
}

fn order(rng: &mut Rng, walk: &[f64], index: u32) -> Message {
    let side = if (index as usize) < walk.len() / 2 { Side::Buy } else { Side::Sell };
    let away = distance(rng);
    #[expect(clippy::cast_possible_truncation, reason = "prices are small")]
    let middle = walk[index as usize].round() as i64;
    let price = match side {
        Side::Buy => (middle - away).max(1),
        Side::Sell => middle + away,
    };
    let kind = if rng.below(100) < 15 { Kind::Ioc } else { Kind::New };
    Message { kind, side, quantity: 1 + rng.below(100), id: u64::from(index) + 1, price, contract: 0 }
}

/// How far from the middle, in ticks: a power law with a hump about 8 ticks out.
fn distance(rng: &mut Rng) -> i64 {
    if rng.below(4) == 0 {
        return i64::from(5 + rng.below(4) + rng.below(4));
    }
    let away = (1.0 - rng.unit()).powf(-1.0 / 1.23);
    #[expect(clippy::cast_possible_truncation, reason = "bounded")]
    let away = away.min(20_000.0) as i64;
    away
}

/// The messages of one order's life.
fn live(rng: &mut Rng, at: f64, order: Message, middle: f64, timed: &mut Vec<(f64, Message)>) {
    timed.push((at, order));
    if order.kind == Kind::Ioc {
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "prices are small")]
    let away = (order.price as f64 - middle).abs();
    let life = rng.exponential() * (1.0 + away / 20.0);
    if rng.below(100) < 20 {
        let step = if rng.below(5) < 4 { i64::from(rng.below(2)) * 2 - 1 } else { 0 };
        let price = (order.price + step).max(1);
        let quantity = order.quantity + 1;
        timed.push((at + life * rng.unit(), Message { kind: Kind::Modify, price, quantity, ..order }));
    }
    if rng.below(100) < 95 {
        let cancel = Message { kind: Kind::Cancel, ..order };
        timed.push((at + life, cancel));
        if rng.below(100) < 2 {
            timed.push((at + life + rng.exponential(), cancel));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_the_same_again_and_has_the_stated_shares() {
        let scenario = Scenario { seed: 7, ..SCENARIOS[2] };
        let flow = scenario.messages(20_000);
        assert_eq!(flow, scenario.messages(20_000));
        assert_ne!(flow, Scenario { seed: 8, ..scenario }.messages(20_000));
        let share = |kind| flow.iter().filter(|message| message.kind == kind).count() * 100 / 20_000;
        assert_eq!(share(Kind::New) + share(Kind::Ioc), 99);
        assert!((14..17).contains(&share(Kind::Ioc)));
        assert!((16..19).contains(&share(Kind::Modify)));
        assert!((80..85).contains(&share(Kind::Cancel)));
    }
}
