//! The codec's tests: the documented bytes, every command there and back, and every other byte refused or kept.

use super::*;
use proptest::prelude::*;
use types::{
    AccountId, ClassNo, ClassSpec, ContractId, Hour, Limits, MassCancel, NewOrder, OrderKind, OrderRef,
    Performance, Rights, Role, Scope, SelfTrade, Side, TimeInForce, Why,
};

/// One record of every kind, every field with a value of its own: the examples of the documentation.
fn examples() -> Vec<Stamped> {
    let code = |text: &str| text.parse::<Code>().unwrap();
    let why = |text: &str| text.parse::<Why>().unwrap();
    let sender = |lane, number| Some(Sender { key: KeyNo(3), lane, number });
    let contract = ContractId::new(ClassNo(1), Hour(498_710));
    let order = OrderRef::Id { order: 40, slot: 7 };
    let commands = [
        (
            None,
            Command::Genesis {
                operator: PublicKey(std::array::from_fn(|i| u8::try_from(i).unwrap())),
                seed: 0x0123_4567_89ab_cdef,
            },
        ),
        (None, Command::Clock),
        (None, Command::Continue),
        (
            sender(Lane::Orders, 1),
            Command::DefineClass {
                spec: Box::new(ClassSpec { gate_minutes: 30, ..ClassSpec::example() }),
                why: why("spring listing"),
            },
        ),
        (
            sender(Lane::Orders, 12),
            Command::DefineClass {
                spec: Box::new(ClassSpec { region: code("USW"), ..ClassSpec::full_example() }),
                why: Why::NONE,
            },
        ),
        (
            sender(Lane::Orders, 2),
            Command::OpenAccount {
                name: "acme-cloud".parse().unwrap(),
                role: Role::Provider,
                why: why("contract 2026-114"),
            },
        ),
        (
            sender(Lane::Orders, 3),
            Command::RegisterKey {
                account: AccountId(2),
                public: PublicKey(std::array::from_fn(|i| 0xff - u8::try_from(i).unwrap())),
                rights: Rights::READ.and(Rights::TRADE),
                expires: Timestamp(1_798_761_600_000_000_000),
                why: why("second desk"),
            },
        ),
        (sender(Lane::Orders, 4), Command::RevokeKey { key: KeyNo(9), why: why("lost laptop") }),
        (
            sender(Lane::Orders, 5),
            Command::DepositCash {
                account: AccountId(2),
                currency: code("USD"),
                amount: 1_000_000_000,
                external: 77,
                why: why("wire of 20 November"),
            },
        ),
        (sender(Lane::Orders, 6), Command::DepositCapacity { contract, units: 64, external: 78 }),
        (
            sender(Lane::Orders, 7),
            Command::NewOrder(NewOrder {
                time_in_force: TimeInForce::Ioc,
                ..NewOrder::limit(contract, Side::Sell, 8, 21_000)
            }),
        ),
        (
            sender(Lane::Orders, 8),
            Command::NewOrder(NewOrder {
                time_in_force: TimeInForce::Gtd(Timestamp(1_795_305_600_000_000_000)),
                min_units: 100,
                shown: 40,
                trigger: Some(20_500),
                self_trade: SelfTrade::Decrement,
                ..NewOrder::limit(contract, Side::Sell, 400, 20_000)
            }),
        ),
        (
            sender(Lane::Orders, 13),
            Command::NewOrder(NewOrder {
                same_provider: true,
                min_units: 2,
                ..NewOrder::block(contract, 6, Side::Buy, 8, 21_000)
            }),
        ),
        (sender(Lane::Cancels, 1), Command::Cancel(order)),
        (sender(Lane::Cancels, 2), Command::Cancel(OrderRef::Number(7))),
        (sender(Lane::Orders, 9), Command::Replace { order, price: 20_900, units: 6 }),
        (
            sender(Lane::Cancels, 3),
            Command::MassCancel(MassCancel { scope: Scope::Class(ClassNo(1)), side: Some(Side::Sell) }),
        ),
        (sender(Lane::Orders, 10), Command::CancelOnDisconnect { grace: 30 }),
        (
            sender(Lane::Orders, 11),
            Command::RotateKey {
                public: PublicKey(std::array::from_fn(|i| 0x40 + u8::try_from(i).unwrap())),
            },
        ),
        (None, Command::Disconnected { key: KeyNo(3) }),
        (
            sender(Lane::Orders, 14),
            Command::SetLimits {
                account: AccountId(2),
                limits: Limits { open_orders: 500, open_blocks: 20, order_value: 5_000_000_000 },
                why: why("credit review"),
            },
        ),
        (
            sender(Lane::Orders, 15),
            Command::SetKillSwitch { account: AccountId(2), on: true, why: why("runaway bot") },
        ),
        (
            sender(Lane::Orders, 16),
            Command::Halt { scope: Scope::Class(ClassNo(1)), why: why("region outage") },
        ),
        (
            sender(Lane::Orders, 17),
            Command::Resume { scope: Scope::Contract(contract), why: why("repaired") },
        ),
    ];
    let stamp = |(sequence, (sender, command))| Stamped {
        sequence,
        time: Timestamp(1_795_132_800_000_000_000),
        sender,
        command,
    };
    (1..).zip(commands).map(stamp).collect()
}

