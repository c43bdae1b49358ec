//! Save and restore: an engine that is saved and restored at any moment goes on as if nothing had been, and records
//! that no engine has saved make none.

use std::collections::BTreeSet;
use std::fmt::Debug;

use engine::{Engine, RestoreError, Saved};
use types::{Command, Lane, Output, Scope, Sender, Side, Stamped, Timestamp};

use super::checked::Checked;
use super::generator::{Generator, Kind, Rng};
use super::market::{ANNA, BEN, Market, PIA};
use super::random::{guarded, setting};

/// Streams of commands, by kind: how many there are, and how long each is.
const STREAMS: [(Kind, u64, u64); 13] = [
    (Kind::Busy, 24, 300),
    (Kind::Stops, 12, 300),
    (Kind::Own, 12, 300),
    (Kind::Dated, 12, 300),
    (Kind::Blocks, 16, 300),
    (Kind::Waiting, 16, 300),
    (Kind::Gates, 1, 1_300),
    (Kind::Waking, 4, 1_300),
    (Kind::Sweeping, 1, 1_300),
    (Kind::Lapsing, 1, 1_300),
    (Kind::Auctions, 24, 300),
    (Kind::Halts, 24, 300),
    (Kind::Uncrossing, 3, 1_300),
];

/// What must have been saved at least once, or the test says little.
const MET: &[&str] = &[
    "Place",
    "Class",
    "Account",
    "Key",
    "Currency",
    "Cash",
    "CashDeposit",
    "Contract",
    "Holding",
    "CapacityDeposit",
    "Order",
    "FreeSlot",
    "Traded",
    "Halt",
    "Trading",
    "Election",
    "Closing",
    "elected",
    "iceberg",
    "block",
    "Turn",
    "begun",
];

/// The chance of a restore before a command, in hundred, while no work is pending. While some is, there always is one.
const RESTORES: u64 = 3;

#[test]
fn an_engine_restored_at_any_moment_goes_on_in_step() {
    let first = setting("CUEX_SEED").unwrap_or(1);
    let times = if setting("CUEX_LONG").is_some_and(|long| long > 0) { 20 } else { 1 };
    let mut met = BTreeSet::new();
    for (kind, streams, commands) in STREAMS {
        for seed in first..first + streams * times {
            let run = guarded(|| run_in_step(seed, kind, commands, &mut met));
            run.unwrap_or_else(|why| panic!("CUEX_SEED={seed} ({kind:?}): {why}"));
        }
    }
    let missing: Vec<_> = MET.iter().filter(|&&name| !met.contains(name)).collect();
    assert!(missing.is_empty(), "never saved: {missing:?}");
}

/// Runs a stream on an engine and on one that is saved and restored before some of the commands.
fn run_in_step(seed: u64, kind: Kind, commands: u64, met: &mut BTreeSet<String>) -> Result<(), String> {
    let (mut checked, mut other) = (Checked::default(), Engine::new());
    let (mut generator, mut rng) = (Generator::new(seed, kind), Rng::new(!seed));
    let mut out = Output::default();
    for sequence in 1..=commands {
        let step = generator.next(&checked.reference, sequence);
        let stamped = checked.as_sent(&step);
        if other.has_pending() || rng.chance(RESTORES) {
            let items = saved(&other);
            items.iter().for_each(|item| note(item, met));
            other = restored(&other).map_err(|error| format!("before command {sequence}: {error}"))?;
            same("saved state", &saved(&other), &items)?;
        }
        checked.apply(&step)?;
        out.clear();
        other.apply(&stamped, &mut out);
        same("output", &[&out], &[&checked.out])?;
        same("deadline", &[other.next_deadline()], &[checked.engine.next_deadline()])?;
        same("pending work", &[other.has_pending()], &[checked.engine.has_pending()])?;
        // Of a crowded market a digest takes long.
        if commands < 1_000 || other.has_pending() || sequence.is_multiple_of(10) {
            same("digest", &[other.digest()], &[checked.engine.digest()])
                .map_err(|why| format!("after command {sequence}, {stamped:?}: {why}"))?;
        }
    }
    Ok(())
}

