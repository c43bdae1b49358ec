//! Random small markets: what the shopper finds is what trying everything finds, and its orders trade at its totals.

use crate::market::{FROM, block, books, class, request, slot};
use crate::naive::Naive;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use quotes::{ClassBooks, How, Quote, Request, Way, quote};
use std::collections::BTreeMap;
use types::{Class, ClassSpec, Phase, Side, Ticks, Units};

/// One class as drawn: slot hours, fee, asks by slot, blocks.
type Drawn = (u8, u32, Vec<Vec<(Ticks, Units)>>, Vec<(u32, u16, Units, Ticks, Units)>, Vec<bool>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let asks = vec(vec((1i64..6, 1u32..4), 0..4), 6);
    let blocks = vec((0u32..5, 2u16..4, 1u32..5, 1i64..6, 0u32..3), 0..4);
    // Fees that are whole millionths at every price, so that the cheapest before rounding is the cheapest.
    let fee = prop_oneof![Just(0u32), Just(1_000), Just(50_000), Just(100_000)];
    (1u8..=2, fee, asks, blocks, vec(prop::bool::weighted(0.9), 6))
}

fn market(drawn: &[Drawn]) -> Vec<ClassBooks> {
    let mut order = 100;
    let one = |(no, (slot_hours, fee_ppm, asks, blocks, open)): (u16, &Drawn)| {
        let class = class(no, *slot_hours);
        let class = Class { spec: ClassSpec { fee_ppm: *fee_ppm, ..class.spec }, ..class };
        let asks: Vec<&[(Ticks, Units)]> = asks.iter().map(Vec::as_slice).collect();
        let mut books = books(class, &asks);
        for (slot, open) in books.slots.iter_mut().zip(open) {
            slot.phase = if *open { Phase::Continuous } else { Phase::Halted };
        }
        for &(at, slots, units, price, min_units) in blocks {
            order += 1;
            books.blocks.push((slot(&class, at), block(order, slots, units, price, min_units.min(units))));
        }
        books
    };
    (0..).zip(drawn).map(one).collect()
}

/// What the first units of a window cost by singles, fees included: by number of units from 0 on, as far as there are.
fn curve(books: &ClassBooks, start: u32, hours: u16) -> Vec<i128> {
    let spec = &books.class.spec;
    let mut curve = vec![0];
    for units in 1usize.. {
        let mut sum = 0;
        for after in (0..u32::from(hours)).step_by(usize::from(spec.slot_hours)) {
            let slot = books.slots.iter().find(|slot| slot.contract.start().0 == start + after);
            let Some(slot) = slot.filter(|slot| slot.phase == Phase::Continuous) else { return curve };
            let prices = slot.asks.iter().flat_map(|ask| (0..ask.units).map(|_| ask.price));
            let prices: Vec<Ticks> = prices.take(units).collect();
            if prices.len() < units {
                return curve;
            }
            let value =
                prices.iter().sum::<Ticks>() as i128 * i128::from(spec.tick) * i128::from(spec.slot_hours);
            sum += value + value * i128::from(spec.fee_ppm) / 1_000_000;
        }
        curve.push(sum);
    }
    unreachable!("a book has an end")
}

/// The least cost of exactly `units` over all classes by trying every split.
fn cheapest_split(curves: &[Vec<i128>], units: usize) -> Option<i128> {
    let Some((first, rest)) = curves.split_first() else { return (units == 0).then_some(0) };
    let with = |own: usize| Some(first.get(own)? + cheapest_split(rest, units - own)?);
    (0..=units).filter_map(with).min()
}

/// The least total at a start: every split by singles, beside no block or any number of units of any one.
fn cheapest_at(market: &[ClassBooks], request: &Request, start: u32) -> Option<i128> {
    let fits = |books: &&ClassBooks| {
        let slot_hours = u32::from(books.class.spec.slot_hours);
        start.is_multiple_of(slot_hours) && u32::from(request.hours).is_multiple_of(slot_hours)
    };
    let market: Vec<&ClassBooks> = market.iter().filter(fits).collect();
    let curves: Vec<Vec<i128>> = market.iter().map(|books| curve(books, start, request.hours)).collect();
    let units = usize::try_from(request.units).unwrap();
    let mut all: Vec<Option<i128>> = vec![cheapest_split(&curves, units)];
    for books in &market {
        let spec = &books.class.spec;
        for (first, block) in &books.blocks {
            let is_window = first.start().0 == start
                && u32::from(block.slots) * u32::from(spec.slot_hours) == u32::from(request.hours);
            let is_open = books.class.window(*first, block.slots).all(|contract| {
                let slot = books.slots.iter().find(|slot| slot.contract == contract);
                slot.is_none_or(|slot| slot.phase == Phase::Continuous)
            });
            let least = if block.min_units == 0 { block.units } else { block.min_units };
            for taken in least..=block.units.min(request.units) {
                if is_window && is_open {
                    let value = i128::from(block.price)
                        * i128::from(spec.tick)
                        * i128::from(request.hours)
                        * i128::from(taken);
                    let cost = value + value * i128::from(spec.fee_ppm) / 1_000_000;
                    let rest = cheapest_split(&curves, units - usize::try_from(taken).unwrap());
                    all.push(rest.map(|rest| rest + cost));
                }
            }
        }
    }
    all.into_iter().flatten().min()
}

/// True if a window has several blocks: then the exchange may take others than a quote names, or none.
fn blocks_share_windows(market: &[ClassBooks]) -> bool {
    let mut windows = BTreeMap::new();
    market.iter().flat_map(|books| &books.blocks).for_each(|(first, block)| {
        *windows.entry((*first, block.slots)).or_insert(0) += 1;
    });
    windows.values().any(|blocks| *blocks > 1)
}