/// What `docs/journal-records.md` says of one kind.
struct Section {
    kind: u8,
    length: usize,
    /// Offset and length of each field of the body.
    fields: Vec<(usize, usize)>,
    examples: Vec<Vec<u8>>,
}

/// Reads headings `## Name: kind 1, 32 bytes`, table rows `| field | offset | length |…` and blocks of `hex`.
fn documented() -> Vec<Section> {
    let page = include_str!("../../../docs/journal-records.md");
    let mut sections: Vec<Section> = Vec::new();
    let mut in_hex = false;
    for line in page.lines() {
        let heading = line.strip_prefix("## ").and_then(|line| line.split_once(": kind "));
        if let Some((_, rest)) = heading {
            let (kind, rest) = rest.split_once(", ").unwrap();
            let length = rest.strip_suffix(" bytes").unwrap().parse().unwrap();
            let kind = kind.parse().unwrap();
            sections.push(Section { kind, length, fields: Vec::new(), examples: Vec::new() });
        }
        let Some(section) = sections.last_mut() else { continue };
        if line.starts_with("```") {
            in_hex = line == "```hex";
            section.examples.extend(in_hex.then(Vec::new));
        } else if in_hex {
            let bytes = line.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap());
            section.examples.last_mut().unwrap().extend(bytes);
        } else if line.starts_with("| ") && !line.starts_with("| field") {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            section.fields.push((cells[2].parse().unwrap(), cells[3].parse().unwrap()));
        }
    }
    sections
}

fn encoded(stamped: &Stamped) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(stamped, &mut bytes);
    bytes
}

#[test]
fn records_are_as_documented() {
    let sections = documented();
    let mut in_page: Vec<Vec<u8>> = Vec::new();
    for (kind, section) in (1u8..).zip(&sections) {
        assert_eq!(section.kind, kind, "the kinds stand in order");
        let mut end = size_of::<Header>();
        for &(offset, length) in &section.fields {
            assert_eq!(offset, end, "the fields of kind {kind} leave no gap");
            end += length;
        }
        assert_eq!(end, section.length, "the fields of kind {kind} add up");
        for example in &section.examples {
            assert_eq!(example.len(), section.length, "the example of kind {kind}");
            assert_eq!(example[1], kind);
        }
        in_page.extend(section.examples.iter().cloned());
    }
    let mut expected: Vec<(u8, Stamped)> = examples().into_iter().map(|it| (encoded(&it)[1], it)).collect();
    expected.sort_by_key(|(kind, _)| *kind);
    assert_eq!(in_page.len(), expected.len());
    for (bytes, (_, stamped)) in in_page.iter().zip(&expected) {
        assert_eq!(hex(bytes), hex(&encoded(stamped)), "{stamped:?}");
        assert_eq!(decode(bytes), Ok((stamped.clone(), &[][..])));
    }
}

#[test]
fn a_batch_is_read_record_by_record_and_ends_at_the_first_error() {
    let mut batch = Vec::new();
    for stamped in examples() {
        encode(&stamped, &mut batch);
    }
    let read: Result<Vec<Stamped>, RecordError> = records(&batch).collect();
    assert_eq!(read.unwrap(), examples());
    batch.truncate(batch.len() - 1);
    let read: Vec<_> = records(&batch).collect();
    assert_eq!(read.len(), examples().len());
    assert_eq!(read.last(), Some(&Err(RecordError::Short { needed: 104, left: 103 })));
}

