//! Holds docs/order-entry.md and docs/market-data.md to the code: every table of fields, every number of a
//! choice, reject code or close code, and every example in hex must be what the code says.

mod examples;
mod page;

use crate::choice::{By, Choice, Flags, Scoped, Tif};
use crate::market_data::layouts::INCREMENT_KIND;
use crate::order_entry::{layouts as order, terms};
use crate::{class_info, close::CloseCode, market_data::layouts as feed};
use examples::{Said, market_data, order_entry};
use page::{Page, Row};
use std::fmt::Debug;
use types::{CancelReason, Lane, OrderKind, Phase, RejectCode, Rights, Role, SelfTrade, Side};

const ORDER_ENTRY: &str = include_str!("../../docs/order-entry.md");
const MARKET_DATA: &str = include_str!("../../docs/market-data.md");

/// A layout as its section must show it.
struct Layout {
    name: &'static str,
    kind: Option<u8>,
    length: usize,
    fields: &'static [(&'static str, usize, usize, &'static str)],
}

macro_rules! messages {
    ($($module:ident: $($name:ident),*;)*) => {
        vec![$($(Layout {
            name: stringify!($name),
            kind: Some(<$module::$name as crate::wire::Wire>::KIND),
            length: size_of::<$module::$name>(),
            fields: $module::$name::FIELDS,
        },)*)*]
    };
}

macro_rules! parts {
    ($($module:ident: $($name:ident),*;)*) => {
        vec![$($(Layout {
            name: stringify!($name),
            kind: None,
            length: size_of::<$module::$name>(),
            fields: $module::$name::FIELDS,
        },)*)*]
    };
}

fn order_entry_messages() -> Vec<Layout> {
    messages![
        order: Hello, Welcome, LaneOpen, Refused;
        order: ClientHeartbeat, Heartbeat, Logout, LoggedOut;
        order: AccountQuery, ClassesQuery, AccountsQuery, QueryEnd, QueryRefused;
        order: Balance, Holding, OpenOrder, AccountInfo, KeyInfo;
        class_info: ClassInfo;
        order: NewOrder, Cancel, Replace, DepositCapacity, DepositCash;
        order: DefineClass, OpenAccount, RegisterKey, RevokeKey, RotateKey, MassCancel, CancelOnDisconnect;
        order: SetLimits, SetKillSwitch, Halt, Resume;
        order: Accepted, Filled, Cancelled, Replaced, Rejected;
        order: Triggered, MassCancelAccepted, MassCancelDone, CancelOnDisconnectSet, BlockTraded;
        order: CashDeposited, CapacityDeposited, Settled;
        order: ClassDefined, AccountOpened, KeyRegistered, KeyRevoked, KeyRotated, CashCredited;
        order: LimitsSet, KillSwitchSet, Halted, Resumed;
    ]
}

fn market_data_messages() -> Vec<Layout> {
    messages![
        feed: FeedHello, FeedWelcome, Subscribe, Unsubscribe, SubscribeRefused, Subscribed, FeedHeartbeat;
        class_info: ClassInfo;
        feed: SnapshotStart, SnapshotOrder, SnapshotBlock, SnapshotEnd;
        feed: CommandEnd, BookDigest, Top, TradePrint, Index, Window;
    ]
}

fn doc_type(rust: &str) -> String {
    match rust.strip_prefix("[u8; ").and_then(|rest| rest.strip_suffix(']')) {
        Some(length) => format!("bytes[{length}]"),
        None if rust.len() == 3 => rust.to_lowercase(),
        None => rust.to_owned(),
    }
}

fn check_layouts(page: &Page, layouts: &[Layout]) {
    for Layout { name, kind, length, fields } in layouts {
        let section = page.section(name);
        let title = match kind {
            Some(kind) => format!("{kind:#04x}, {length} bytes"),
            None => format!("{length} bytes"),
        };
        assert_eq!(section.title, title, "{name}");
        let rows: Vec<Row> = fields
            .iter()
            .map(|&(field, offset, length, rust)| Row {
                field: field.to_owned(),
                offset,
                length,
                kind: doc_type(rust),
            })
            .collect();
        assert_eq!(section.rows, rows, "the table of {name}");
        let end = fields.last().map(|(_, offset, length, _)| offset + length);
        assert_eq!(end, Some(*length), "{name} has no gap at its end");
        assert_eq!(section.examples.len(), usize::from(kind.is_some()), "one example of {name}");
    }
}

