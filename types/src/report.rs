//! Reports: what a command's owner is told.

use crate::code::Code;
use crate::command::{MassCancel, Scope, Sender, Side};
use crate::ids::{AccountId, ClassNo, ContractId, KeyNo, OrderId, Sequence, SlotHint};
use crate::money::{Money, Ticks, Units};
use crate::order::NewOrder;
use crate::reject::RejectCode;
use crate::state::Limits;
use crate::time::Timestamp;

/// One report to one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// To whom.
    pub account: AccountId,
    /// The account's own count of its reports, from 1 without gaps.
    pub number: u64,
    /// The command that caused it.
    pub sequence: Sequence,
    /// That command's stamp.
    pub time: Timestamp,
    /// The account's own command this is about, if it is the answer to one.
    pub answers: Answers,
    /// What happened.
    pub body: ReportBody,
}

/// Which command of the account's own keys a report answers; `None` when something happened to it that
/// another's command, or the clock, brought about. The first report that answers a command is its outcome.
pub type Answers = Option<Sender>;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportBody {
    /// The order was taken; fills, if any, follow, and then the end of what may not rest.
    Accepted {
        /// Its id from now on.
        order: OrderId,
        /// Where it lies if it rests or sleeps; meaningless if it does neither.
        slot: SlotHint,
        /// What was asked.
        terms: NewOrder,
    },
    /// The stop woke: from now on it is an order like any other. Fills, if any, follow, and then the end of what
    /// may not rest.
    Triggered {
        /// Which; the id stays.
        order: OrderId,
        /// Where it lies if it rests.
        slot: SlotHint,
        /// For what.
        contract: ContractId,
        /// Which way.
        side: Side,
        /// What is left of it.
        left: Units,
    },
    /// Part or all of the order traded.
    Filled {
        /// Which order of the account's.
        order: OrderId,
        /// The other order, whose owner stays unknown.
        counter: OrderId,
        /// For what.
        contract: ContractId,
        /// The account's own side.
        side: Side,
        /// At the maker's price.
        price: Ticks,
        /// How many units traded.
        units: Units,
        /// How many are left of the order.
        left: Units,
        /// What the account pays for this fill besides the value, at least 0.
        fee: Money,
        /// True if the account's order was resting.
        maker: bool,
    },
    /// A block traded: in every slot of its window the same number of units. The next `fills` reports of the account
    /// are the [`ReportBody::Filled`] of its parts, by slot, and in each of them in the order of the trades; with
    /// this one they are one group, released together.
    BlockTraded {
        /// Which order of the account's.
        order: OrderId,
        /// The first slot of its window.
        contract: ContractId,
        /// How many slots.
        slots: u16,
        /// Which way.
        side: Side,
        /// Units per slot that traded.
        units: Units,
        /// Units per slot that are left of it; the same stands in the fills.
        left: Units,
        /// What all of them together are worth, without fees.
        value: Money,
        /// How many fills follow.
        fills: u32,
    },
    /// Units of the order ended unfilled: all that was left of it, unless self-trade prevention took a part.
    Cancelled {
        /// Which.
        order: OrderId,
        /// For what.
        contract: ContractId,
        /// Which way.
        side: Side,
        /// How many units ended unfilled.
        units: Units,
        /// How many are left of the order; 0 if it is over, as it is but for [`SelfTrade::Decrement`].
        ///
        /// [`SelfTrade::Decrement`]: crate::SelfTrade::Decrement
        left: Units,
        /// Why.
        reason: CancelReason,
    },
    /// The mass cancel was taken; a [`ReportBody::Cancelled`] for each order follows, then
    /// [`ReportBody::MassCancelDone`].
    MassCancelAccepted(MassCancel),
    /// The mass cancel is done.
    MassCancelDone {
        /// How many orders it ended.
        orders: u32,
    },
    /// The order has a new price and total; fills, if any, follow.
    Replaced {
        /// Which; the id stays.
        order: OrderId,
        /// Where it lies if it rests.
        slot: SlotHint,
        /// For what.
        contract: ContractId,
        /// Which way.
        side: Side,
        /// The new limit.
        price: Ticks,
        /// The new total.
        units: Units,
        /// What was left before anything traded at the new price.
        left: Units,
        /// True if it kept its place in the queue.
        kept_priority: bool,
    },
    /// Nothing changed.
    Rejected {
        /// Why.
        code: RejectCode,
        /// The offending or the missing value; what it means is stated with each code.
        value: i64,
    },
    /// Cash came in.
    CashDeposited {
        /// Of which currency.
        currency: Code,
        /// How much this command credited: 0 if the deposit was there already.
        amount: Money,
        /// The operator's id of it.
        external: u64,
    },
    /// Units came in.
    CapacityDeposited {
        /// Of what.
        contract: ContractId,
        /// How many this command credited: 0 if the deposit was there already.
        units: Units,
        /// The provider's id of it.
        external: u64,
    },
    /// The slot is over; what the account held of it has been delivered and is gone.
    Settled {
        /// Of what.
        contract: ContractId,
        /// How many units.
        units: Units,
    },
    /// From now on, or no longer, the orders this key sent end when its sessions have.
    CancelOnDisconnectSet {
        /// How many seconds after the last session has ended; 0: never.
        grace: u32,
    },
    /// Another key has taken the sender's place, which may do nothing any more.
    KeyRotated {
        /// The new key's number.
        key: KeyNo,
    },
    /// Operator: the class is listed, on the terms asked for. They are not told again: a report is no longer than an
    /// order's.
    ClassDefined {
        /// Its number.
        class: ClassNo,
    },
    /// Operator: the account is open.
    AccountOpened {
        /// Its id.
        account: AccountId,
    },
    /// Operator: the key may speak.
    KeyRegistered {
        /// Its number.
        key: KeyNo,
        /// For whom.
        account: AccountId,
    },
    /// Operator: the key may do nothing any more.
    KeyRevoked {
        /// Its number.
        key: KeyNo,
    },
    /// Operator: the limits hold from now on.
    LimitsSet {
        /// Whose.
        account: AccountId,
        /// The limits.
        limits: Limits,
    },
    /// Operator: the account's kill switch is set.
    KillSwitchSet {
        /// Whose.
        account: AccountId,
        /// On or off.
        on: bool,
    },
    /// Operator: the trading of these contracts is halted.
    Halted(Scope),
    /// Operator: this halt is over.
    Resumed(Scope),
    /// Operator: the cash deposit to another account is done.
    CashCredited {
        /// To whom.
        account: AccountId,
        /// Of which currency.
        currency: Code,
        /// How much this command credited: 0 if the deposit was there already.
        amount: Money,
        /// The operator's id of it.
        external: u64,
    },
}

