//! Every message comes back from its bytes, and any bytes at all are read or refused.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use proptest::option;
use proptest::prelude::*;
use protocol::VERSION;
use protocol::header::{Frame, Frames, split};
use protocol::market_data::{FeedMessage, SubscriberMessage};
use protocol::order_entry::{
    Allowance, ClientMessage, Heartbeat, Hello, Query, QueryEnd, QueryKind, QueryRefused, Refused,
    ServerMessage, Welcome,
};
use types::{
    AUCTION_SECONDS_MAX, Account, AccountId, AccountName, BAND_PPM_MAX, CLASSES_MAX, CancelReason, Class,
    ClassNo, ClassSpec, Code, Command, ContractId, Key, KeyNo, Lane, Limits, MassCancel, NewOrder, OpenOrder,
    OrderKind, OrderRef, Performance, PublicKey, RejectCode, Report, ReportBody, Rights, Role, Scope,
    SelfTrade, Sender, Side, StateEvent, TimeInForce, Timestamp, UNITS_MAX, Why,
};

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn time_in_force() -> impl Strategy<Value = TimeInForce> {
    use TimeInForce::{Fok, Gtc, Gtd, Ioc};
    prop_oneof![Just(Gtc), Just(Ioc), Just(Fok), time().prop_map(Gtd)]
}

fn self_trade() -> impl Strategy<Value = SelfTrade> {
    use SelfTrade::{CancelBoth, CancelIncoming, CancelResting, Decrement};
    prop_oneof![Just(CancelIncoming), Just(CancelResting), Just(CancelBoth), Just(Decrement)]
}

prop_compose! {
    fn new_order()(
        contract in contract(), side in side(), kind in prop_oneof![Just(OrderKind::Limit), Just(OrderKind::Market)],
        time_in_force in time_in_force(), price: i64, units: u32, min_units: u32, shown: u32, post_only: bool,
        trigger: Option<i64>, self_trade in self_trade(), slots: u16, same_provider: bool,
    ) -> NewOrder {
        NewOrder {
            contract, slots, side, kind, time_in_force, price, units, min_units, shown, post_only, trigger,
            self_trade, same_provider,
        }
    }
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::All),
        (0..CLASSES_MAX).prop_map(|class| Scope::Class(ClassNo(class))),
        contract().prop_map(Scope::Contract),
    ]
}

prop_compose! {
    fn limits()(open_orders: u32, open_blocks: u32, order_value: i64) -> Limits {
        Limits { open_orders, open_blocks, order_value }
    }
}

prop_compose! {
    fn mass_cancel()(
        scope in scope(),
        side in option::of(side()),
    ) -> MassCancel {
        MassCancel { scope, side }
    }
}

fn lane() -> impl Strategy<Value = Lane> {
    prop_oneof![Just(Lane::Orders), Just(Lane::Cancels)]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Broker), Just(Role::Provider), Just(Role::Analyst), Just(Role::Operator)]
}

fn reason() -> impl Strategy<Value = CancelReason> {
    prop::sample::select(CancelReason::ALL.as_slice())
}

fn reject_code() -> impl Strategy<Value = RejectCode> {
    prop::sample::select(RejectCode::ALL.as_slice())
}

fn code() -> impl Strategy<Value = Code> {
    "[A-Z0-9]{1,12}".prop_map(|text| text.parse().unwrap())
}

fn name() -> impl Strategy<Value = AccountName> {
    "[a-z0-9-]{1,16}".prop_map(|text| text.parse().unwrap())
}

fn why() -> impl Strategy<Value = Why> {
    "[ -~]{0,63}".prop_map(|text| text.parse().unwrap())
}

fn rights() -> impl Strategy<Value = Rights> {
    (0u8..16).prop_map(Rights)
}

fn account() -> impl Strategy<Value = AccountId> {
    any::<u32>().prop_map(AccountId)
}

fn key_no() -> impl Strategy<Value = KeyNo> {
    any::<u32>().prop_map(KeyNo)
}

fn contract() -> impl Strategy<Value = ContractId> {
    any::<u32>().prop_map(ContractId)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp)
}

fn public_key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey)
}

