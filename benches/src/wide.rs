//! Order flow over many books, or over one with many orders.

use crate::flow::{Kind, Message, Rng};
use types::Side;

/// How the contracts of a flow are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All alike.
    Uniform,
    /// The k-th with weight 1/k.
    Zipf,
}

/// A flow: first `resting` orders are placed, then `messages` follow that keep about as many: 46 % new orders,
/// 8 % orders that cross the middle and of which nothing rests, 46 % cancels of any resting one.
#[derive(Clone, Copy, Debug)]
pub struct Wide {
    /// How many contracts.
    pub contracts: u32,
    /// How they are drawn.
    pub spread: Spread,
    /// How many orders rest.
    pub resting: u32,
    /// Over how many price levels a side they are spread.
    pub levels: u32,
    /// How many messages follow.
    pub messages: u32,
}

/// The price in the middle of all books.
pub const MIDDLE: i64 = 1_000_000;

impl Wide {
    /// The placing messages and those that follow.
    #[must_use]
    pub fn make(&self, seed: u64) -> (Vec<Message>, Vec<Message>) {
        let mut draw = Draw::new(*self, seed);
        let placed = (0..self.resting).map(|_| draw.rests()).collect();
        let follow = (0..self.messages).map(|_| match draw.rng.below(100) {
            0..8 => draw.crosses(),
            8..54 => draw.rests(),
            _ => draw.cancel(),
        });
        (placed, follow.collect())
    }
}

/// The generator's state.
struct Draw {
    wide: Wide,
    rng: Rng,
    /// For [`Spread::Zipf`]: contracts, each as often as its weight says.
    table: Vec<u32>,
    /// Orders that have not been cancelled; some of them have traded.
    open: Vec<Message>,
    id: u64,
}

impl Draw {
    fn new(wide: Wide, seed: u64) -> Draw {
        let mut rng = Rng(seed);
        let table = if wide.spread == Spread::Zipf { zipf(&mut rng, wide.contracts) } else { Vec::new() };
        Draw { wide, rng, table, open: Vec::new(), id: 0 }
    }

    fn rests(&mut self) -> Message {
        let away = i64::from(1 + self.rng.below(self.wide.levels));
        let order = self.order(Kind::New, away);
        self.open.push(order);
        order
    }

    fn crosses(&mut self) -> Message {
        let away = -i64::from(1 + self.rng.below(3));
        self.order(Kind::Ioc, away)
    }

    fn cancel(&mut self) -> Message {
        let Ok(count @ 1..) = u32::try_from(self.open.len()) else { return self.rests() };
        let at = self.rng.below(count) as usize;
        Message { kind: Kind::Cancel, ..self.open.swap_remove(at) }
    }

    fn order(&mut self, kind: Kind, away: i64) -> Message {
        self.id += 1;
        let contract = match u32::try_from(self.table.len()) {
            Ok(count @ 1..) => self.table[self.rng.below(count) as usize],
            _ => self.rng.below(self.wide.contracts),
        };
        let side = if self.rng.below(2) == 0 { Side::Buy } else { Side::Sell };
        let price = match side {
            Side::Buy => MIDDLE - away,
            Side::Sell => MIDDLE + away,
        };
        Message { kind, side, quantity: 1 + self.rng.below(100), id: self.id, price, contract }
    }
}

/// Contract of rank k stands in the table about 1/k as often as the first. Ranks lie in random places of memory.
fn zipf(rng: &mut Rng, contracts: u32) -> Vec<u32> {
    let mut names: Vec<u32> = (0..contracts).collect();
    for at in (1..contracts).rev() {
        names.swap(at as usize, rng.below(at + 1) as usize);
    }
    let times = |rank: usize| (contracts as usize * 2 / (rank + 1)).max(1);
    names.iter().enumerate().flat_map(|(rank, &name)| std::iter::repeat_n(name, times(rank))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_keeps_about_as_many_orders_over_all_contracts() {
        for spread in [Spread::Uniform, Spread::Zipf] {
            let wide = Wide { contracts: 50, spread, resting: 5_000, levels: 20, messages: 20_000 };
            let (placed, follow) = wide.make(1);
            assert_eq!((placed.len(), follow.len()), (5_000, 20_000));
            let of = |kind| follow.iter().filter(|message| message.kind == kind).count();
            assert!((8_900..9_500).contains(&of(Kind::New)) && (8_900..9_500).contains(&of(Kind::Cancel)));
            let mut counts = [0; 50];
            placed.iter().for_each(|message| counts[message.contract as usize] += 1);
            counts.sort_unstable();
            let skewed = counts[49] > 15 * counts[0];
            assert_eq!(skewed, spread == Spread::Zipf, "{counts:?}");
        }
    }
}
