//! Blocks, rule by rule: what they meet, when, and for how much.

use types::{
    CancelReason, Command, ContractId, MarketBody, NewOrder, OrderId, RejectCode, ReportBody, SelfTrade,
    Side, StateEvent, Ticks, TimeInForce, Units,
};

use super::market::{ANNA, BEN, Market, PIA, Who};

/// The slots A, B and C of the examples: the contract of the market and the two after it.
pub(crate) const A: u32 = 0;
pub(crate) const B: u32 = 1;
pub(crate) const C: u32 = 2;

impl Market {
    /// Pia has 100 units of each of the three slots.
    pub(crate) fn with_slots() -> Market {
        let mut market = Market::new();
        for slot in [B, C] {
            let contract = market.slot(slot);
            market.send(PIA, Command::DepositCapacity { contract, units: 100, external: 1 });
        }
        market
    }

    pub(crate) fn slot(&self, slot: u32) -> ContractId {
        ContractId(self.contract.0 + slot)
    }

    pub(crate) fn ask_in(&mut self, who: Who, slot: u32, units: Units, price: Ticks) -> OrderId {
        self.place(who, NewOrder { contract: self.slot(slot), ..self.ask(units, price) })
    }

    pub(crate) fn bid_in(&mut self, who: Who, slot: u32, units: Units, price: Ticks) -> OrderId {
        self.place(who, NewOrder { contract: self.slot(slot), ..self.bid(units, price) })
    }

    /// The terms of a block of A and B, to start others from.
    pub(crate) fn block(&self, side: Side, units: Units, price: Ticks) -> NewOrder {
        NewOrder::block(self.contract, 2, side, units, price)
    }

    /// What a block traded with singles: the slot, the single, the price, the units.
    fn met_singles(&self) -> Vec<(u32, OrderId, Ticks, Units)> {
        let met = |event: &types::MarketEvent| match event.body {
            MarketBody::BlockTrade(entry) => {
                Some((event.contract.0 - self.contract.0, entry.order, entry.price, entry.units))
            }
            _ => None,
        };
        self.out.events.iter().filter_map(met).collect()
    }

    /// What blocks traded with each other: the slot, the price, the units.
    fn prints(&self) -> Vec<(u32, Ticks, Units)> {
        let print = |event: &types::MarketEvent| match event.body {
            MarketBody::BlockPrint { price, units, .. } => {
                Some((event.contract.0 - self.contract.0, price, units))
            }
            _ => None,
        };
        self.out.events.iter().filter_map(print).collect()
    }

    /// Which blocks traded, how many units per slot, how many are left.
    pub(crate) fn traded_blocks(&self) -> Vec<(OrderId, Units, Units)> {
        let traded = |report: &types::Report| match report.body {
            ReportBody::BlockTraded { order, units, left, .. } => Some((order, units, left)),
            _ => None,
        };
        self.out.reports.iter().filter_map(traded).collect()
    }

    /// The resting blocks: id, limit, units left.
    pub(crate) fn blocks(&self) -> Vec<(OrderId, Ticks, Units)> {
        let block = |event| match event {
            StateEvent::Order(order) if order.terms.is_block() => {
                Some((order.order, order.terms.price, order.left))
            }
            _ => None,
        };
        self.state().into_iter().filter_map(block).collect()
    }

    /// What the public was told of blocks at rest: id, units left.
    fn told_blocks(&self) -> Vec<(OrderId, Units)> {
        let told = |event: &types::MarketEvent| match event.body {
            MarketBody::Block(entry) => Some((entry.order, entry.units)),
            _ => None,
        };
        self.out.events.iter().filter_map(told).collect()
    }
}

#[test]
fn a_block_trades_when_the_sum_over_its_slots_is_within_its_limit() {
    let mut market = Market::with_slots();
    let asks = [market.ask_in(PIA, A, 5, 200), market.ask_in(PIA, B, 5, 240)];
    let rests = market.place(ANNA, market.block(Side::Buy, 5, 219));
    assert_eq!((market.blocks(), market.told_blocks()), (vec![(rests, 219, 5)], vec![(rests, 5)]));
    let trades = market.place(BEN, market.block(Side::Buy, 5, 220));
    assert_eq!(market.met_singles(), [(A, asks[0], 200, 5), (B, asks[1], 240, 5)]);
    assert_eq!((market.traded_blocks(), market.told_blocks()), (vec![(trades, 5, 0)], vec![]));
    // 10.00 and 12.00, and a thousandth of each.
    assert_eq!(market.cash(BEN), (1_000_000_000 - 22_022_000, 0));
}

