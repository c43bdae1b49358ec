//! Worked examples: the figures are computed by hand.

use crate::market::{FROM, block, books, class, request, slot};
use quotes::{How, Move, Request, Way, quote};
use types::{Class, ClassSpec, Hour, Performance, Phase, Side, TimeInForce, Units};

fn units(way: &Way) -> Vec<(u16, Units)> {
    way.parts.iter().map(|part| (part.class.no.0, part.units)).collect()
}

#[test]
fn a_sweep_slot_by_slot_costs_what_its_orders_do() {
    // 3 units for 2 hours. From 0: 1.00 x 2 + 1.10, and 1.20 x 3: 6.70. From 1: 3.60 and 2 x 3: 9.60.
    let market = [books(class(0, 1), &[&[(100, 2), (110, 5)], &[(120, 3)], &[(200, 9)]])];
    let quote = quote(&request(3, 2, 3), &market);
    assert_eq!((quote.classes, quote.cheapest), (1, Some(6_706_700)));
    let totals: Vec<_> = quote.ways.iter().map(|way| (way.start.0 - FROM, way.value(), way.fees())).collect();
    assert_eq!(totals, [(0, 6_700_000, 6_700), (1, 9_600_000, 9_600)]);
    let part = &quote.ways[0].parts[0];
    assert_eq!(part.how, How::Singles);
    // 6.70 for 6 accelerator-hours are 1.1166..: the next tick is 1.12.
    assert_eq!((part.limit, part.order().price, part.order().slots), (112, 112, 2));
    assert_eq!((part.order().contract, part.order().side), (slot(&part.class, 0), Side::Buy));
    // The second slot is emptied, which is farther than from 1.00 to 1.10.
    let moved = Move { contract: slot(&part.class, 1), before: 120, after: None };
    assert_eq!(part.moves, Some(moved));
    assert_eq!(quote.ways[0].accelerator_hours(), 6);
}

#[test]
fn an_order_for_one_slot_has_its_worst_price_as_its_limit() {
    let market = [books(class(0, 4), &[&[(100, 2), (110, 5)]])];
    let quote = quote(&request(3, 4, 4), &market);
    let part = &quote.ways[0].parts[0];
    // 3.10 an hour for 4 hours.
    assert_eq!((part.value, part.fees, part.limit, part.slots), (12_400_000, 12_400, 110, 1));
    assert_eq!(part.order().time_in_force, TimeInForce::Fok);
    assert_eq!(part.moves, Some(Move { contract: slot(&part.class, 0), before: 100, after: Some(110) }));
}

#[test]
fn a_split_takes_the_cheapest_next_unit_of_all_classes() {
    // For 2 hours a unit of class 0 costs 2.00, 2.00, 4.00; of class 1 2.50 and 2.50: 3 units are 2 + 2 + 2.50.
    let market = [
        books(class(0, 1), &[&[(100, 2), (200, 9)], &[(100, 2), (200, 9)]]),
        books(class(1, 1), &[&[(120, 9)], &[(130, 9)]]),
    ];
    let quote = quote(&request(3, 2, 2), &market);
    let found: Vec<_> = quote.ways.iter().map(|way| (units(way), way.value())).collect();
    assert_eq!(
        found,
        [(vec![(0, 2), (1, 1)], 6_500_000), (vec![(1, 3)], 7_500_000), (vec![(0, 3)], 8_000_000),]
    );
}

#[test]
fn a_dearer_fee_can_turn_the_choice() {
    let dear = Class { spec: ClassSpec { fee_ppm: 50_000, ..class(0, 1).spec }, ..class(0, 1) };
    let market = [books(dear, &[&[(100, 1)]]), books(class(1, 1), &[&[(102, 1)]])];
    let quote = quote(&request(1, 1, 1), &market);
    let totals: Vec<_> = quote.ways.iter().map(|way| (units(way), way.total())).collect();
    assert_eq!(totals, [(vec![(1, 1)], 1_021_020), (vec![(0, 1)], 1_050_000)]);
}