#[test]
fn records_that_no_engine_has_saved_make_none_or_one_that_stands() {
    let first = setting("CUEX_SEED").unwrap_or(1);
    let times = if setting("CUEX_LONG").is_some_and(|long| long > 0) { 20 } else { 1 };
    let kinds = [
        Kind::Busy,
        Kind::Stops,
        Kind::Dated,
        Kind::Waking,
        Kind::Sweeping,
        Kind::Gates,
        Kind::Blocks,
        Kind::Waiting,
        Kind::Auctions,
        Kind::Halts,
        Kind::Uncrossing,
    ];
    let mut refused = 0;
    for seed in first..first + 18 * times {
        let kind = kinds[usize::try_from(seed).unwrap() % kinds.len()];
        let run = guarded(|| run_mutated(seed, kind, &mut refused));
        run.unwrap_or_else(|why| panic!("CUEX_SEED={seed} ({kind:?}): {why}"));
    }
    assert!(refused > 0, "nothing was refused");
}

/// Saves at some moment of a stream, spoils the records in many ways, and goes on with what still is an engine.
fn run_mutated(seed: u64, kind: Kind, refused: &mut u32) -> Result<(), String> {
    let (mut checked, mut generator, mut rng) =
        (Checked::default(), Generator::new(seed, kind), Rng::new(!seed));
    let is_small = matches!(
        kind,
        Kind::Busy | Kind::Stops | Kind::Dated | Kind::Auctions | Kind::Halts | Kind::Blocks | Kind::Waiting
    );
    let at = if is_small { 120 } else { 560 };
    for sequence in 1.. {
        let step = generator.next(&checked.reference, sequence);
        checked.apply(&step)?;
        if sequence >= at && (checked.engine.has_pending() || sequence > 2 * at) {
            break;
        }
    }
    let items = saved(&checked.engine);
    let digest = checked.engine.digest();
    let rest = following(&mut checked, &mut generator, 60)?;
    for length in (0..items.len()).step_by(items.len() / 40 + 1) {
        let cut = items[..length].iter().copied();
        assert_ne!(Engine::restore(cut, Some(digest)).map(|engine| engine.digest()).ok(), Some(digest));
    }
    for _ in 0..150 {
        let mut spoilt = items.clone();
        mutate(&mut spoilt, &mut rng);
        match Engine::restore(spoilt.iter().copied(), Some(digest)) {
            Ok(engine) => same("digest", &[engine.digest()], &[digest])?,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                *refused += 1;
            }
        }
        if let Ok(mut engine) = Engine::restore(spoilt, None) {
            go_on(&mut engine, &rest)?;
        }
    }
    Ok(())
}

/// The next commands of a stream.
fn following(
    checked: &mut Checked,
    generator: &mut Generator,
    commands: u64,
) -> Result<Vec<Stamped>, String> {
    let first = checked.engine.last_sequence() + 1;
    let mut steps = Vec::new();
    for sequence in first..first + commands {
        let step = generator.next(&checked.reference, sequence);
        steps.push(checked.as_sent(&step));
        checked.apply(&step)?;
    }
    Ok(steps)
}

/// Whatever a restored engine is, it stands: nothing panics, and everything adds up after every command.
fn go_on(engine: &mut Engine, steps: &[Stamped]) -> Result<(), String> {
    let mut out = Output::default();
    for step in steps {
        let (sequence, time) = (engine.last_sequence() + 1, step.time.max(engine.last_time()));
        engine.apply(&Stamped { sequence, time, ..step.clone() }, &mut out);
        out.clear();
    }
    engine.audit().map(|_| ()).map_err(|error| format!("what was let in does not stand: {error}"))
}