#[test]
fn a_block_that_sells_needs_at_least_its_limit() {
    let mut market = Market::with_slots();
    let bids = [market.bid_in(ANNA, A, 5, 200), market.bid_in(ANNA, B, 5, 240)];
    market.place(PIA, market.block(Side::Sell, 5, 221));
    assert_eq!(market.met_singles(), []);
    market.place(PIA, market.block(Side::Sell, 5, 220));
    assert_eq!(market.met_singles(), [(A, bids[0], 200, 5), (B, bids[1], 240, 5)]);
    assert_eq!(market.cash(PIA).0, 1_000_000_000 + 22_000_000 - 22_000);
}

#[test]
fn a_block_trades_all_units_or_none() {
    let mut market = Market::with_slots();
    market.ask_in(PIA, A, 5, 200);
    market.ask_in(PIA, B, 3, 200);
    let block = market.place(ANNA, market.block(Side::Buy, 4, 200));
    assert_eq!((market.met_singles(), market.blocks()), (vec![], vec![(block, 200, 4)]));
    market.ask_in(PIA, B, 1, 200);
    assert_eq!(market.traded_blocks(), [(block, 4, 0)]);
}

#[test]
fn a_block_with_a_minimum_trades_what_it_can() {
    let mut market = Market::with_slots();
    market.ask_in(PIA, A, 5, 200);
    market.ask_in(PIA, B, 3, 200);
    let block = market.place(ANNA, NewOrder { min_units: 2, ..market.block(Side::Buy, 6, 200) });
    assert_eq!(market.traded_blocks(), [(block, 3, 3)]);
    assert_eq!(market.blocks(), [(block, 200, 3)]);
    // What is left takes no fewer either.
    market.ask_in(PIA, B, 1, 200);
    assert_eq!(market.traded_blocks(), []);
    market.ask_in(PIA, B, 1, 200);
    assert_eq!(market.traded_blocks(), [(block, 2, 1)]);
    assert_eq!(market.ended(), [(block, 1, CancelReason::MinUnits)]);
}

#[test]
fn a_block_trades_as_many_units_as_its_limit_allows_on_average() {
    let mut market = Market::with_slots();
    market.ask_in(PIA, A, 2, 200);
    market.ask_in(PIA, A, 5, 220);
    market.ask_in(PIA, B, 10, 200);
    let block = market.place(ANNA, NewOrder { min_units: 1, ..market.block(Side::Buy, 7, 205) });
    // 4 units cost 2 × 2.00 + 2 × 2.20 + 4 × 2.00 = 16.40, a fifth would cost 4.20 more; the limit is 4.10 each.
    assert_eq!(market.traded_blocks(), [(block, 4, 3)]);
    assert_eq!(market.cash(ANNA).1, 3 * 2 * 2_050_000 + 12_300);
}

#[test]
fn a_block_takes_hidden_units() {
    let mut market = Market::with_slots();
    let iceberg = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    let behind = market.ask_in(PIA, A, 1, 200);
    let other = market.ask_in(PIA, B, 10, 200);
    market.place(ANNA, market.block(Side::Buy, 10, 200));
    let clips = [(A, iceberg, 200, 3), (A, behind, 200, 1), (A, iceberg, 200, 3), (A, iceberg, 200, 3)];
    assert_eq!(market.met_singles()[..4], clips);
    assert_eq!(market.met_singles()[4..], [(B, other, 200, 10)]);
    assert_eq!(market.resting(Side::Sell), [(iceberg, 200, 1)]);
}