#[test]
fn what_is_no_record_is_refused_with_what_was_expected() {
    let refusal = |example: usize, at: usize, byte: u8| {
        let mut bytes = encoded(&examples()[example]);
        bytes[at] = byte;
        decode(&bytes).unwrap_err()
    };
    let (clock, account, revoked, order, dated, cancel, mass_cancel) = (1, 5, 7, 10, 11, 14, 16);
    let (class, performing, limits, kill_switch, halt) = (3, 4, 20, 21, 22);
    assert_eq!(refusal(clock, 0, 40), RecordError::Length { kind: 1, found: 40, expected: 32 });
    assert_eq!(refusal(clock, 1, 0), RecordError::Kind { found: 0 });
    assert_eq!(refusal(clock, 1, 21), RecordError::Kind { found: 21 });
    assert_eq!(refusal(clock, 2, 3), RecordError::Version { found: 3 });
    let field = |error| match error {
        RecordError::Field { field, found, .. } => (field, found),
        other => panic!("{other}"),
    };
    assert_eq!(field(refusal(clock, 3, 3)), ("lane", "3".to_owned()));
    assert_eq!(field(refusal(clock, 4, 1)), ("lane", "0".to_owned()));
    assert_eq!(field(refusal(account, 32, b'A')).0, "name");
    assert_eq!(field(refusal(account, 48, 0x1b)).0, "why");
    assert_eq!(field(refusal(account, 110, b'x')).0, "why", "nothing stands behind the end of the text");
    assert_eq!(field(refusal(account, 111, 0)), ("role", "0".to_owned()));
    assert_eq!(field(refusal(revoked, 99, 1)), ("reserved", "0100000000".to_owned()));
    assert_eq!(field(refusal(order, 72, 3)), ("side", "3".to_owned()));
    assert_eq!(field(refusal(order, 73, 0)), ("kind", "0".to_owned()));
    assert_eq!(field(refusal(order, 74, 5)), ("time in force", "5".to_owned()));
    assert_eq!(field(refusal(order, 75, 5)), ("self trade", "5".to_owned()));
    assert_eq!(field(refusal(order, 76, 8)), ("flags", "8".to_owned()));
    assert_eq!(field(refusal(order, 77, 1)), ("reserved", "01".to_owned()));
    assert_eq!(field(refusal(order, 40, 1)), ("until", "1".to_owned()));
    assert_eq!(field(refusal(order, 48, 1)), ("trigger", "1".to_owned()));
    assert_eq!(field(refusal(dated, 74, 1)), ("until", "1795305600000000000".to_owned()));
    assert_eq!(field(refusal(dated, 76, 1)), ("trigger", "20500".to_owned()));
    assert_eq!(field(refusal(mass_cancel, 32, 1)), ("contract", "1".to_owned()));
    assert_eq!(field(refusal(mass_cancel, 38, 1)), ("class", "1".to_owned()));
    assert_eq!(field(refusal(mass_cancel, 38, 4)), ("scope", "4".to_owned()));
    assert_eq!(field(refusal(mass_cancel, 39, 3)), ("side", "3".to_owned()));
    assert_eq!(field(refusal(class, 92, 1)), ("performance", "1".to_owned()));
    assert_eq!(field(refusal(performing, 68, b'a')).0, "precision");
    assert_eq!(field(refusal(limits, 119, 1)), ("reserved", "0000000001".to_owned()));
    assert_eq!(field(refusal(kill_switch, 36, 2)), ("on", "2".to_owned()));
    assert_eq!(field(refusal(halt, 32, 1)), ("contract", "1".to_owned()));
    assert_eq!(field(refusal(halt, 38, 0)), ("scope", "0".to_owned()));
    assert_eq!(field(refusal(halt, 102, 1)), ("reserved", "0100".to_owned()));
    assert_eq!(field(refusal(cancel, 40, 1)), ("named by", "2".to_owned()));
    assert_eq!(decode(&[]), Err(RecordError::Short { needed: 32, left: 0 }));
}