/// Drops, doubles, swaps or changes one record.
fn mutate(items: &mut Vec<Saved>, rng: &mut Rng) {
    let at = rng.index(items.len());
    match rng.below(8) {
        0 => drop(items.remove(at)),
        1 => items.insert(at, items[at]),
        2 => {
            let other = rng.index(items.len());
            items.swap(at, other);
        }
        3 => items.insert(rng.index(items.len()), items[at]),
        _ => change(&mut items[at], rng),
    }
}

/// Changes one field of a record.
fn change(item: &mut Saved, rng: &mut Rng) {
    let number =
        rng.pick(&[0, 1, 2, 3, 5, 100, 1 << 20, u64::from(u32::MAX), i64::MAX.cast_unsigned(), u64::MAX]);
    let small = u32::try_from(number).unwrap_or(u32::MAX);
    let money = number.cast_signed();
    let which = rng.below(8);
    match item {
        Saved::Place { sequence, time, clock, batches, seed } => match which {
            4 => *seed = number,
            0 => *sequence = number,
            1 => time.0 = number,
            2 => clock.0 = number,
            _ => *batches = number,
        },
        Saved::Class(class) => match which {
            0 => class.no.0 = u16::try_from(small).unwrap_or(u16::MAX),
            1 => class.spec.tick = money,
            2 => class.spec.slot_hours = class.spec.slot_hours.wrapping_add(1),
            _ => class.spec.fee_ppm = small,
        },
        Saved::Account { account, reports } if which < 4 => (account.id.0, *reports) = (small, number),
        Saved::Account { reports, .. } => *reports = number,
        Saved::Key(key) => match which {
            0 => key.no.0 = small,
            1 => key.account.0 = small,
            2 => key.rights.0 = rng.byte(16),
            3 => key.taken[0] = number,
            4 => key.origin.0 = small,
            5 => key.grace = small,
            6 => key.revoked ^= true,
            _ => key.expires.0 = number,
        },
        Saved::Currency { deposited, fees, .. } => match which {
            0..4 => *deposited = money,
            _ => *fees = money,
        },
        Saved::Cash { account, free, reserved, .. } => match which {
            0 => account.0 = small,
            1..4 => *free = money,
            _ => *reserved = money,
        },
        Saved::CashDeposit { account, external, amount, .. } => match which {
            0 => account.0 = small,
            1 => *external = number,
            _ => *amount = money,
        },
        Saved::Holding { account, contract, free, reserved } => match which {
            0 => account.0 = small,
            1 => contract.0 += 1,
            2..5 => *free = small,
            _ => *reserved = small,
        },
        Saved::CapacityDeposit { contract, account, external, units } => match which {
            0 => contract.0 += 1,
            1 => account.0 = small,
            2 => *external = number,
            _ => *units = small,
        },
        Saved::Order(_) => change_order(item, number, rng),
        Saved::FreeSlot(slot) => *slot = small,
        Saved::Election { contract, sequence, low, high, batch } => match which {
            0 => contract.0 += 1,
            1 => *sequence = number,
            2 => *low = money,
            3 => *high = money,
            _ => *batch = number,
        },
        Saved::Turn { contract, side, from } => match which {
            0 => contract.0 += 1,
            1 => contract.0 = small,
            2 => *side = side.opposite(),
            3 => *from = None,
            _ => *from = Some((money, number)),
        },
        Saved::MassCancel { account, sequence, sender, orders, .. } => match which {
            0 => account.0 = small,
            1 => *sequence = number,
            2 => sender.number = number,
            3 => sender.key.0 = small,
            _ => *orders = small,
        },
        Saved::Disconnect { account, sequence, origin, orders } => match which {
            0 => account.0 = small,
            1 => *sequence = number,
            2 => origin.0 = small,
            _ => *orders = small,
        },
        Saved::Walk { next } => *next = Some(small),
        other => change_market(other, number, rng),
    }
}

