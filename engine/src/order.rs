//! One order: what is known of an open one beside its node, and what it is while it lies nowhere.

mod saved;

use crate::slab::{NIL, Node};
use types::{
    AccountId, Answers, ContractId, KeyNo, NewOrder, OrderId, OrderKind, SelfTrade, Sender, Side, SlotHint,
    Ticks, TimeInForce, Units,
};

/// The cold part of an open order: 32 bytes beside its node.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(crate) struct OrderRecord {
    pub(crate) number: u64,
    /// Its total: what is not left is filled.
    pub(crate) units: Units,
    /// Where its contract lies.
    pub(crate) at: u32,
    /// Its key in the low 24 bits, and the flags below.
    key: u32,
    /// If it has rare terms, where they lie. If not, where the holding lies that it stands on or adds to; `NIL`
    /// while that is not known.
    pub(crate) more: u32,
    /// The order before it in its account's list; `NIL` if it is the first.
    pub(crate) prev: SlotHint,
    /// The order after it; if it is the last, the first.
    pub(crate) next: SlotHint,
}

const POST_ONLY: u32 = 1 << 31;
const RARE: u32 = 1 << 30;
const SELF_TRADE_SHIFT: u32 = 24;
const KEY: u32 = (1 << SELF_TRADE_SHIFT) - 1;

/// The terms of an order that few have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RareTerms {
    /// Where its holding lies, as in [`OrderRecord::more`].
    pub(crate) holding: u32,
    kind: OrderKind,
    pub(crate) time_in_force: TimeInForce,
    slots: u16,
    same_provider: bool,
    min_units: Units,
    shown: Units,
    pub(crate) trigger: Option<Ticks>,
    /// The batch in which a sleeping stop was elected; 0 if it was not.
    pub(crate) batch: u64,
}

/// An order that lies nowhere, on its way into the book or just taken out: what is needed to settle or end it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loose {
    pub(crate) order: OrderId,
    pub(crate) account: AccountId,
    pub(crate) contract: ContractId,
    /// Where its contract lies.
    pub(crate) at: u32,
    /// Where its holding lies; `NIL` while that is not known. Of a sell order it always is.
    pub(crate) holding: u32,
    pub(crate) side: Side,
    /// Its limit.
    pub(crate) price: Ticks,
    pub(crate) left: Units,
    /// What its reports answer.
    pub(crate) answers: Answers,
}

/// An order on its way into the book: a new one, one that wakes, or one that gave up its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) loose: Loose,
    pub(crate) key: KeyNo,
    pub(crate) number: u64,
    /// Its total.
    pub(crate) units: Units,
    /// All other terms; limit and total are those above.
    pub(crate) terms: &'a NewOrder,
}

impl OrderRecord {
    /// The record of an order that is not in a list yet.
    #[inline(always)]
    pub(crate) fn new(order: &Incoming<'_>) -> OrderRecord {
        let (terms, loose) = (order.terms, &order.loose);
        let mut key = order.key.0 | (terms.self_trade as u32) << SELF_TRADE_SHIFT;
        if terms.post_only {
            key |= POST_ONLY;
        }
        let is_plain = terms.kind == OrderKind::Limit && terms.time_in_force == TimeInForce::Gtc;
        if !is_plain || terms.shown > 0 || terms.trigger.is_some() || terms.is_block() {
            key |= RARE;
        }
        let (number, units) = (order.number, order.units);
        OrderRecord { number, units, at: loose.at, key, more: loose.holding, prev: NIL, next: NIL }
    }

    /// The record of a plain order, see [`NewOrder::is_plain`], that is not in a list yet.
    #[inline(always)]
    pub(crate) fn plain(sender: &Sender, terms: &NewOrder, at: u32, holding: u32) -> OrderRecord {
        let (number, units) = (sender.number, terms.units);
        let key = sender.key.0 | (terms.self_trade as u32) << SELF_TRADE_SHIFT;
        OrderRecord { number, units, at, key, more: holding, prev: NIL, next: NIL }
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> KeyNo {
        KeyNo(self.key & KEY)
    }

    /// True if it has terms for which there is no room here.
    #[inline(always)]
    pub(crate) fn has_rare_terms(&self) -> bool {
        self.key & RARE != 0
    }

    /// The terms of the order with this record and this node, but for rare ones.
    #[inline]
    pub(crate) fn terms(&self, node: &Node, contract: ContractId) -> NewOrder {
        let self_trade = match self.key >> SELF_TRADE_SHIFT & 3 {
            0 => SelfTrade::CancelIncoming,
            1 => SelfTrade::CancelResting,
            2 => SelfTrade::CancelBoth,
            _ => SelfTrade::Decrement,
        };
        let post_only = self.key & POST_ONLY != 0;
        NewOrder { post_only, self_trade, ..NewOrder::limit(contract, node.side(), self.units, node.price) }
    }
}

impl RareTerms {
    pub(crate) fn kind(&self) -> OrderKind {
        self.kind
    }

    /// Those of an order that is put to sleep, or rests. A minimum stays with one that is in no book.
    pub(crate) fn new(order: &Incoming<'_>, sleeps: bool) -> RareTerms {
        let NewOrder { kind, time_in_force, min_units, shown, trigger, slots, same_provider, .. } =
            *order.terms;
        let (min_units, trigger) = if sleeps { (min_units, trigger) } else { (0, None) };
        let holding = order.loose.holding;
        RareTerms { holding, kind, time_in_force, slots, same_provider, min_units, shown, trigger, batch: 0 }
    }

    /// All terms of an order of which `terms` are the others.
    pub(crate) fn with(&self, terms: NewOrder) -> NewOrder {
        let RareTerms { kind, time_in_force, slots, same_provider, min_units, shown, trigger, .. } = *self;
        NewOrder { kind, time_in_force, slots, same_provider, min_units, shown, trigger, ..terms }
    }
}

const _: () = assert!(crate::KEYS_MAX <= KEY, "a key fits in its bits");