fn any_code() -> impl Strategy<Value = Code> {
    "[A-Z0-9]{1,12}".prop_map(|text| text.parse().unwrap())
}

fn any_why() -> impl Strategy<Value = Why> {
    "[ -~]{0,63}".prop_map(|text| text.parse().unwrap())
}

fn any_order_ref() -> impl Strategy<Value = OrderRef> {
    prop_oneof![
        any::<(u64, u32)>().prop_map(|(order, slot)| OrderRef::Id { order, slot }),
        any::<u64>().prop_map(OrderRef::Number),
    ]
}

fn any_class() -> impl Strategy<Value = ClassSpec> {
    let performance = (any_code(), any::<u32>());
    let performance = performance.prop_map(|(precision, gflops)| Performance { gflops, precision });
    let codes = (any_code(), any_code(), any_code(), proptest::option::of(performance));
    let basic = any::<(i64, u8, u16, u16, u32)>();
    (codes, basic, any::<[u16; 4]>(), any::<[u32; 3]>()).prop_map(
        |((model, region, currency, performance), basic, times, numbers)| {
            let (tick, slot_hours, gate_minutes, horizon_hours, fee_ppm) = basic;
            let [preopen_minutes, opening_minutes, auction_seconds, random_seconds] = times;
            let [static_band_ppm, dynamic_band_ppm, order_units_max] = numbers;
            ClassSpec {
                model,
                region,
                currency,
                tick,
                slot_hours,
                gate_minutes,
                horizon_hours,
                fee_ppm,
                performance,
                preopen_minutes,
                opening_minutes,
                auction_seconds,
                random_seconds,
                static_band_ppm,
                dynamic_band_ppm,
                order_units_max,
            }
        },
    )
}

prop_compose! {
    fn any_new_order()(
        contract: u32, side in any_side(), kind in prop_oneof![Just(OrderKind::Limit), Just(OrderKind::Market)],
        time_in_force in prop_oneof![
            Just(TimeInForce::Gtc),
            Just(TimeInForce::Ioc),
            Just(TimeInForce::Fok),
            any::<u64>().prop_map(|until| TimeInForce::Gtd(Timestamp(until))),
        ],
        price: i64, units: u32, min_units: u32, shown: u32, post_only: bool, trigger: Option<i64>,
        self_trade in prop_oneof![
            Just(SelfTrade::CancelIncoming),
            Just(SelfTrade::CancelResting),
            Just(SelfTrade::CancelBoth),
            Just(SelfTrade::Decrement),
        ],
        slots: u16, same_provider: bool,
    ) -> NewOrder {
        NewOrder {
            contract: ContractId(contract), slots, side, kind, time_in_force, price, units, min_units, shown, post_only,
            trigger, self_trade, same_provider,
        }
    }
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn any_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::All),
        any::<u16>().prop_map(|class| Scope::Class(ClassNo(class))),
        any::<u32>().prop_map(|contract| Scope::Contract(ContractId(contract))),
    ]
}

fn any_mass_cancel() -> impl Strategy<Value = MassCancel> {
    (any_scope(), proptest::option::of(any_side())).prop_map(|(scope, side)| MassCancel { scope, side })
}