/// The same for contracts and what is pending in them.
fn change_market(item: &mut Saved, number: u64, rng: &mut Rng) {
    let (small, money) = (u32::try_from(number).unwrap_or(u32::MAX), number.cast_signed());
    let which = rng.below(8);
    match item {
        Saved::Contract { contract, sequence, last_price, phase, auction_price, until, indicative } => {
            match (which, rng.below(2)) {
                (0, 0) => contract.0 = small,
                (0, _) => contract.0 += 1,
                (1, 0) => *sequence = number,
                (1, _) => *last_price = money,
                (2, 0) => *until = Timestamp(number),
                (2, _) => *indicative = Timestamp(number),
                (3, _) => *auction_price = money,
                _ => *phase = rng.pick(&types::Phase::ALL),
            }
        }
        Saved::Traded { class, hour, units, ticks } => match which {
            0 => class.0 = u16::try_from(small).unwrap_or(u16::MAX),
            1 => hour.0 = small,
            2..5 => *units = number,
            _ => *ticks = number,
        },
        Saved::Halt(Scope::Contract(contract)) => contract.0 = small,
        Saved::Halt(scope) => *scope = Scope::Class(types::ClassNo(u16::try_from(small).unwrap_or(u16::MAX))),
        Saved::HaltWalk { scope, after } => match which {
            0..4 => *after = Some(types::ContractId(small)),
            _ => *scope = Scope::Class(types::ClassNo(u16::try_from(small).unwrap_or(u16::MAX))),
        },
        Saved::Weighing { .. } | Saved::Trading { .. } | Saved::Ending { .. } => {
            change_auction(item, number, rng)
        }
        Saved::Kill { account, sequence, orders } => match which {
            0 => account.0 = small,
            1 => *sequence = number,
            _ => *orders = small,
        },
        Saved::Closing(contract) if which < 4 => *item = Saved::Delivering(*contract),
        Saved::Delivering(contract) if which < 4 => *item = Saved::Closing(*contract),
        Saved::Closing(contract) | Saved::Delivering(contract) => contract.0 += 1,
        _ => {}
    }
}

fn change_auction(item: &mut Saved, number: u64, rng: &mut Rng) {
    let (small, money) = (u32::try_from(number).unwrap_or(u32::MAX), number.cast_signed());
    let which = rng.below(8);
    match item {
        Saved::Weighing { contract, reference, cursors, volume, paired, levels } => match which {
            0 => contract.0 += 1,
            1 => *reference = money,
            2 => cursors[rng.index(2)] = None,
            3 => cursors[rng.index(2)] = Some((small, 1)),
            4 => *volume = number,
            5 => paired[rng.index(2)] = money,
            _ => *levels = if levels.is_some() { None } else { Some([(1, number), (2, 0)]) },
        },
        Saved::Trading { contract, reference, price, left } => match which {
            0 => contract.0 += 1,
            1 => *reference = money,
            2..5 => *price = money,
            _ => *left = small,
        },
        Saved::Ending { contract, reference, price } => match which {
            0 => contract.0 += 1,
            1..4 => *reference = money,
            _ => *price = money,
        },
        _ => {}
    }
}

fn change_order(item: &mut Saved, number: u64, rng: &mut Rng) {
    let Saved::Order(order) = item else { return };
    let small = u32::try_from(number).unwrap_or(u32::MAX);
    let open = &mut order.open;
    match rng.below(20) {
        0 => open.account.0 = small,
        1 => open.order = number,
        2 => open.slot = small,
        3 => open.key.0 = small,
        4 => open.number = number,
        5 => open.left = small,
        6 => open.shown = small,
        7 => open.terms.contract.0 += 1,
        8 => open.terms.price = number.cast_signed(),
        9 => open.terms.units = small,
        10 => open.terms.trigger = if number > 3 { None } else { Some(number.cast_signed()) },
        11 => open.terms.shown = small,
        12 => open.terms.min_units = small,
        13 => open.terms.kind = types::OrderKind::Market,
        14 => open.terms.side = open.terms.side.opposite(),
        15 => open.terms.slots = u16::try_from(small).unwrap_or(u16::MAX),
        16 => open.terms.slots = open.terms.slots.wrapping_add(1),
        17 => open.terms.same_provider ^= true,
        18 => order.behind = if number == 0 { None } else { Some(small) },
        _ => order.batch = number,
    }
}