#[test]
fn a_block_serves_its_own_window_alone_or_beside_singles() {
    // 4 units for 2 hours; a block of 3 at 0.90, and singles at 1.00, 1.00, 3.00, 3.00 an hour.
    let mut offered = books(class(0, 1), &[&[(100, 2), (300, 9)], &[(100, 2), (300, 9)], &[(100, 9)]]);
    offered.blocks = vec![
        (slot(&offered.class, 0), block(7, 2, 3, 90, 0)),
        // Other windows are not this one.
        (slot(&offered.class, 0), block(8, 3, 4, 10, 0)),
        (slot(&offered.class, 2), block(9, 2, 4, 10, 0)),
    ];
    let market = [offered];
    let with_block = quote(&request(4, 2, 2), &market);
    let best = &with_block.ways[0];
    // 3 x 2 x 0.90 and 2 x 1.00.
    assert_eq!((units(best), best.value()), (vec![(0, 1), (0, 3)], 7_400_000));
    assert_eq!(best.parts[1].how, How::Blocks(vec![7]));
    assert_eq!((best.parts[1].limit, best.parts[1].moves), (90, None));
    let alone = quote(&request(3, 2, 2), &market);
    assert_eq!((units(&alone.ways[0]), alone.ways[0].value()), (vec![(0, 3)], 5_400_000));
    // All or none: nobody gets 2 of its 3 units.
    let fewer = quote(&request(2, 2, 2), &market);
    assert_eq!(fewer.ways.len(), 1);
    assert_eq!(fewer.ways[0].parts[0].how, How::Singles);
}

#[test]
fn a_block_with_a_minimum_gives_as_many_units_as_it_pays() {
    // Of a block of 4, at least 2, at 1.50; singles at 1.00, 1.00, 2.00 an hour: 2 of each.
    let mut offered = books(class(0, 1), &[&[(100, 2), (200, 9)], &[(100, 2), (200, 9)]]);
    offered.blocks = vec![(slot(&offered.class, 0), block(7, 2, 4, 150, 2))];
    let market = [offered];
    let quote = quote(&request(4, 2, 2), &market);
    let best = &quote.ways[0];
    assert_eq!((units(best), best.value()), (vec![(0, 2), (0, 2)], 10_000_000));
    // Singles first: had the block come first, it would have been offered the two cheap ones.
    assert_eq!(best.parts[0].how, How::Singles);
}

#[test]
fn several_blocks_of_a_window_are_taken_best_first() {
    let mut offered = books(class(0, 1), &[]);
    let first = slot(&offered.class, 0);
    offered.blocks = vec![
        (first, block(9, 2, 2, 100, 0)),
        (first, block(5, 2, 3, 90, 0)),
        (first, block(6, 2, 9, 100, 1)),
    ];
    let quote = quote(&request(6, 2, 2), &[offered]);
    let part = &quote.ways[0].parts[0];
    assert_eq!(part.how, How::Blocks(vec![5, 6]));
    // The average is 0.95, but a block at 1.00 is met only by who would pay so much.
    assert_eq!((part.value, part.limit), (3 * 2 * 900_000 + 3 * 2 * 1_000_000, 100));
}

#[test]
fn only_slots_that_trade_continuously_count() {
    let mut offered = books(class(0, 1), &[&[(100, 9)], &[(100, 9)], &[(100, 9)], &[(100, 9)]]);
    offered.slots[1].phase = Phase::Auction;
    offered.blocks = vec![(slot(&offered.class, 1), block(7, 2, 3, 1, 0))];
    let quote = quote(&request(3, 2, 4), &[offered]);
    let starts: Vec<_> = quote.ways.iter().map(|way| way.start).collect();
    assert_eq!(starts, [Hour(FROM + 2)]);
}

