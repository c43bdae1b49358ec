//! The core book alone, at any price there is, against a plain list.

use engine::{Book, Fill, Own, Slab};
use proptest::prelude::*;
use types::{OrderId, Side, SlotHint, Ticks, Units};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Takes what it can at this limit and rests the remainder, unless it meets its own.
    Enter { side: Side, price: Ticks, units: Units, owner: u32 },
    /// Takes out the resting order at this place of the list.
    Remove(usize),
    /// Leaves so many tenths of it, at least 1.
    Reduce(usize, u32),
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    id: OrderId,
    slot: SlotHint,
    side: Side,
    price: Ticks,
    left: Units,
    owner: u32,
}

/// A book and the list that says what must be in it, in the order of arrival.
#[derive(Default)]
struct Pair {
    book: Book,
    slab: Slab,
    list: Vec<Resting>,
    ids: OrderId,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_book_agrees_with_a_list_at_any_price(steps in prop::collection::vec(step(), 1..80)) {
        let mut pair = Pair::default();
        for step in steps {
            pair.apply(step);
            prop_assert_eq!(pair.book.check(&pair.slab), Ok(()));
            pair.compare();
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    // Few prices so that orders meet; the ends of the range; and any.
    let price = prop_oneof![
        6 => -4..4i64,
        1 => prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX]),
        1 => any::<i64>(),
    ];
    let units = prop_oneof![9 => 1..20u32, 1 => Just(Units::MAX)];
    prop_oneof![
        6 => (side, price, units, 0..3u32)
            .prop_map(|(side, price, units, owner)| Step::Enter { side, price, units, owner }),
        1 => any::<prop::sample::Index>().prop_map(|index| Step::Remove(index.index(1_000))),
        1 => (any::<prop::sample::Index>(), 0..=10u32)
            .prop_map(|(index, tenths)| Step::Reduce(index.index(1_000), tenths)),
    ]
}

impl Pair {
    fn apply(&mut self, step: Step) {
        match step {
            Step::Enter { side, price, units, owner } => self.enter(side, price, units, owner),
            Step::Remove(index) if !self.list.is_empty() => {
                let gone = self.list.remove(index % self.list.len());
                self.book.remove(&mut self.slab, gone.slot);
            }
            Step::Reduce(index, tenths) if !self.list.is_empty() => {
                let at = index % self.list.len();
                let resting = &mut self.list[at];
                resting.left = (resting.left / 10 * tenths).max(1);
                self.book.reduce(&mut self.slab, resting.slot, resting.left);
            }
            Step::Remove(_) | Step::Reduce(..) => {}
        }
    }

    fn enter(&mut self, side: Side, price: Ticks, units: Units, owner: u32) {
        let expected = self.expected_fills(side, price, units, owner);
        let filled: u64 = expected.iter().map(|fill| u64::from(fill.units)).sum();
        let can_fill = self.book.can_fill(&self.slab, side, price, units, owner, Own::Stops);
        assert_eq!(can_fill, filled == u64::from(units));

        let mut fills = Vec::new();
        let taken = self.book.take(&mut self.slab, side, price, units, owner, &mut fills);
        assert_eq!(fills, expected);
        assert_eq!(u64::from(taken.left), u64::from(units) - filled);
        for fill in fills {
            let at = self.list.iter().position(|resting| resting.id == fill.maker).unwrap();
            if fill.left == 0 {
                self.list.remove(at);
            } else {
                self.list[at].left = fill.left;
            }
        }
        let next = self.queue(side.opposite()).into_iter().next();
        let meets_own = taken.left > 0
            && next.is_some_and(|next| next.owner == owner && reaches(side, price, next.price));
        assert_eq!(taken.met_own, meets_own);
        if taken.left > 0 && !taken.met_own {
            self.ids += 1;
            let (id, left) = (self.ids, taken.left);
            let slot = self.book.rest(&mut self.slab, id, owner, side, price, left);
            self.list.push(Resting { id, slot, side, price, left, owner });
        }
    }

    fn expected_fills(&self, side: Side, limit: Ticks, units: Units, owner: u32) -> Vec<Fill> {
        let mut left = units;
        let mut fills = Vec::new();
        for maker in self.queue(side.opposite()) {
            if left == 0 || maker.owner == owner || !reaches(side, limit, maker.price) {
                break;
            }
            let traded = left.min(maker.left);
            left -= traded;
            fills.push(Fill {
                maker: maker.id,
                slot: maker.slot,
                owner: maker.owner,
                price: maker.price,
                units: traded,
                left: maker.left - traded,
            });
        }
        fills
    }

    /// Best price first, then first come.
    fn queue(&self, side: Side) -> Vec<Resting> {
        let mut queue: Vec<Resting> =
            self.list.iter().filter(|resting| resting.side == side).copied().collect();
        queue.sort_by_key(|resting| match side {
            Side::Buy => -i128::from(resting.price),
            Side::Sell => i128::from(resting.price),
        });
        queue
    }

    fn compare(&self) {
        assert_eq!(self.slab.len(), self.list.len());
        for side in [Side::Buy, Side::Sell] {
            let queue = self.queue(side);
            let slots: Vec<SlotHint> = self.book.slots(&self.slab, side).collect();
            assert_eq!(slots, queue.iter().map(|resting| resting.slot).collect::<Vec<_>>());
            assert_eq!(self.book.first(side), slots.first().copied());
            let depth = |price| {
                let level = queue.iter().filter(|resting| resting.price == price);
                level.map(|resting| u64::from(resting.left)).sum::<u64>()
            };
            assert_eq!(self.book.best(side), queue.first().map(|best| best.price));
            for resting in &queue {
                assert_eq!(self.book.depth_at(&self.slab, side, resting.price), depth(resting.price));
                let node = self.slab.get(resting.slot, resting.id).unwrap();
                assert_eq!((node.left, node.owner), (resting.left, resting.owner));
            }
        }
    }
}

fn reaches(side: Side, limit: Ticks, price: Ticks) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}