#[test]
fn mass_cancels_and_deliveries_under_way_go_on_where_they_were() {
    let mut market = Market::new();
    market.send(ANNA, Command::CancelOnDisconnect { grace: 60 });
    for external in 10..610 {
        market.deposit(PIA, 1, external);
        market.buy(ANNA, 1, 1);
        market.buy(BEN, 1, 1);
    }
    market.mass_cancel(ANNA, Scope::All, Some(Side::Buy));
    market.say(Command::Disconnected { key: ANNA.key });
    let mut met = finish_in_step(&mut market);
    market.clock(market.class.end(market.contract));
    met.extend(finish_in_step(&mut market));
    for name in ["MassCancel", "Disconnect", "Walk", "Closing", "Delivering"] {
        assert!(met.contains(name), "{name} was not saved, but {met:?}");
    }
}

#[test]
fn auctions_and_halts_under_way_go_on_where_they_were() {
    let mut market = Market::of(types::ClassSpec { auction_seconds: 0, ..super::market::auction_class() });
    market.deposit(PIA, 2_000, 2);
    let of_market = |order| types::NewOrder { kind: types::OrderKind::Market, ..order };
    for _ in 0..600 {
        market.buy(ANNA, 2, 8);
        market.sell(PIA, 2, 8);
        market.place(BEN, of_market(market.bid(1, 2)));
    }
    // Too many bids at each price, so that those at the price are added up.
    for _ in 0..300 {
        market.buy(ANNA, 2, 8);
    }
    let mut met = BTreeSet::new();
    market.clock(Market::after(15));
    market.send(super::market::OPERATOR, Command::Halt { scope: Scope::All, why: types::Why::NONE });
    met.extend(finish_in_step(&mut market));
    for name in ["Weighing", "Trading", "Ending", "HaltWalk", "Halt"] {
        assert!(met.contains(name), "{name} was not saved, but {met:?}");
    }
    assert!(met.contains("levels"), "the weighing was not saved while it added up what was left over");
}

#[test]
fn a_kill_switch_under_way_goes_on_where_it_was() {
    let mut market = Market::new();
    for _ in 0..600 {
        market.buy(ANNA, 1, 1);
    }
    let command = Command::SetKillSwitch { account: ANNA.account, on: true, why: types::Why::NONE };
    market.send(super::market::OPERATOR, command);
    assert!(finish_in_step(&mut market).contains("Kill"));
    assert!(market.open().is_empty());
}

/// Goes on until no work is pending, on the market's engine and on one that is restored before every command. Says
/// what was saved.
fn finish_in_step(market: &mut Market) -> BTreeSet<String> {
    let mut met = BTreeSet::new();
    let (mut other, mut out) = (market.checked.engine.clone(), Output::default());
    while other.has_pending() {
        saved(&other).iter().for_each(|item| note(item, &mut met));
        other = restored(&other).unwrap();
        let (sequence, time) = (market.say(Command::Continue), market.time);
        out.clear();
        other.apply(&Stamped { sequence, time, sender: None, command: Command::Continue }, &mut out);
        assert_eq!(out, market.checked.out);
        assert_eq!(other.digest(), market.checked.engine.digest());
    }
    assert!(!market.checked.engine.has_pending());
    met
}

#[test]
fn orders_come_back_to_their_slots_and_free_slots_in_their_order() {
    let mut market = Market::new();
    let orders: Vec<_> = (1..=6).map(|price| market.buy(ANNA, 1, price)).collect();
    market.sell(PIA, 5, 300);
    for order in [orders[4], orders[1]] {
        market.cancel(ANNA, order);
    }
    let mut other = restored(&market.checked.engine).unwrap();
    let free = saved(&other).into_iter().filter(|item| matches!(item, Saved::FreeSlot(_)));
    assert_eq!(free.collect::<Vec<_>>(), [Saved::FreeSlot(1), Saved::FreeSlot(4)]);
    for _ in 0..3 {
        let order = market.bid(1, 7);
        let sent = Sender { key: BEN.key, lane: Lane::Orders, number: market.number(BEN, Lane::Orders) + 1 };
        let sequence = market.place(BEN, order);
        let command = Command::NewOrder(order);
        let mut out = Output::default();
        other.apply(&Stamped { sequence, time: market.time, sender: Some(sent), command }, &mut out);
        assert_eq!(out, market.checked.out);
    }
    assert_eq!(other.digest(), market.checked.engine.digest());
}

