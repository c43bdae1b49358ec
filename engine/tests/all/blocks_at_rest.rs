//! Blocks, rule by rule: how one is let in, what it holds, and how it changes and ends.

use types::{
    CancelReason, ClassNo, Command, ContractId, Hour, MarketBody, NewOrder, RejectCode, Scope, Side,
    StateEvent, TimeInForce,
};

use super::blocks::{A, B, C};
use super::market::{ANNA, BEN, DOLLARS_1000, MORNING, Market, PIA, example_class};

#[test]
fn checks_of_a_block_come_in_this_order() {
    let mut market = Market::unfunded(example_class());
    let hour = MORNING.hour().0;
    let gone = NewOrder {
        contract: ContractId::new(ClassNo(7), Hour(hour - 5)),
        slots: 4,
        time_in_force: TimeInForce::Gtd(MORNING),
        ..market.block(Side::Buy, 1_000_000, 1_000_000_000)
    };
    let mut place = |terms: NewOrder| {
        market.place(ANNA, terms);
        market.refused()
    };
    assert_eq!(place(NewOrder { slots: 400, ..gone }), Some((RejectCode::SlotsOutOfRange, 400)));
    assert_eq!(place(gone), Some((RejectCode::UnknownClass, 7)));
    let at = |ahead: i64, slots| NewOrder {
        contract: ContractId::new(ClassNo(0), Hour(u32::try_from(i64::from(hour) + ahead).unwrap())),
        slots,
        ..gone
    };
    let gate = |ahead: i64| (i64::from(hour) + ahead) * 3_600 - 1_800;
    // Gates close half an hour before a slot: those of the slots that start now and before have.
    assert_eq!(place(at(-5, 6)), Some((RejectCode::BlockInThePast, gate(0))));
    assert_eq!(place(at(-5, 40)), Some((RejectCode::BlockAcrossGate, gate(-5))));
    assert_eq!(place(at(20, 5)), Some((RejectCode::BlockBeyondHorizon, 24)));
    assert_eq!(place(at(1, 23)), Some((RejectCode::ExpiryPassed, MORNING_SECONDS)));
    let lasting = NewOrder { time_in_force: TimeInForce::Gtc, ..at(1, 23) };
    assert_eq!(place(lasting), Some((RejectCode::TooLarge, 1_000_000)));
    // 23 slots of 2 units at 2.00, and a thousandth.
    let needed = 92_092_000;
    assert_eq!(
        place(NewOrder { units: 2, price: 200, ..lasting }),
        Some((RejectCode::NotEnoughCash, needed))
    );
    let sold = NewOrder { side: Side::Sell, ..lasting };
    assert_eq!(place(sold), Some((RejectCode::NotEnoughUnits, 0)));
    assert!(
        !market.state().iter().any(|event| matches!(event, StateEvent::Contract { .. })),
        "none was touched"
    );
}

const MORNING_SECONDS: i64 = 480_000 * 3_600;

#[test]
fn a_class_of_long_slots_checks_windows_by_its_slots() {
    let mut market =
        Market::of(types::ClassSpec { slot_hours: 4, horizon_hours: 26, gate_minutes: 0, ..example_class() });
    let first = market.contract;
    assert_eq!(first.start().0 % 4, 0);
    market.place(ANNA, NewOrder { contract: ContractId(first.0 + 1), ..market.block(Side::Buy, 1, 200) });
    assert_eq!(market.refused(), Some((RejectCode::NotASlot, 4)));
    market.place(ANNA, NewOrder { slots: 7, ..market.block(Side::Buy, 1, 200) });
    assert_eq!(market.refused(), Some((RejectCode::BlockBeyondHorizon, 26)));
    market.place(ANNA, NewOrder { slots: 6, ..market.block(Side::Buy, 1, 200) });
    assert_eq!(market.refused(), None);
    // 6 slots of 4 hours at 2.00.
    assert_eq!(market.cash(ANNA).1, 48_048_000);
}