fn any_command() -> impl Strategy<Value = Command> {
    let role =
        prop_oneof![Just(Role::Broker), Just(Role::Provider), Just(Role::Analyst), Just(Role::Operator)];
    let key = (any::<(u32, [u8; 32], u8, u64)>(), any_why()).prop_map(|(terms, why)| {
        let (account, public, rights, expires) = terms;
        let (account, public) = (AccountId(account), PublicKey(public));
        Command::RegisterKey { account, public, rights: Rights(rights), expires: Timestamp(expires), why }
    });
    let cash = (any::<(u32, i64, u64)>(), any_code(), any_why()).prop_map(|(terms, currency, why)| {
        let (account, amount, external) = terms;
        Command::DepositCash { account: AccountId(account), currency, amount, external, why }
    });
    let capacity = any::<(u32, u32, u64)>().prop_map(|(contract, units, external)| {
        Command::DepositCapacity { contract: ContractId(contract), units, external }
    });
    prop_oneof![
        Just(Command::Clock),
        Just(Command::Continue),
        any::<([u8; 32], u64)>()
            .prop_map(|(operator, seed)| Command::Genesis { operator: PublicKey(operator), seed }),
        any::<u32>().prop_map(|key| Command::Disconnected { key: KeyNo(key) }),
        (any_class(), any_why()).prop_map(|(spec, why)| Command::DefineClass { spec: Box::new(spec), why }),
        ("[a-z0-9-]{1,16}", role, any_why()).prop_map(|(name, role, why)| Command::OpenAccount {
            name: name.parse().unwrap(),
            role,
            why
        }),
        key,
        (any::<u32>(), any_why()).prop_map(|(key, why)| Command::RevokeKey { key: KeyNo(key), why }),
        any::<[u8; 32]>().prop_map(|public| Command::RotateKey { public: PublicKey(public) }),
        any::<u32>().prop_map(|grace| Command::CancelOnDisconnect { grace }),
        cash,
        capacity,
        (any::<(u32, u32, u32, i64)>(), any_why()).prop_map(|(terms, why)| {
            let (account, open_orders, open_blocks, order_value) = terms;
            let limits = Limits { open_orders, open_blocks, order_value };
            Command::SetLimits { account: AccountId(account), limits, why }
        }),
        (any::<(u32, bool)>(), any_why()).prop_map(|((account, on), why)| Command::SetKillSwitch {
            account: AccountId(account),
            on,
            why
        }),
        (any_scope(), any_why()).prop_map(|(scope, why)| Command::Halt { scope, why }),
        (any_scope(), any_why()).prop_map(|(scope, why)| Command::Resume { scope, why }),
        any_new_order().prop_map(Command::NewOrder),
        any_order_ref().prop_map(Command::Cancel),
        any_mass_cancel().prop_map(Command::MassCancel),
        (any_order_ref(), any::<(i64, u32)>()).prop_map(|(order, (price, units))| Command::Replace {
            order,
            price,
            units
        }),
    ]
}

fn any_stamped() -> impl Strategy<Value = Stamped> {
    let lane = prop_oneof![Just(Lane::Orders), Just(Lane::Cancels)];
    let sender = (any::<(u32, u64)>(), lane).prop_map(|((key, number), lane)| Sender {
        key: KeyNo(key),
        lane,
        number,
    });
    (any::<(u64, u64)>(), proptest::option::of(sender), any_command()).prop_map(
        |((sequence, time), sender, command)| Stamped { sequence, time: Timestamp(time), sender, command },
    )
}

proptest! {
    #[test]
    fn every_command_comes_back(stamped in any_stamped(), behind in any::<[u8; 3]>()) {
        let mut bytes = encoded(&stamped);
        prop_assert!(bytes.len() <= RECORD_MAX);
        prop_assert_eq!(usize::from(bytes[0]), bytes.len());
        bytes.extend(behind);
        prop_assert_eq!(decode(&bytes), Ok((stamped, &behind[..])));
    }

    #[test]
    fn a_changed_byte_is_refused_or_means_something_else(
        stamped in any_stamped(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = encoded(&stamped);
        let at = at.index(bytes.len());
        let changed = bytes[at] != byte;
        bytes[at] = byte;
        if let Ok((read, rest)) = decode(&bytes) {
            prop_assert_eq!(read != stamped, changed);
            prop_assert_eq!(encoded(&read), &bytes[..bytes.len() - rest.len()], "one encoding each");
        }
    }

    #[test]
    fn straight_into_its_place_is_the_same_as_the_long_way(
        stamped in any_stamped(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let whole = encoded(&stamped);
        let mut changed = whole.clone();
        changed[at.index(whole.len())] = byte;
        for bytes in [&whole[..], &changed, &whole[..cut.index(whole.len())]] {
            let mut read = vec![stamped.clone()];
            let rest = decode_onto(bytes, &mut read);
            prop_assert_eq!(rest.map(|rest| (read.pop(), rest)), decode(bytes).map(|(read, rest)| (Some(read), rest)));
            prop_assert!(read.is_empty() || read == std::slice::from_ref(&stamped), "what was there is left alone");
        }
    }

    #[test]
    fn any_bytes_are_decoded_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for record in records(&bytes) {
            let _ = record;
        }
    }
}