/// Every example is the bytes of its message, and the bytes are read as that message.
fn check_examples(page: &Page, examples: &[(&str, Said)]) {
    for (place, (name, said)) in examples.iter().enumerate() {
        let before = examples[..place].iter().filter(|(other, _)| other == name).count();
        let shown = page.section(name).examples.get(before);
        let mut bytes = Vec::new();
        said.encode(&mut bytes);
        assert_eq!(
            shown.map(|shown| page::hex(shown)),
            Some(page::hex(&bytes)),
            "example {before} of {name}"
        );
        said.check_decoded(&bytes);
    }
    let shown: usize = page.sections.iter().map(|section| section.examples.len()).sum();
    assert_eq!(shown, examples.len(), "an example that nothing checks");
}

fn choices<C: Choice + Debug>() -> Vec<(u64, String)> {
    C::ALL.iter().map(|(choice, byte)| (u64::from(*byte), format!("{choice:?}"))).collect()
}

#[test]
fn order_entry_is_as_written() {
    let page = Page::read(ORDER_ENTRY);
    let parts = parts![order: ReportHead, AllowanceTerms; class_info: ClassTerms; terms: OrderTerms, MassCancelTerms, ScopeTerms;];
    let messages = order_entry_messages();
    check_layouts(&page, &parts);
    check_layouts(&page, &messages);
    assert_eq!(page.sections.len(), parts.len() + messages.len(), "a section that nothing checks");
    check_examples(&page, &order_entry());
}

#[test]
fn market_data_is_as_written() {
    let page = Page::read(MARKET_DATA);
    let parts = parts![feed: IncrementHead, Entry; class_info: ClassTerms;];
    let messages = market_data_messages();
    check_layouts(&page, &parts);
    check_layouts(&page, &messages);
    assert_eq!(page.section("Increment").title, format!("{INCREMENT_KIND:#04x}, 40 + 32 x count bytes"));
    assert_eq!(page.sections.len(), parts.len() + messages.len() + 1, "a section that nothing checks");
    check_examples(&page, &market_data());
}

#[test]
fn every_number_is_as_written() {
    let (order_entry, market_data) = (Page::read(ORDER_ENTRY), Page::read(MARKET_DATA));
    let rejects: Vec<(u64, String)> =
        RejectCode::ALL.iter().map(|code| (u64::from(code.number()), code.to_string())).collect();
    let closes: Vec<(u64, String)> =
        CloseCode::ALL.iter().map(|code| (u64::from(code.number()), code.to_string())).collect();
    assert_eq!(order_entry.numbers("Reject codes"), rejects);
    assert_eq!(order_entry.numbers("Close codes"), closes);
    assert_eq!(order_entry.numbers("side"), choices::<Side>());
    assert_eq!(order_entry.numbers("kind"), choices::<OrderKind>());
    assert_eq!(order_entry.numbers("time_in_force"), choices::<Tif>());
    assert_eq!(order_entry.numbers("self_trade"), choices::<SelfTrade>());
    assert_eq!(order_entry.numbers("scope"), choices::<Scoped>());
    let flags =
        [(Flags::POST_ONLY, "post_only"), (Flags::STOP, "stop"), (Flags::SAME_PROVIDER, "same_provider")];
    assert_eq!(order_entry.numbers("flags"), flags.map(|(bit, name)| (u64::from(bit), name.to_owned())));
    assert_eq!(order_entry.numbers("lane"), choices::<Lane>());
    assert_eq!(order_entry.numbers("role"), choices::<Role>());
    assert_eq!(order_entry.numbers("reason"), choices::<CancelReason>());
    assert_eq!(order_entry.numbers("by"), choices::<By>());
    let rights = [Rights::READ, Rights::TRADE, Rights::DEPOSIT, Rights::OPERATE];
    let rights = rights.map(|right| (u64::from(right.0), right.to_string()));
    assert_eq!(order_entry.numbers("rights"), rights);
    assert_eq!(market_data.numbers("side"), choices::<Side>());
    assert_eq!(market_data.numbers("depth"), choices::<crate::market_data::Depth>());
    assert_eq!(market_data.numbers("phase"), choices::<Phase>());
    assert_eq!(market_data.numbers("change"), choices::<crate::choice::Change>());
    assert_eq!(market_data.numbers("kind"), choices::<crate::market_data::TradeKind>());
    assert_eq!(market_data.numbers("start"), choices::<crate::market_data::Start>());
}

#[test]
fn no_two_messages_have_one_kind() {
    let mut kinds = std::collections::BTreeMap::from([(INCREMENT_KIND, "Increment")]);
    for Layout { name, kind, .. } in order_entry_messages().into_iter().chain(market_data_messages()) {
        let before = kind.and_then(|kind| kinds.insert(kind, name));
        assert!(before.is_none_or(|before| before == name), "{name} and {before:?}");
    }
}