#[test]
fn an_account_has_so_many_resting_blocks() {
    let mut market = Market::with_slots();
    for _ in 0..types::Limits::DEFAULT.open_blocks {
        market.place(ANNA, market.block(Side::Buy, 1, 1));
    }
    assert_eq!(market.refused(), None);
    let one_more = market.block(Side::Buy, 1, 1);
    market.place(ANNA, one_more);
    assert_eq!(market.refused(), Some((RejectCode::TooManyBlocks, 1_000)));
    market.place(BEN, one_more);
    assert_eq!(market.refused(), None);
}

#[test]
fn a_block_reserves_for_all_its_slots() {
    let mut market = Market::with_slots();
    let block = market.place(ANNA, NewOrder { slots: 3, ..market.block(Side::Buy, 5, 200) });
    assert_eq!(market.cash(ANNA), (DOLLARS_1000 - 30_030_000, 30_030_000));
    market.place(PIA, NewOrder { slots: 3, ..market.block(Side::Sell, 60, 300) });
    assert_eq!(market.units(PIA), (40, 60));
    market.ask_in(PIA, C, 30, 250);
    market.place(PIA, NewOrder { slots: 3, ..market.block(Side::Sell, 20, 300) });
    assert_eq!(market.refused(), Some((RejectCode::NotEnoughUnits, 10)), "of the third slot 10 are free");
    market.cancel(ANNA, block);
    assert_eq!(market.cash(ANNA), (DOLLARS_1000, 0));
}

#[test]
fn a_block_ends_at_the_gate_of_its_first_slot() {
    let mut market = Market::with_slots();
    let later = market.place(ANNA, NewOrder { contract: market.slot(B), ..market.block(Side::Buy, 1, 100) });
    let first = market.place(ANNA, market.block(Side::Buy, 1, 100));
    let second = market.place(PIA, market.block(Side::Sell, 1, 300));
    let bid = market.buy(BEN, 1, 90);
    let stop = market.stop_buy(BEN, 1, 500, 500);
    market.clock(market.gate());
    let ended: Vec<_> = market.ended().into_iter().map(|(order, ..)| order).collect();
    assert_eq!(ended, [bid, stop, first, second]);
    assert!(market.ended().iter().all(|end| end.2 == CancelReason::Gate));
    assert_eq!(market.blocks(), [(later, 100, 1)]);
    assert_eq!(market.units(PIA), (100, 0));
}

#[test]
fn a_block_is_good_till_its_date() {
    let mut market = Market::with_slots();
    let time_in_force = TimeInForce::Gtd(Market::after(10));
    let block = market.place(ANNA, NewOrder { time_in_force, ..market.block(Side::Buy, 5, 200) });
    market.ask_in(PIA, A, 5, 200);
    market.time = Market::after(10);
    // It is dead before the clock has come, as one that waits and as one that is met.
    market.ask_in(PIA, B, 5, 200);
    market.place(PIA, market.block(Side::Sell, 5, 200));
    assert_eq!(market.traded_blocks(), []);
    market.clock(Market::after(10));
    assert_eq!(market.ended(), [(block, 5, CancelReason::Expired)]);
}

#[test]
fn a_mass_cancel_of_a_contract_ends_blocks_whose_first_slot_it_is() {
    let mut market = Market::with_slots();
    let first = market.place(ANNA, market.block(Side::Buy, 1, 100));
    let bid = market.bid_in(ANNA, B, 1, 100);
    let later = market.place(ANNA, NewOrder { contract: market.slot(B), ..market.block(Side::Buy, 1, 100) });
    market.mass_cancel(ANNA, Scope::Contract(market.slot(B)), None);
    assert_eq!(market.ended(), [(bid, 1, CancelReason::Mass), (later, 1, CancelReason::Mass)]);
    market.mass_cancel(ANNA, Scope::Class(ClassNo(0)), Some(Side::Sell));
    assert_eq!(market.done(), [0]);
    market.mass_cancel(ANNA, Scope::Class(ClassNo(0)), Some(Side::Buy));
    assert_eq!(market.ended(), [(first, 1, CancelReason::Mass)]);
}