#[test]
fn what_is_outside_a_band_is_not_offered() {
    let mut offered = books(class(0, 1), &[&[(100, 2), (110, 5)], &[(100, 9)]]);
    offered.slots[0].band = 90..=109;
    let with = |units| quote(&request(units, 1, 2), &[offered.clone()]).ways.len();
    assert_eq!((with(2), with(3)), (2, 1));
}

#[test]
fn what_is_over_the_budget_is_left_out_and_its_price_told() {
    let market = [books(class(0, 1), &[&[(100, 2), (110, 5)], &[(120, 3)], &[(200, 9)]])];
    let with = |budget| quote(&Request { budget: Some(budget), ..request(3, 2, 3) }, &market);
    assert_eq!((with(6_706_700).ways.len(), with(6_706_699).ways.len()), (1, 0));
    assert_eq!(with(6_706_699).cheapest, Some(6_706_700));
    let most = quote(&Request { most: 1, ..request(3, 2, 3) }, &market);
    assert_eq!(most.ways.len(), 1);
}

#[test]
fn slots_of_other_lengths_start_together() {
    // 8 hours: two slots of 4 h, or eight of 1 h. The class of 4 h starts at FROM only within 11 hours and at FROM + 4.
    let hourly: Vec<&[_]> = vec![&[(100, 1)]; 12];
    let market = [books(class(0, 1), &hourly), books(class(1, 4), &[&[(90, 1)], &[(90, 1)], &[(80, 1)]])];
    let quote = quote(&Request { most: 99, ..request(2, 8, 12) }, &market);
    let found: Vec<_> = quote.ways.iter().map(|way| (way.start.0 - FROM, way.value())).collect();
    // 8 x 1.00 and 4 x 0.90 + 4 x 0.80; 8 x 1.00 and 8 x 0.90.
    assert_eq!(found, [(4, 14_800_000), (0, 15_200_000)]);
    assert_eq!(units(&quote.ways[0]), [(1, 1), (0, 1)]);
}

#[test]
fn an_order_has_no_more_units_than_its_class_allows() {
    let few = Class { spec: ClassSpec { order_units_max: 2, ..class(0, 1).spec }, ..class(0, 1) };
    let market = [books(few, &[&[(100, 9)]]), books(class(1, 1), &[&[(120, 9)]])];
    let quote = quote(&request(3, 1, 1), &market);
    let found: Vec<_> = quote.ways.iter().map(units).collect();
    assert_eq!(found, [vec![(0, 2), (1, 1)], vec![(1, 3)]]);
}

#[test]
fn what_it_computes_is_known_if_every_class_says_it_alike() {
    let with = |no, gflops, precision: &str| {
        let performance = Some(Performance { gflops, precision: precision.parse().unwrap() });
        Class { spec: ClassSpec { performance, ..class(no, 1).spec }, ..class(no, 1) }
    };
    let split = |one, other| {
        let market = [books(one, &[&[(100, 1)]]), books(other, &[&[(100, 1)]])];
        let quote = quote(&request(2, 1, 1), &market);
        quote.ways[0].gflops_hours()
    };
    let bf16 = "BF16".parse().unwrap();
    assert_eq!(split(with(0, 989_500, "BF16"), with(1, 312_000, "BF16")), Some((1_301_500, bf16)));
    assert_eq!(split(with(0, 989_500, "BF16"), with(1, 312_000, "FP8")), None);
    assert_eq!(split(with(0, 989_500, "BF16"), class(1, 1)), None);
}

#[test]
fn no_money_is_enough_for_what_does_not_fit_in_it() {
    let dear = Class { spec: ClassSpec { tick: 1_000_000_000, ..class(0, 1).spec }, ..class(0, 1) };
    let market = [books(dear, &[&[(types::PRICE_MAX, types::UNITS_MAX)]])];
    let quote = quote(&request(types::UNITS_MAX, 1, 1), &market);
    assert_eq!((quote.ways.len(), quote.cheapest), (0, None));
}