/// Sends a way's orders to the naive exchange.
fn check_trades(market: &[ClassBooks], way: &Way) {
    let mut naive = Naive::new(market);
    let mut paid = 0;
    for part in &way.parts {
        let order = part.order();
        assert_eq!(order.check(), Ok(()));
        assert_eq!((order.side, order.units), (Side::Buy, part.units));
        paid += naive.buy(&order).unwrap_or_else(|| panic!("{order:?} does not trade\n{way:#?}"));
    }
    assert!(paid <= i128::from(way.value()), "{paid} is more than {way:#?}");
}

/// What must hold of every answer.
fn check(market: &[ClassBooks], request: &Request, found: &Quote) {
    let totals: Vec<_> = found.ways.iter().map(|way| (way.total(), way.start)).collect();
    assert!(totals.is_sorted() && totals.len() <= request.most, "{totals:?}");
    assert_eq!(found.cheapest, totals.first().map(|(total, _)| *total));
    for way in &found.ways {
        assert_eq!(way.parts.iter().map(|part| part.units).sum::<Units>(), request.units);
        assert!(request.from <= way.start && way.start.plus(request.hours.into()) <= request.until);
        let hours: u64 = u64::from(request.units) * u64::from(request.hours);
        assert_eq!(way.accelerator_hours(), hours);
        assert!(way.parts.iter().all(|part| part.first.start() == way.start));
        check_trades(market, way);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_cheapest_is_what_trying_everything_finds(
        drawn in vec(drawn(), 1..4), units in 1u32..6, hours in 1u16..5, within in 1u32..10,
    ) {
        let (market, request) = (market(&drawn), Request { most: 500, ..request(units, hours, within) });
        let found = quote(&request, &market);
        check(&market, &request, &found);
        for start in (FROM..FROM + within).filter(|start| start + u32::from(hours) <= FROM + within) {
            let best = cheapest_at(&market, &request, start);
            let ways = found.ways.iter().filter(|way| way.start.0 == start);
            let least = ways.map(|way| i128::from(way.total())).min();
            if !blocks_share_windows(&market) {
                prop_assert_eq!(least, best, "start {}", start - FROM);
            } else if let (Some(least), Some(best)) = (least, best) {
                // Several blocks together may do better than each alone.
                let together = found.ways.iter().any(|way| {
                    way.parts.iter().any(|part| matches!(&part.how, How::Blocks(all) if all.len() > 1))
                });
                prop_assert!(together || least >= best);
            }
        }
    }

    #[test]
    fn every_class_and_start_with_enough_units_is_listed(
        drawn in vec(drawn(), 1..4), units in 1u32..6, hours in 1u16..5, within in 1u32..10,
    ) {
        let (market, request) = (market(&drawn), Request { most: 500, ..request(units, hours, within) });
        let found = quote(&request, &market);
        for books in &market {
            let slot_hours = u32::from(books.class.spec.slot_hours);
            for start in (FROM..FROM + within).filter(|start| start + u32::from(hours) <= FROM + within) {
                let fits = start.is_multiple_of(slot_hours) && u32::from(hours).is_multiple_of(slot_hours);
                let expected = curve(books, start, hours).get(usize::try_from(units).unwrap()).copied();
                let listed = found.ways.iter().find(|way| {
                    way.start.0 == start
                        && way.parts.len() == 1
                        && way.parts[0].class.no == books.class.no
                        && way.parts[0].how == How::Singles
                });
                let total = listed.map(|way| i128::from(way.total()));
                prop_assert_eq!(total, expected.filter(|_| fits));
            }
        }
    }

    #[test]
    fn fewer_ways_are_the_first_of_all_ways(
        drawn in vec(drawn(), 1..4), units in 1u32..6, hours in 1u16..5, most in 0usize..5,
        budget in 0i64..3_000_000,
    ) {
        let market = market(&drawn);
        let all = Request { most: 500, ..request(units, hours, 9) };
        let ways = quote(&all, &market).ways;
        let few = quote(&Request { most, ..all.clone() }, &market).ways;
        prop_assert_eq!(&few[..], &ways[..most.min(ways.len())]);
        let within = quote(&Request { budget: Some(budget), ..all }, &market);
        let expected: Vec<Way> = ways.iter().filter(|way| way.total() <= budget).cloned().collect();
        prop_assert_eq!(within.cheapest, ways.first().map(Way::total));
        prop_assert_eq!(within.ways, expected);
    }
}

#[test]
fn the_random_markets_show_every_kind_of_way() {
    let mut runner = TestRunner::deterministic();
    let strategy = (vec(drawn(), 1..4), 1u32..6, 1u16..5);
    let mut kinds = BTreeMap::new();
    for _ in 0..2_000 {
        let (drawn, units, hours) = strategy.new_tree(&mut runner).unwrap().current();
        let found = quote(&Request { most: 500, ..request(units, hours, 9) }, &market(&drawn));
        for way in &found.ways {
            let kind: Vec<&str> = way
                .parts
                .iter()
                .map(|part| match &part.how {
                    How::Singles => "singles",
                    How::Blocks(all) if all.len() > 1 => "blocks",
                    How::Blocks(_) => "block",
                })
                .collect();
            *kinds.entry(kind.join(", ")).or_insert(0) += 1;
        }
    }
    for kind in ["singles", "singles, singles", "blocks", "block", "singles, block", "block, singles"] {
        assert!(kinds.get(kind).is_some_and(|many| *many > 10), "{kind}: {kinds:?}");
    }
}