#[test]
fn what_is_wrong_is_said_with_what_was_expected() {
    let mut market = Market::new();
    market.buy(ANNA, 2, 100);
    market.sell(PIA, 5, 300);
    let engine = &market.checked.engine;
    let wrong = |change: &dyn Fn(&mut Saved)| {
        let mut items = saved(engine);
        items.iter_mut().for_each(change);
        Engine::restore(items, Some(engine.digest())).map(|_| ()).unwrap_err().to_string()
    };
    let order = |change: &dyn Fn(&mut engine::SavedOrder, Side)| {
        wrong(&|item| {
            if let Saved::Order(order) = item {
                change(order, order.open.terms.side);
            }
        })
    };
    assert_eq!(order(&|order, _| order.open.slot = 0), "slot 0 comes twice");
    assert_eq!(order(&|order, _| order.open.key.0 = 9), "an order names key 9, which is not there");
    assert_eq!(order(&|order, _| order.open.left = 9), "units left of an order is 9, expected 1 to 2");
    assert_eq!(order(&|order, _| order.open.order = 1), "order 1 comes twice");
    let crossed = order(&|order, side| {
        if side == Side::Sell {
            order.open.terms.price = 100;
        }
    });
    assert!(crossed.ends_with("crossed at rest: bid 100, ask 100"), "{crossed}");
    let cash = wrong(&|item| {
        if let Saved::Cash { account, free, .. } = item
            && *account == BEN.account
        {
            *free -= 1;
        }
    });
    assert!(cash.starts_with("the restored state does not add up: USD: 3000000000 millionths"), "{cash}");
    let key = wrong(&|item| {
        if let Saved::Key(key) = item {
            key.taken[1] += 1;
        }
    });
    assert!(key.starts_with("the restored state has the digest"), "{key}");
    let nothing = Engine::restore([], None).map(|_| ()).unwrap_err().to_string();
    assert_eq!(nothing, "the end comes after nothing, where the place or a later kind should");
}

fn saved(engine: &Engine) -> Vec<Saved> {
    let mut items = Vec::new();
    engine.save(&mut |item| items.push(item));
    items
}

fn restored(engine: &Engine) -> Result<Engine, RestoreError> {
    Engine::restore(saved(engine), Some(engine.digest()))
}

/// Names what was saved.
fn note(item: &Saved, met: &mut BTreeSet<String>) {
    let text = format!("{item:?}");
    met.insert(text.split([' ', '(']).next().unwrap_or_default().to_owned());
    if let Saved::Turn { from: Some(_), .. } = item {
        met.insert("begun".to_owned());
    }
    if let Saved::Weighing { levels: Some(_), .. } = item {
        met.insert("levels".to_owned());
    }
    if let Saved::Order(order) = item {
        if order.open.terms.slots > 1 {
            met.insert("block".to_owned());
        }
        if order.batch > 0 {
            met.insert("elected".to_owned());
        }
        if (1..order.open.left).contains(&order.open.shown) {
            met.insert("iceberg".to_owned());
        }
    }
}

/// Names the first thing that differs.
fn same<T: Debug + PartialEq>(what: &str, found: &[T], expected: &[T]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let at = (0..).find(|&at| found.get(at) != expected.get(at)).unwrap_or_default();
    Err(format!("{what} {at} differs:\n  found    {:?}\n  expected {:?}", found.get(at), expected.get(at)))
}