#[test]
fn a_block_of_a_key_that_is_gone_ends() {
    let mut market = Market::with_slots();
    market.send(ANNA, Command::CancelOnDisconnect { grace: 60 });
    let block = market.place(ANNA, market.block(Side::Buy, 1, 100));
    market.say(Command::Disconnected { key: ANNA.key });
    assert_eq!(market.ended(), [(block, 1, CancelReason::Disconnected)]);
}

#[test]
fn a_block_is_replaced_like_any_order() {
    let mut market = Market::with_slots();
    let block = market.place(ANNA, NewOrder { min_units: 2, ..market.block(Side::Buy, 6, 200) });
    market.ask_in(PIA, A, 2, 200);
    market.ask_in(PIA, B, 2, 200);
    assert_eq!(market.blocks(), [(block, 200, 4)]);
    market.replace(ANNA, block, 3, 200);
    assert_eq!(market.refused(), Some((RejectCode::MinUnitsOutOfRange, 2)), "1 would be left");
    market.replace(ANNA, block, 2, 200);
    assert_eq!(market.refused(), Some((RejectCode::AlreadyFilled, 2)));
    market.replace(ANNA, block, 5, 200);
    assert_eq!((market.kept_priority(), market.blocks()), (Some(true), vec![(block, 200, 3)]));
    assert_eq!(market.cash(ANNA).1, 12_012_000);
    market.ask_in(PIA, A, 3, 210);
    market.ask_in(PIA, B, 3, 210);
    market.replace(ANNA, block, 5, 210);
    assert_eq!((market.kept_priority(), market.traded_blocks()), (Some(false), vec![(block, 3, 0)]));
}

#[test]
fn a_replace_refused_for_funds_leaves_the_block() {
    let mut market = Market::with_slots();
    let block = market.place(ANNA, market.block(Side::Buy, 200, 200));
    let state = market.blocks();
    market.replace(ANNA, block, 300, 200);
    // 1,200.00 and 1.20, of which 800.80 are held.
    assert_eq!(market.refused(), Some((RejectCode::NotEnoughCash, 400_400_000)));
    assert_eq!((market.blocks(), market.cash(ANNA).1), (state, 800_800_000));
    let offer = market.place(PIA, market.block(Side::Sell, 100, 300));
    market.replace(PIA, offer, 101, 300);
    assert_eq!(market.refused(), Some((RejectCode::NotEnoughUnits, 0)));
}

#[test]
fn the_public_is_told_of_a_block_as_it_rests_and_changes() {
    let mut market = Market::with_slots();
    let units = |market: &Market| -> Vec<(u32, u32)> {
        let of = |event: &types::MarketEvent| match event.body {
            MarketBody::Block(entry) => Some((event.contract.0 - market.contract.0, entry.units)),
            _ => None,
        };
        market.out.events.iter().filter_map(of).collect()
    };
    let terms = NewOrder { contract: market.slot(B), min_units: 1, ..market.block(Side::Buy, 6, 200) };
    let block = market.place(ANNA, terms);
    assert_eq!(units(&market), [(B, 6)]);
    market.replace(ANNA, block, 6, 200);
    assert_eq!(units(&market), [], "nothing has changed");
    market.replace(ANNA, block, 5, 200);
    assert_eq!(units(&market), [(B, 5)]);
    market.replace(ANNA, block, 5, 201);
    assert_eq!(units(&market), [(B, 0), (B, 5)]);
    market.ask_in(PIA, C, 2, 200);
    market.ask_in(PIA, B, 2, 200);
    assert_eq!(units(&market), [(B, 3)]);
    market.cancel(ANNA, block);
    assert_eq!(units(&market), [(B, 0)]);
    assert_eq!(market.blocks(), []);
    assert_ne!(A, B);
}