#[test]
fn a_dead_single_is_not_there_for_a_block() {
    let mut market = Market::with_slots();
    let dies = market
        .place(PIA, NewOrder { time_in_force: TimeInForce::Gtd(Market::after(10)), ..market.ask(5, 200) });
    let lives = market.ask_in(PIA, A, 5, 210);
    market.ask_in(PIA, B, 5, 200);
    market.time = Market::after(10);
    market.place(ANNA, market.block(Side::Buy, 5, 204));
    assert_eq!(market.met_singles(), []);
    market.place(ANNA, market.block(Side::Buy, 5, 205));
    assert_eq!(market.met_singles()[0], (A, lives, 210, 5));
    assert_eq!(market.resting(Side::Sell), [(dies, 200, 5)]);
}

#[test]
fn blocks_of_the_same_window_trade_at_the_resting_limit() {
    let mut market = Market::with_slots();
    let offer = market.place(PIA, market.block(Side::Sell, 5, 200));
    let block = market.place(ANNA, NewOrder { slots: 3, ..market.block(Side::Buy, 5, 210) });
    assert_eq!((market.prints(), market.blocks().len()), (vec![], 2), "another window");
    let block = (block, market.place(ANNA, market.block(Side::Buy, 5, 210)));
    assert_eq!(market.prints(), [(A, 200, 5), (B, 200, 5)]);
    assert_eq!(market.traded_blocks(), [(block.1, 5, 0), (offer, 5, 0)]);
    assert_eq!(market.told_blocks(), [(offer, 0)]);
    assert_eq!(market.cash(PIA).0, 1_000_000_000 + 20_000_000 - 20_000);
}

#[test]
fn blocks_meet_each_other_greedily_on_the_conditions_of_both() {
    let mut market = Market::with_slots();
    let whole = market.place(PIA, market.block(Side::Sell, 5, 199));
    let parts = market.place(PIA, NewOrder { min_units: 2, ..market.block(Side::Sell, 5, 200) });
    let small = market.place(PIA, market.block(Side::Sell, 1, 201));
    // The first is for 5 or none, the second gives 3 of its 5, and nothing is left for the third.
    let block = market.place(ANNA, market.block(Side::Buy, 3, 201));
    assert_eq!(market.traded_blocks(), [(block, 3, 0), (parts, 3, 2)]);
    assert_eq!(market.prints(), [(A, 200, 3), (B, 200, 3)]);
    // Now all three: 5, 2 and 1.
    let block = market.place(ANNA, market.block(Side::Buy, 8, 201));
    assert_eq!(market.traded_blocks(), [(block, 8, 0), (whole, 5, 0), (parts, 2, 0), (small, 1, 0)]);
}

#[test]
fn the_way_with_more_units_is_taken_then_the_better_total() {
    let mut market = Market::with_slots();
    let offer = market.place(PIA, NewOrder { min_units: 1, ..market.block(Side::Sell, 6, 200) });
    for slot in [A, B] {
        market.ask_in(PIA, slot, 4, 200);
        market.ask_in(PIA, slot, 2, 203);
    }
    // Both give 4, at the same total: the singles.
    market.place(ANNA, market.block(Side::Buy, 4, 200));
    assert_eq!((market.met_singles().len(), market.prints().len()), (2, 0));
    // The block gives 6, singles only 2. Never both.
    let block = market.place(ANNA, NewOrder { min_units: 1, ..market.block(Side::Buy, 7, 203) });
    assert_eq!(market.traded_blocks(), [(block, 6, 1), (offer, 6, 0), (block, 1, 0)]);
    assert_eq!((market.prints().len(), market.met_singles().len()), (2, 2));
    // Both give 1, the block for less.
    market.place(PIA, market.block(Side::Sell, 1, 202));
    market.place(ANNA, market.block(Side::Buy, 1, 203));
    assert_eq!(market.prints(), [(A, 202, 1), (B, 202, 1)]);
}

#[test]
fn same_provider_is_one_sell_block_of_one_account() {
    let mut market = Market::with_slots();
    for slot in [A, B] {
        market.ask_in(PIA, slot, 9, 190);
    }
    let small = market.place(PIA, market.block(Side::Sell, 3, 200));
    let large = market.place(PIA, NewOrder { min_units: 1, ..market.block(Side::Sell, 7, 205) });
    let terms = NewOrder { same_provider: true, ..market.block(Side::Buy, 5, 210) };
    let block = market.place(ANNA, terms);
    assert_eq!(market.traded_blocks(), [(block, 5, 0), (large, 5, 2)]);
    // Of 4, at least 2 from one: the first gives more.
    let block = market.place(ANNA, NewOrder { units: 4, min_units: 2, ..terms });
    assert_eq!(market.traded_blocks(), [(block, 3, 1), (small, 3, 0)]);
    assert_eq!(market.ended(), [(block, 1, CancelReason::MinUnits)]);
}