prop_compose! {
    fn spec()(
        model in code(), region in code(), currency in code(), tick in 1i64..=1_000_000_000,
        slot_hours in 1u8..=168, gate_minutes in 0u16..168 * 60, horizon_hours in 168u16..=8_784,
        fee_ppm in 0u32..=100_000, performance in option::of(performance()), auctions in auctions(),
        order_units_max in 1..=UNITS_MAX,
    ) -> ClassSpec {
        let (minutes, seconds, bands) = auctions;
        let [preopen_minutes, opening_minutes] = minutes;
        let [auction_seconds, random_seconds] = seconds;
        let [static_band_ppm, dynamic_band_ppm] = if auction_seconds > 0 { bands } else { [0; 2] };
        let spec = ClassSpec {
            model, region, currency, tick, slot_hours, gate_minutes, horizon_hours, fee_ppm, performance,
            preopen_minutes, opening_minutes, auction_seconds, random_seconds, static_band_ppm, dynamic_band_ppm,
            order_units_max,
        };
        // An opening auction is over before the gate, or there is none.
        if spec.is_valid() { spec } else { ClassSpec { preopen_minutes: 0, opening_minutes: 0, ..spec } }
    }
}

prop_compose! {
    fn performance()(gflops in 1u32.., precision in code()) -> Performance {
        Performance { gflops, precision }
    }
}

/// Minutes of pre-open and opening, seconds of a reopening and of a random end, and the bands.
fn auctions() -> impl Strategy<Value = ([u16; 2], [u16; 2], [u32; 2])> {
    let seconds = 0..=AUCTION_SECONDS_MAX;
    let band = 0..=BAND_PPM_MAX;
    ([0u16..120, 1u16..120], [seconds.clone(), seconds], [band.clone(), band])
}

fn class() -> impl Strategy<Value = Class> {
    (0u16..2_048, spec()).prop_map(|(no, spec)| Class { no: ClassNo(no), spec })
}

fn order_ref() -> impl Strategy<Value = OrderRef> {
    prop_oneof![
        any::<(u64, u32)>().prop_map(|(order, slot)| OrderRef::Id { order, slot }),
        any::<u64>().prop_map(OrderRef::Number),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => new_order().prop_map(Command::NewOrder),
        1 => mass_cancel().prop_map(Command::MassCancel),
        1 => order_ref().prop_map(Command::Cancel),
        1 => (order_ref(), any::<i64>(), any::<u32>()).prop_map(|(order, price, units)| Command::Replace {
            order,
            price,
            units
        }),
        1 => (contract(), any::<u32>(), any::<u64>())
            .prop_map(|(contract, units, external)| Command::DepositCapacity { contract, units, external }),
        1 => (account(), code(), any::<i64>(), any::<u64>(), why()).prop_map(
            |(account, currency, amount, external, why)| {
                Command::DepositCash { account, currency, amount, external, why }
            }
        ),
        1 => (spec(), why()).prop_map(|(spec, why)| Command::DefineClass { spec: Box::new(spec), why }),
        1 => (name(), role(), why()).prop_map(|(name, role, why)| Command::OpenAccount { name, role, why }),
        1 => (account(), public_key(), rights(), time(), why()).prop_map(
            |(account, public, rights, expires, why)| {
                Command::RegisterKey { account, public, rights, expires, why }
            }
        ),
        1 => (key_no(), why()).prop_map(|(key, why)| Command::RevokeKey { key, why }),
        1 => public_key().prop_map(|public| Command::RotateKey { public }),
        1 => any::<u32>().prop_map(|grace| Command::CancelOnDisconnect { grace }),
        1 => (account(), limits(), why())
            .prop_map(|(account, limits, why)| Command::SetLimits { account, limits, why }),
        1 => (account(), any::<bool>(), why())
            .prop_map(|(account, on, why)| Command::SetKillSwitch { account, on, why }),
        1 => (scope(), why()).prop_map(|(scope, why)| Command::Halt { scope, why }),
        1 => (scope(), why()).prop_map(|(scope, why)| Command::Resume { scope, why }),
    ]
}

fn client_message() -> impl Strategy<Value = ClientMessage> {
    use QueryKind::{Account, Accounts, Classes};
    prop_oneof![
        option::of(0..u64::MAX).prop_map(|resume_after| ClientMessage::Hello(Hello { resume_after })),
        lane().prop_map(ClientMessage::LaneOpen),
        prop_oneof![Just(ClientMessage::Heartbeat), Just(ClientMessage::Logout)],
        (any::<u32>(), prop_oneof![Just(Account), Just(Classes), Just(Accounts)])
            .prop_map(|(request, kind)| ClientMessage::Query(Query { request, kind })),
        (any::<u64>(), command()).prop_map(|(number, command)| ClientMessage::Command { number, command }),
    ]
}