/// Why an order ended before it was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CancelReason {
    /// Its owner asked.
    Owner,
    /// An immediate-or-cancel order's remainder.
    Ioc,
    /// A fill-or-kill order that could not be filled whole.
    Fok,
    /// It would have traded with an order of the same account.
    SelfTrade,
    /// The contract's gate closed.
    Gate,
    /// A market order's remainder.
    Market,
    /// Fewer units than its minimum could trade.
    MinUnits,
    /// The moment it was good till has come.
    Expired,
    /// A post-only stop would have traded when it woke.
    PostOnly,
    /// A mass cancel of its owner.
    Mass,
    /// The key that sent it had no session for its grace.
    Disconnected,
    /// An operator set its account's kill switch.
    Killed,
}

impl CancelReason {
    /// Every reason there is.
    pub const ALL: [CancelReason; 12] = [
        CancelReason::Owner,
        CancelReason::Ioc,
        CancelReason::Fok,
        CancelReason::SelfTrade,
        CancelReason::Gate,
        CancelReason::Market,
        CancelReason::MinUnits,
        CancelReason::Expired,
        CancelReason::PostOnly,
        CancelReason::Mass,
        CancelReason::Disconnected,
        CancelReason::Killed,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_two_cache_lines() {
        assert_eq!(size_of::<Report>(), 128);
    }
}