#[test]
fn a_resting_block_trades_when_its_last_slot_is_offered() {
    let mut market = Market::with_slots();
    let block = market.place(ANNA, market.block(Side::Buy, 5, 220));
    let first = market.ask_in(PIA, A, 5, 200);
    assert_eq!(market.traded_blocks(), []);
    let second = market.ask_in(PIA, B, 7, 240);
    assert_eq!(market.met_singles(), [(A, first, 200, 5), (B, second, 240, 5)]);
    assert_eq!(market.told_blocks(), [(block, 0)]);
    let owner = market.out.reports.iter().filter(|report| report.account == ANNA.account);
    assert!(owner.clone().all(|report| report.answers.is_none()), "it is nobody's answer");
    assert!(owner.skip(1).all(|report| matches!(report.body, ReportBody::Filled { maker: false, .. })));
}

#[test]
fn a_block_sets_no_last_price_and_wakes_no_stop() {
    let mut market = Market::with_slots();
    let stop = market.stop_buy(BEN, 1, 190, 300);
    market.ask_in(PIA, A, 5, 200);
    market.ask_in(PIA, B, 5, 200);
    market.place(ANNA, market.block(Side::Buy, 5, 200));
    assert_eq!(market.traded_blocks().len(), 1);
    assert_eq!((market.woken(), market.sleeping()), (vec![], vec![(stop, 190, 1)]));
    let prices = market.state().into_iter().filter_map(|event| match event {
        StateEvent::Contract { last_price, .. } => Some(last_price),
        _ => None,
    });
    assert!(prices.eq([0, 0, 0]));
}

#[test]
fn resting_blocks_are_considered_by_limit_then_by_age() {
    let mut market = Market::with_slots();
    let late = market.place(ANNA, market.block(Side::Buy, 2, 210));
    let last = market.place(BEN, market.block(Side::Buy, 2, 210));
    let first = market.place(ANNA, NewOrder { slots: 3, ..market.block(Side::Buy, 2, 220) });
    for slot in [C, B] {
        market.ask_in(PIA, slot, 6, 200);
    }
    market.ask_in(PIA, A, 4, 200);
    assert_eq!(market.traded_blocks(), [(first, 2, 0), (late, 2, 0)]);
    assert_eq!(market.blocks(), [(last, 210, 2)]);
}

#[test]
fn the_next_clip_of_an_iceberg_is_offered_to_blocks() {
    let mut market = Market::with_slots();
    let block = market.place(ANNA, market.block(Side::Buy, 3, 210));
    market.ask_in(PIA, B, 9, 210);
    market.place(PIA, NewOrder { shown: 2, ..market.ask(6, 211) });
    assert_eq!(market.traded_blocks(), []);
    market.replace(ANNA, block, 3, 211);
    assert_eq!(market.traded_blocks(), [(block, 3, 0)]);
    let block = market.place(ANNA, NewOrder { min_units: 1, ..market.block(Side::Buy, 9, 209) });
    // Ben buys what is shown; of the clip that comes then the block knows, but it costs as much.
    market.buy(BEN, 1, 211);
    assert_eq!((market.traded_blocks(), market.blocks()), (vec![], vec![(block, 209, 9)]));
}

#[test]
fn a_command_considers_so_many_blocks_and_no_more() {
    let mut market = Market::with_slots();
    for _ in 0..20 {
        market.place(ANNA, market.block(Side::Buy, 2, 210));
    }
    market.ask_in(PIA, A, 1, 200);
    // The guard of every block holds, and none can trade 2.
    market.ask_in(PIA, B, 2, 200);
    assert_eq!(market.checked.reference.met_blocks, engine::BLOCK_EVALUATIONS_PER_COMMAND);
    assert!(market.checked.engine.has_pending());
    market.say(Command::Continue);
    assert_eq!(market.checked.reference.met_blocks, 4);
    assert!(!market.checked.engine.has_pending());
    market.ask_in(PIA, A, 1, 200);
    assert_eq!(market.traded_blocks().len(), 1);
}