fn order_report() -> impl Strategy<Value = ReportBody> {
    let common = || (any::<u64>(), contract(), side(), any::<i64>(), any::<u32>());
    prop_oneof![
        (any::<u64>(), any::<u32>(), new_order()).prop_map(|(order, slot, terms)| ReportBody::Accepted {
            order,
            slot,
            terms
        }),
        (common(), any::<u32>()).prop_map(|((order, contract, side, _, left), slot)| {
            ReportBody::Triggered { order, slot, contract, side, left }
        }),
        (common(), any::<u64>(), any::<u32>(), any::<i64>(), any::<bool>()).prop_map(
            |(common, counter, left, fee, maker)| {
                let (order, contract, side, price, units) = common;
                ReportBody::Filled { order, counter, contract, side, price, units, left, fee, maker }
            }
        ),
        (common(), any::<u32>(), reason()).prop_map(|((order, contract, side, _, units), left, reason)| {
            ReportBody::Cancelled { order, contract, side, units, left, reason }
        }),
        mass_cancel().prop_map(ReportBody::MassCancelAccepted),
        any::<u32>().prop_map(|orders| ReportBody::MassCancelDone { orders }),
        (common(), any::<u32>(), any::<u32>(), any::<bool>()).prop_map(
            |(common, slot, left, kept_priority)| {
                let (order, contract, side, price, units) = common;
                ReportBody::Replaced { order, slot, contract, side, price, units, left, kept_priority }
            }
        ),
        (reject_code(), any::<i64>()).prop_map(|(code, value)| ReportBody::Rejected { code, value }),
        (common(), any::<u16>(), any::<u32>(), any::<u32>()).prop_map(|(common, slots, left, fills)| {
            let (order, contract, side, value, units) = common;
            ReportBody::BlockTraded { order, contract, slots, side, units, left, value, fills }
        }),
    ]
}

fn other_report() -> impl Strategy<Value = ReportBody> {
    prop_oneof![
        (code(), any::<i64>(), any::<u64>()).prop_map(|(currency, amount, external)| {
            ReportBody::CashDeposited { currency, amount, external }
        }),
        (contract(), any::<u32>(), any::<u64>()).prop_map(|(contract, units, external)| {
            ReportBody::CapacityDeposited { contract, units, external }
        }),
        (contract(), any::<u32>()).prop_map(|(contract, units)| ReportBody::Settled { contract, units }),
        class().prop_map(|Class { no, .. }| ReportBody::ClassDefined { class: no }),
        account().prop_map(|account| ReportBody::AccountOpened { account }),
        (key_no(), account()).prop_map(|(key, account)| ReportBody::KeyRegistered { key, account }),
        key_no().prop_map(|key| ReportBody::KeyRevoked { key }),
        key_no().prop_map(|key| ReportBody::KeyRotated { key }),
        any::<u32>().prop_map(|grace| ReportBody::CancelOnDisconnectSet { grace }),
        (account(), limits()).prop_map(|(account, limits)| ReportBody::LimitsSet { account, limits }),
        (account(), any::<bool>()).prop_map(|(account, on)| ReportBody::KillSwitchSet { account, on }),
        scope().prop_map(ReportBody::Halted),
        scope().prop_map(ReportBody::Resumed),
        (account(), code(), any::<i64>(), any::<u64>()).prop_map(|(account, currency, amount, external)| {
            ReportBody::CashCredited { account, currency, amount, external }
        }),
    ]
}

prop_compose! {
    fn sender()(key in key_no(), lane in lane(), number: u64) -> Sender {
        Sender { key, lane, number }
    }
}

prop_compose! {
    fn report()(
        account in account(), number: u64, sequence: u64, time in time(), answers in option::of(sender()),
        body in prop_oneof![order_report(), other_report()],
    ) -> Report {
        Report { account, number, sequence, time, answers, body }
    }
}

prop_compose! {
    fn welcome()(
        account in account(), key in key_no(), role in role(), rights in rights(), resumed: bool, time in time(),
        sequence: u64, taken: [u64; 2], first_report: u64, last_report: u64, heartbeat in 1..=u8::MAX,
        allowances in [allowance(), allowance()],
    ) -> Welcome {
        Welcome {
            account, key, role, rights, resumed, time, sequence, taken, first_report, last_report, heartbeat,
            allowances,
        }
    }
}

prop_compose! {
    fn allowance()(left: u32, rate: u32, burst: u32) -> Allowance {
        Allowance { left, rate, burst }
    }
}

prop_compose! {
    fn open_order()(
        account in account(), order: u64, slot: u32, key in key_no(), number: u64, terms in new_order(),
        left: u32, shown: u32,
    ) -> OpenOrder {
        OpenOrder { account, order, slot, key, number, terms, left, shown }
    }
}

prop_compose! {
    fn key()(
        no in key_no(), account in account(), public in public_key(), rights in rights(), expires in time(),
        revoked: bool, taken: [u64; 2], grace: u32, origin in key_no(),
    ) -> Key {
        Key { no, account, public, rights, expires, revoked, taken, grace, origin }
    }
}

