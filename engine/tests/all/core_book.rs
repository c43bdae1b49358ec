//! The core book alone: at any price there is against a plain list, and by hand.

use engine::{Book, Fill, Node, Slab, Standing, Taken};
use proptest::prelude::*;
use types::{OrderId, Side, SlotHint, Ticks, Units};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Takes what it can and rests the remainder, unless it met what it must not just trade with.
    Enter(Entering),
    /// Trades so many units with the first order of a side.
    First(Side, Units),
    /// Takes out the resting order at this place of the list.
    Remove(usize),
    /// Leaves so many tenths of it, at least 1.
    Reduce(usize, u32),
}

#[derive(Clone, Copy, Debug)]
struct Entering {
    side: Side,
    price: Ticks,
    units: Units,
    owner: u32,
    /// What it shows at a time if it rests; 0 for all.
    clip: Units,
    dated: bool,
    stop_at_dated: bool,
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    id: OrderId,
    slot: SlotHint,
    side: Side,
    price: Ticks,
    left: Units,
    hidden: Units,
    clip: Units,
    dated: bool,
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
    fn the_core_book_agrees_with_a_list_at_any_price(steps in prop::collection::vec(step(), 1..120)) {
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
    // Most show all of themselves and last until cancelled.
    let clip = prop_oneof![2 => Just(0), 1 => 1..6u32];
    let rarely = || prop::bool::weighted(0.2);
    let entering = (side.clone(), price, units, 0..3u32, clip, rarely(), rarely());
    let entering = entering.prop_map(|(side, price, units, owner, clip, dated, stop_at_dated)| {
        Step::Enter(Entering { side, price, units, owner, clip, dated, stop_at_dated })
    });
    prop_oneof![
        8 => entering,
        1 => (side, 1..20u32).prop_map(|(side, units)| Step::First(side, units)),
        1 => any::<prop::sample::Index>().prop_map(|index| Step::Remove(index.index(1_000))),
        1 => (any::<prop::sample::Index>(), 0..=10u32)
            .prop_map(|(index, tenths)| Step::Reduce(index.index(1_000), tenths)),
    ]
}

impl Pair {
    fn apply(&mut self, step: Step) {
        match step {
            Step::Enter(entering) => self.enter(entering),
            Step::First(side, units) => self.take_first(side, units),
            Step::Remove(index) if !self.list.is_empty() => {
                let gone = self.list.remove(index % self.list.len());
                self.book.remove(&mut self.slab, gone.slot);
            }
            Step::Reduce(index, tenths) if !self.list.is_empty() => {
                let at = index % self.list.len();
                let resting = &mut self.list[at];
                let left = ((resting.left + resting.hidden) / 10 * tenths).max(1);
                resting.hidden = left.saturating_sub(resting.left);
                resting.left = left.min(resting.left);
                self.book.reduce(&mut self.slab, resting.slot, left);
            }
            Step::Remove(_) | Step::Reduce(..) => {}
        }
    }

    fn enter(&mut self, entering: Entering) {
        let Entering { side, price, units, owner, clip, dated, stop_at_dated } = entering;
        let standing = |_, node: &Node| {
            let stops = node.owner == owner || stop_at_dated && node.is_dated();
            if stops { Standing::Stops } else { Standing::Counts }
        };
        let feasible = self.book.feasible(&self.slab, side, price, units, standing);
        let (expected, left, stopped) = self.expect_taken(entering);
        assert_eq!(feasible, left == 0);

        let mut fills = Vec::new();
        let taken = self.book.take(&mut self.slab, side, price, units, owner, stop_at_dated, &mut fills);
        assert_eq!(fills, expected);
        assert_eq!(taken, Taken { left, stopped });
        if left > 0 && !stopped {
            self.ids += 1;
            let (id, slab) = (self.ids, &mut self.slab);
            // Not of an order of 2^32 units: each clip of it would be a fill.
            let clip = if clip < left && left < 20 { clip } else { 0 };
            let slot = match clip {
                0 => self.book.rest(slab, id, owner, side, price, left),
                _ => self.book.rest_iceberg(slab, id, owner, side, price, left, clip),
            };
            if dated {
                self.slab.mark_dated(slot);
            }
            let shown = if clip > 0 { clip } else { left };
            let resting =
                Resting { id, slot, side, price, left: shown, hidden: left - shown, clip, dated, owner };
            self.list.push(resting);
        }
    }