#[test]
fn what_comes_after_blocks_goes_on_once_a_command_has_considered_enough() {
    let mut market = Market::with_slots();
    let bids: Vec<OrderId> = (0..300).map(|_| market.buy(BEN, 1, 1)).collect();
    for _ in 0..40 {
        market.place(ANNA, market.block(Side::Buy, 2, 210));
    }
    market.ask_in(PIA, A, 1, 200);
    market.ask_in(PIA, B, 2, 200);
    market.mass_cancel(BEN, types::Scope::All, None);
    assert_eq!(market.ended().len(), 256);
    market.say(Command::Continue);
    assert_eq!(market.checked.reference.met_blocks, 16);
    assert_eq!((market.ended().len(), market.done()), (44, vec![u32::try_from(bids.len()).unwrap()]));
    assert!(market.checked.engine.has_pending(), "8 blocks are yet to be considered");
    market.say(Command::Continue);
    assert_eq!(market.checked.reference.met_blocks, 8);
}

#[test]
fn a_block_and_its_fills_are_one_group() {
    let mut market = Market::with_slots();
    market.ask_in(PIA, A, 1, 200);
    market.ask_in(PIA, A, 2, 201);
    market.ask_in(PIA, B, 3, 202);
    market.place(ANNA, market.block(Side::Buy, 3, 210));
    let told: Vec<_> = market.out.reports.iter().map(|report| (report.account, report.body)).collect();
    let ReportBody::BlockTraded { units, left, value, fills, slots, .. } = told[1].1 else {
        panic!("{told:?}")
    };
    // 2.00 + 2 × 2.01 + 3 × 2.02.
    assert_eq!((units, left, value, fills, slots), (3, 0, 12_080_000, 3, 2));
    let owners: Vec<_> = told.iter().map(|(account, _)| *account).collect();
    let (anna, pia) = (ANNA.account, PIA.account);
    assert_eq!(owners, [anna, anna, anna, anna, anna, pia, pia, pia]);
    let prices = told[2..5].iter().map(|(_, body)| match body {
        ReportBody::Filled { contract, price, units, left: 0, .. } => (contract.0, *price, *units),
        other => panic!("{other:?}"),
    });
    let (a, b) = (market.slot(A).0, market.slot(B).0);
    assert!(prices.eq([(a, 200, 1), (a, 201, 2), (b, 202, 3)]));
}

#[test]
fn a_block_that_may_not_rest_ends() {
    let mut market = Market::with_slots();
    market.ask_in(PIA, A, 3, 200);
    market.ask_in(PIA, B, 3, 200);
    let terms = NewOrder { min_units: 1, ..market.block(Side::Buy, 4, 200) };
    let fok = market.place(ANNA, NewOrder { time_in_force: TimeInForce::Fok, ..terms });
    assert_eq!(market.ended(), [(fok, 4, CancelReason::Fok)]);
    let ioc = market.place(ANNA, NewOrder { time_in_force: TimeInForce::Ioc, ..terms });
    assert_eq!(
        (market.traded_blocks(), market.ended()),
        (vec![(ioc, 3, 1)], vec![(ioc, 1, CancelReason::Ioc)])
    );
    assert_eq!(market.told_blocks(), []);
}