/// Everything an answer can say, as the state it is made from.
fn state() -> impl Strategy<Value = StateEvent> {
    prop_oneof![
        class().prop_map(StateEvent::Class),
        (account(), name(), role(), limits(), any::<bool>()).prop_map(|(id, name, role, limits, killed)| {
            StateEvent::Account(Account { id, name, role, limits, killed })
        }),
        key().prop_map(StateEvent::Key),
        (account(), code(), any::<i64>(), any::<i64>()).prop_map(|(account, currency, free, reserved)| {
            StateEvent::Cash { account, currency, free, reserved }
        }),
        (account(), contract(), any::<u32>(), any::<u32>()).prop_map(
            |(account, contract, free, reserved)| {
                StateEvent::Holding { account, contract, free, reserved }
            }
        ),
        open_order().prop_map(StateEvent::Order),
    ]
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    prop_oneof![
        4 => report().prop_map(ServerMessage::Report),
        1 => welcome().prop_map(ServerMessage::Welcome),
        1 => (lane(), any::<u64>(), reject_code(), any::<i64>())
            .prop_map(|(lane, number, code, value)| ServerMessage::Refused(Refused { lane, number, code, value })),
        1 => (any::<u64>(), [allowance(), allowance()]).prop_map(|(last_report, allowances)| {
            ServerMessage::Heartbeat(Heartbeat { last_report, allowances })
        }),
        1 => any::<u64>().prop_map(|last_report| ServerMessage::LoggedOut { last_report }),
        1 => any::<(u32, u64, u64)>().prop_map(|(request, sequence, last_report)| {
            ServerMessage::QueryEnd(QueryEnd { request, sequence, last_report })
        }),
        1 => (any::<u32>(), reject_code(), any::<i64>())
            .prop_map(|(request, code, value)| ServerMessage::QueryRefused(QueryRefused { request, code, value })),
        4 => state().prop_map(|state| ServerMessage::from_state(&state).unwrap()),
    ]
}

fn only(bytes: &[u8]) -> Frame<'_> {
    let (frame, rest) = split(bytes).unwrap().unwrap();
    assert!(rest.is_empty());
    frame
}

/// Every reader on one frame. Whatever it is, none of them may panic.
fn read_all_ways(frame: Frame<'_>) {
    let _ = ClientMessage::decode(frame);
    let _ = ServerMessage::decode(frame);
    let _ = SubscriberMessage::decode(frame);
    if let Ok(FeedMessage::Increment(increment)) = FeedMessage::decode(frame) {
        assert_eq!(increment.events().count(), increment.len());
    }
}

proptest! {
    #[test]
    fn what_a_client_says_comes_back(message in client_message()) {
        let mut bytes = Vec::new();
        prop_assert_eq!(message.encode(&mut bytes), Ok(()));
        prop_assert_eq!(ClientMessage::decode(only(&bytes)), Ok(message));
    }

    #[test]
    fn what_a_gateway_says_comes_back(message in server_message()) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        prop_assert_eq!(ServerMessage::decode(only(&bytes)), Ok(message));
    }

    #[test]
    fn a_stream_of_messages_comes_back(
        messages in prop::collection::vec(client_message(), 0..20), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| message.encode(&mut bytes).unwrap());
        let cut = cut.index(bytes.len() + 1);
        let mut frames = Frames::new(&bytes[..cut]);
        let mut back: Vec<_> = frames.by_ref().map(|frame| ClientMessage::decode(frame.unwrap()).unwrap()).collect();
        let rest = &bytes[frames.consumed()..];
        back.extend(Frames::new(rest).map(|frame| ClientMessage::decode(frame.unwrap()).unwrap()));
        prop_assert_eq!(back, messages);
    }

    #[test]
    fn any_bytes_are_read_or_refused(kind: u8, bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let mut message = [u16::try_from(bytes.len() + 4).unwrap().to_le_bytes().as_slice(), &[kind, VERSION]].concat();
        message.extend(bytes);
        read_all_ways(only(&message));
        // A frame that no header stands behind is not made by the splitter, but must not panic either.
        read_all_ways(Frame { kind, bytes: &message[4..] });
    }

    #[test]
    fn any_change_of_a_message_is_read_or_refused(
        message in server_message(), command in client_message(),
        at in any::<prop::sample::Index>(), byte: u8,
    ) {
        let (mut bytes, mut said) = (Vec::new(), Vec::new());
        message.encode(&mut bytes);
        command.encode(&mut said).unwrap();
        for bytes in [&mut bytes, &mut said] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            Frames::new(bytes).map_while(Result::ok).for_each(read_all_ways);
        }
    }
}