    fn take_first(&mut self, side: Side, units: Units) {
        if let Some(first) = self.queue(side).first() {
            let expected = self.trade(first.id, units);
            assert_eq!(self.book.take_first(&mut self.slab, side, units), expected);
        }
    }

    /// What it takes, how much is left of it, and whether it stops before an order. Takes it from the list.
    fn expect_taken(&mut self, entering: Entering) -> (Vec<Fill>, Units, bool) {
        let Entering { side, price, owner, stop_at_dated, .. } = entering;
        let mut left = entering.units;
        let mut fills = Vec::new();
        while left > 0 {
            let first = self.queue(side.opposite()).first().copied();
            let Some(maker) = first.filter(|maker| reaches(side, price, maker.price)) else { break };
            if maker.owner == owner || stop_at_dated && maker.dated {
                return (fills, left, true);
            }
            let fill = self.trade(maker.id, left);
            left -= fill.units;
            fills.push(fill);
        }
        (fills, left, false)
    }

    /// Trades with what one order of the list shows.
    fn trade(&mut self, maker: OrderId, wanted: Units) -> Fill {
        let at = self.list.iter().position(|resting| resting.id == maker).unwrap();
        let mut resting = self.list.remove(at);
        let units = wanted.min(resting.left);
        resting.left -= units;
        let refilled = if resting.left == 0 { resting.clip.min(resting.hidden) } else { 0 };
        resting.left += refilled;
        resting.hidden -= refilled;
        if resting.left > 0 {
            let at = if refilled > 0 { self.list.len() } else { at };
            self.list.insert(at, resting);
        }
        let Resting { slot, owner, price, left, hidden, .. } = resting;
        Fill { maker, slot, owner, price, units, left: left + hidden, refilled }
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
                assert_eq!(node.is_dated(), resting.dated);
                let kept_back = (self.slab.hidden(resting.slot), self.slab.clip(resting.slot));
                assert_eq!(kept_back, (resting.hidden, resting.clip));
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

/// A book to be driven by hand: owners all differ.
#[derive(Default)]
pub(crate) struct Hand {
    pub(crate) book: Book,
    pub(crate) slab: Slab,
    next: OrderId,
}

impl Hand {
    /// In both forms: thin, and hot because twenty orders far away rest as well.
    pub(crate) fn both(test: impl Fn(Hand)) {
        test(Hand::default());
        let mut hot = Hand::default();
        for away in 0..10 {
            let (id, price) = (1_000_000 + away, 1_000_000 + i64::try_from(away).unwrap());
            hot.book.rest(&mut hot.slab, id, 0, Side::Buy, -price, 1);
            hot.book.rest(&mut hot.slab, id + 100, 0, Side::Sell, price, 1);
        }
        test(hot);
    }

    pub(crate) fn rest(&mut self, side: Side, price: Ticks, units: Units) -> SlotHint {
        self.next += 1;
        let owner = u32::try_from(self.next).unwrap();
        self.book.rest(&mut self.slab, self.next, owner, side, price, units)
    }

    pub(crate) fn iceberg(&mut self, side: Side, price: Ticks, units: Units, shown: Units) -> SlotHint {
        self.next += 1;
        let owner = u32::try_from(self.next).unwrap();
        self.book.rest_iceberg(&mut self.slab, self.next, owner, side, price, units, shown)
    }

    /// What the order at a slot shows.
    pub(crate) fn shown(&self, slot: SlotHint) -> Units {
        self.slab.peek(slot).unwrap().left
    }

    pub(crate) fn remove(&mut self, slot: SlotHint) {
        self.book.remove(&mut self.slab, slot);
        self.book.check(&self.slab).unwrap();
    }

    /// Maker, price and units of each fill, and what is left.
    pub(crate) fn take(
        &mut self,
        side: Side,
        limit: Ticks,
        units: Units,
    ) -> (Vec<(OrderId, Ticks, Units)>, Units) {
        let mut fills = Vec::new();
        let taken = self.book.take(&mut self.slab, side, limit, units, u32::MAX, false, &mut fills);
        self.book.check(&self.slab).unwrap();
        (fills.iter().map(|fill| (fill.maker, fill.price, fill.units)).collect(), taken.left)
    }
}

#[test]
fn a_new_clip_queues_last_at_its_price_also_within_a_sweep() {
    Hand::both(|mut hand| {
        let ice = hand.iceberg(Side::Sell, 5, 7, 3);
        hand.rest(Side::Sell, 5, 2);
        hand.rest(Side::Sell, 6, 1);
        assert_eq!(hand.book.depth_at(&hand.slab, Side::Sell, 5), 5);
        assert_eq!(hand.take(Side::Buy, 5, 4), (vec![(1, 5, 3), (2, 5, 1)], 0));
        assert_eq!((hand.shown(ice), hand.slab.hidden(ice), hand.slab.clip(ice)), (3, 1, 3));
        assert_eq!(hand.take(Side::Buy, 6, 9), (vec![(2, 5, 1), (1, 5, 3), (1, 5, 1), (3, 6, 1)], 3));
        assert!(hand.slab.get(ice, 1).is_none());
    });
}

#[test]
fn the_first_order_can_be_taken_whoever_s_it_is_and_shows_its_next_clip() {
    Hand::both(|mut hand| {
        let ice = hand.iceberg(Side::Buy, 5, 5, 2);
        let plain = hand.rest(Side::Buy, 5, 4);
        let fill = hand.book.take_first(&mut hand.slab, Side::Buy, 9);
        assert_eq!((fill.maker, fill.units, fill.left, fill.refilled), (1, 2, 3, 2));
        assert_eq!(hand.book.first(Side::Buy), Some(plain));
        let fill = hand.book.take_first(&mut hand.slab, Side::Buy, 3);
        assert_eq!((fill.maker, fill.units, fill.left, fill.refilled), (2, 3, 1, 0));
        hand.book.take_first(&mut hand.slab, Side::Buy, 1);
        assert_eq!(hand.book.first(Side::Buy), Some(ice));
        hand.book.take_first(&mut hand.slab, Side::Buy, 1);
        assert_eq!((hand.shown(ice), hand.slab.hidden(ice)), (1, 1));
        hand.book.check(&hand.slab).unwrap();
    });
}

#[test]
fn what_is_kept_back_goes_first_when_an_iceberg_is_reduced() {
    Hand::both(|mut hand| {
        let ice = hand.iceberg(Side::Sell, 5, 10, 4);
        hand.rest(Side::Sell, 5, 1);
        for (left, shown, hidden) in [(10, 4, 6), (5, 4, 1), (4, 4, 0), (2, 2, 0)] {
            hand.book.reduce(&mut hand.slab, ice, left);
            assert_eq!((hand.shown(ice), hand.slab.hidden(ice)), (shown, hidden));
        }
        assert_eq!(hand.take(Side::Buy, 5, 9), (vec![(1, 5, 2), (2, 5, 1)], 6));
    });
}

#[test]
fn what_is_kept_back_behind_an_order_that_stops_is_not_within_reach() {
    Hand::both(|mut hand| {
        hand.iceberg(Side::Sell, 5, 10, 4);
        let other = hand.rest(Side::Sell, 5, 1);
        hand.iceberg(Side::Sell, 6, 10, 4);
        let feasible = |units, at_other| {
            let standing = |slot, _: &Node| if slot == other { at_other } else { Standing::Counts };
            hand.book.feasible(&hand.slab, Side::Buy, 6, units, standing)
        };
        assert!(feasible(4, Standing::Stops) && !feasible(5, Standing::Stops));
        assert!(feasible(20, Standing::Absent) && !feasible(21, Standing::Absent));
        assert!(feasible(21, Standing::Counts) && !feasible(22, Standing::Counts));
    });
}

#[test]
fn a_dated_order_stops_who_asks_for_it_and_nobody_else() {
    Hand::both(|mut hand| {
        hand.rest(Side::Sell, 5, 1);
        let dated = hand.rest(Side::Sell, 5, 1);
        hand.slab.mark_dated(dated);
        let mut fills = Vec::new();
        let taken = hand.book.take(&mut hand.slab, Side::Buy, 5, 3, u32::MAX, true, &mut fills);
        assert_eq!((taken, fills.len()), (Taken { left: 2, stopped: true }, 1));
        assert_eq!(hand.book.first(Side::Sell), Some(dated));
        assert_eq!(hand.take(Side::Buy, 5, 3), (vec![(2, 5, 1)], 2));
    });
}

#[test]
fn an_order_stops_before_its_own() {
    Hand::both(|mut hand| {
        hand.rest(Side::Sell, 5, 1);
        let own = hand.rest(Side::Sell, 5, 1);
        let mut fills = Vec::new();
        let taken = hand.book.take(&mut hand.slab, Side::Buy, 5, 2, 2, false, &mut fills);
        assert_eq!((taken, fills.len()), (Taken { left: 1, stopped: true }, 1));
        assert_eq!(hand.book.first(Side::Sell), Some(own));
    });
}