#[test]
fn a_block_passes_its_own_orders_or_ends() {
    for (self_trade, trades) in
        [(SelfTrade::CancelIncoming, false), (SelfTrade::CancelResting, true), (SelfTrade::CancelBoth, false)]
    {
        let mut market = Market::with_slots();
        let own = market.place(PIA, NewOrder { contract: market.slot(A), ..market.bid(2, 210) });
        for slot in [A, B] {
            market.bid_in(ANNA, slot, 3, 200);
        }
        let behind = market.place(PIA, NewOrder { contract: market.slot(B), ..market.bid(2, 200) });
        // Too many: nothing happens to anybody.
        let rests = market.place(PIA, NewOrder { self_trade, ..market.block(Side::Sell, 4, 200) });
        assert_eq!((market.ended(), market.blocks()), (vec![], vec![(rests, 200, 4)]));
        let block = market.place(PIA, NewOrder { self_trade, ..market.block(Side::Sell, 3, 200) });
        let mut ended = Vec::new();
        if self_trade != SelfTrade::CancelIncoming {
            ended.push((own, 2, CancelReason::SelfTrade));
        }
        if !trades {
            ended.push((block, 3, CancelReason::SelfTrade));
        }
        assert_eq!(market.ended(), ended, "{self_trade:?}");
        assert_eq!(market.met_singles().len(), if trades { 2 } else { 0 });
        let open: Vec<OrderId> = market.state().into_iter().filter_map(order_of).collect();
        assert!(open.contains(&behind), "what is behind the last one taken is not passed");
    }
}

#[test]
fn a_block_passes_its_own_blocks_or_ends() {
    let mut market = Market::with_slots();
    let own = market.place(PIA, market.block(Side::Buy, 1, 230));
    let other = market.place(ANNA, market.block(Side::Buy, 3, 220));
    let block = market.place(PIA, market.block(Side::Sell, 3, 210));
    assert_eq!(market.ended(), [(block, 3, CancelReason::SelfTrade)]);
    let self_trade = SelfTrade::CancelResting;
    let block = market.place(PIA, NewOrder { self_trade, ..market.block(Side::Sell, 3, 210) });
    assert_eq!(market.ended(), [(own, 1, CancelReason::SelfTrade)]);
    assert_eq!(market.traded_blocks(), [(block, 3, 0), (other, 3, 0)]);
}

fn order_of(event: StateEvent) -> Option<OrderId> {
    match event {
        StateEvent::Order(order) => Some(order.order),
        _ => None,
    }
}

#[test]
fn the_digest_knows_every_turn() {
    let mut market = Market::with_slots();
    for _ in 0..40 {
        market.place(ANNA, market.block(Side::Buy, 2, 210));
    }
    market.ask_in(PIA, A, 1, 200);
    market.ask_in(PIA, B, 2, 200);
    market.ask_in(PIA, C, 2, 200);
    let mut items = Vec::new();
    market.checked.engine.save(&mut |item| items.push(item));
    let turn = items.iter().position(|item| matches!(item, engine::Saved::Turn { .. })).unwrap();
    let digest = market.checked.engine.digest();
    let (a, b) = (market.slot(A), market.slot(B));
    let other = |change: &dyn Fn(&mut Vec<engine::Saved>)| {
        let mut items = items.clone();
        change(&mut items);
        engine::Engine::restore(items, None).unwrap().digest()
    };
    assert_eq!(other(&|_| ()), digest);
    let engine::Saved::Turn { contract, side, from: Some((price, order)) } = items[turn] else {
        panic!("{:?}", items[turn])
    };
    assert_eq!((contract, side, price), (b, Side::Buy, 210));
    let from = Some((price, order));
    for changed in [
        engine::Saved::Turn { contract: a, side, from },
        engine::Saved::Turn { contract, side: Side::Sell, from },
        engine::Saved::Turn { contract, side, from: Some((price - 1, order)) },
        engine::Saved::Turn { contract, side, from: Some((price, order + 1)) },
        engine::Saved::Turn { contract, side, from: None },
    ] {
        assert_ne!(other(&|items| items[turn] = changed), digest, "{changed:?}");
    }
    assert_ne!(other(&|items| items.retain(|item| !matches!(item, engine::Saved::Turn { .. }))), digest);
    let last = engine::Saved::Turn { contract: a, side, from: None };
    assert_ne!(other(&|items| items.insert(turn + 1, last)), digest);
}

#[test]
fn terms_of_a_block_that_exclude_each_other_are_refused() {
    let mut market = Market::with_slots();
    market.place(ANNA, NewOrder { slots: 0, ..market.block(Side::Buy, 1, 200) });
    assert_eq!(market.refused(), Some((RejectCode::SlotsOutOfRange, 0)));
    market.place(ANNA, NewOrder { post_only: true, ..market.block(Side::Buy, 1, 200) });
    assert_eq!(market.refused(), Some((RejectCode::TermsConflict, 6)));
}
