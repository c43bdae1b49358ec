//! A small market for the examples: one class, one contract, four accounts, every command checked against the
//! reference. Prices are in ticks of 0.01 dollars: 200 is 2.00.

use std::collections::BTreeMap;

use types::{
    AccountId, CancelReason, Class, ClassNo, ClassSpec, Code, Command, ContractId, Hour, KeyNo, Lane,
    MINUTE_NANOS, MarketBody, MassCancel, Money, NewOrder, OpenOrder, OrderId, OrderRef, Output, Phase,
    PublicKey, RejectCode, ReportBody, Role, Scope, Sender, Sequence, Side, Stamped, StateEvent, Ticks,
    Timestamp, Units, Why,
};

use super::checked::Checked;
use super::reference::RIGHT_HINT;

/// Somebody and the key they speak with.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    pub(crate) account: AccountId,
    pub(crate) key: KeyNo,
}

pub(crate) const OPERATOR: Who = who(1);
/// A broker.
pub(crate) const ANNA: Who = who(2);
/// Another broker.
pub(crate) const BEN: Who = who(3);
/// A provider.
pub(crate) const PIA: Who = who(4);

/// When the examples begin.
pub(crate) const MORNING: Timestamp = Timestamp(480_000 * types::HOUR_NANOS);
/// What an account starts with: 1,000.00 dollars.
pub(crate) const DOLLARS_1000: Money = 1_000_000_000;

/// An order by what matters of it: id, price, units.
pub(crate) type Entry = (OrderId, Ticks, Units);

pub(crate) struct Market {
    pub(crate) checked: Checked,
    pub(crate) class: Class,
    /// The contract of the examples: its slot starts two hours after they begin.
    pub(crate) contract: ContractId,
    pub(crate) time: Timestamp,
    /// What came of the last command.
    pub(crate) out: Output,
    sequence: Sequence,
    numbers: BTreeMap<(KeyNo, u8), u64>,
}

const fn who(number: u32) -> Who {
    Who { account: AccountId(number), key: KeyNo(number) }
}

/// Hourly slots that close 30 minutes ahead, ticks of 0.01 dollars, a fee of a thousandth.
pub(crate) fn example_class() -> ClassSpec {
    ClassSpec { tick: 10_000, gate_minutes: 30, horizon_hours: 24, fee_ppm: 1_000, ..ClassSpec::example() }
}

/// The same where contracts open by an auction: ours comes within the horizon at 00:00, is in pre-open for 5 minutes, in
/// the call of its opening for 10 more, and reopens by a call of 2 minutes.
pub(crate) fn auction_class() -> ClassSpec {
    ClassSpec {
        horizon_hours: 3,
        preopen_minutes: 5,
        opening_minutes: 10,
        auction_seconds: 120,
        ..example_class()
    }
}

/// The same without openings, where orders stay within a fifth of the reference price and trades within a tenth of the
/// last.
pub(crate) fn banded_class() -> ClassSpec {
    ClassSpec { auction_seconds: 120, static_band_ppm: 200_000, dynamic_band_ppm: 100_000, ..example_class() }
}

pub(crate) fn dollars() -> Code {
    "USD".parse().unwrap()
}

impl Market {
    /// Everybody has 1,000.00 dollars and Pia 100 units.
    pub(crate) fn new() -> Market {
        Market::of(example_class())
    }

    /// The same with other terms.
    pub(crate) fn of(spec: ClassSpec) -> Market {
        let mut market = Market::unfunded(spec);
        for who in [ANNA, BEN, PIA] {
            market.fund(who, DOLLARS_1000);
        }
        market.deposit(PIA, 100, 1);
        market.check();
        market
    }

    /// Nobody has anything.
    pub(crate) fn unfunded(spec: ClassSpec) -> Market {
        Market::seeded(spec, 0)
    }

    /// The same, where the ends of auctions are random.
    pub(crate) fn seeded(spec: ClassSpec, seed: u64) -> Market {
        let class = Class { no: ClassNo(0), spec };
        let start = Hour(MORNING.hour().0 + 2).0.next_multiple_of(u32::from(spec.slot_hours));
        let mut market = Market {
            checked: Checked::default(),
            class,
            contract: class.contract(Hour(start)).unwrap(),
            time: MORNING,
            out: Output::default(),
            sequence: 0,
            numbers: BTreeMap::new(),
        };
        market.say(Command::Genesis { operator: PublicKey([1; 32]), seed });
        market.send(OPERATOR, Command::DefineClass { spec: Box::new(spec), why: Why::NONE });
        for (who, name, role) in
            [(ANNA, "anna", Role::Broker), (BEN, "ben", Role::Broker), (PIA, "pia", Role::Provider)]
        {
            market.send(OPERATOR, Command::OpenAccount { name: name.parse().unwrap(), role, why: Why::NONE });
            market.register(who.account, u8::try_from(who.key.0).unwrap(), role);
            assert_eq!(market.refused(), None);
        }
        market
    }

    /// Sends a command under the key's next number.
    pub(crate) fn send(&mut self, who: Who, command: Command) -> Sequence {
        let is_cancel = matches!(command, Command::Cancel(_) | Command::MassCancel(_));
        let lane = if is_cancel { Lane::Cancels } else { Lane::Orders };
        let number = self.number(who, lane) + 1;
        self.step(Some(Sender { key: who.key, lane, number }), command)
    }

    /// What the sequencer says itself.
    pub(crate) fn say(&mut self, command: Command) -> Sequence {
        self.step(None, command)
    }

    pub(crate) fn step(&mut self, sender: Option<Sender>, command: Command) -> Sequence {
        self.sequence += 1;
        if let Some(Sender { key, lane, number }) = sender {
            let last = self.numbers.entry((key, index(lane))).or_default();
            *last = number.max(*last);
        }
        let step = Stamped { sequence: self.sequence, time: self.time, sender, command };
        self.checked.apply(&step).unwrap_or_else(|why| panic!("{step:?}: {why}"));
        self.out.clone_from(&self.checked.out);
        self.sequence
    }

    /// The last number of a key on a lane.
    pub(crate) fn number(&self, who: Who, lane: Lane) -> u64 {
        self.numbers.get(&(who.key, index(lane))).copied().unwrap_or(0)
    }

    /// Moves the clock.
    pub(crate) fn clock(&mut self, time: Timestamp) {
        self.time = time;
        self.say(Command::Clock);
    }

    /// So many minutes after the examples began.
    pub(crate) fn after(minutes: u64) -> Timestamp {
        Timestamp(MORNING.0 + minutes * MINUTE_NANOS)
    }

    /// When the contract of the examples stops trading.
    pub(crate) fn gate(&self) -> Timestamp {
        self.class.gate(self.contract)
    }

    /// Compares everything with the reference, and adds everything up.
    pub(crate) fn check(&self) {
        self.checked.check_state().unwrap();
        self.checked.check_sums().unwrap();
    }
}

impl Market {
    pub(crate) fn fund(&mut self, who: Who, amount: Money) {
        let external = self.sequence;
        let account = who.account;
        self.send(
            OPERATOR,
            Command::DepositCash { account, currency: dollars(), amount, external, why: Why::NONE },
        );
    }

    pub(crate) fn deposit(&mut self, who: Who, units: Units, external: u64) {
        self.send(who, Command::DepositCapacity { contract: self.contract, units, external });
    }

    /// Registers a key of 32 such bytes for ever.
    pub(crate) fn register(&mut self, account: AccountId, byte: u8, role: Role) {
        let public = PublicKey([byte; 32]);
        let (rights, expires) = (role.rights(), Timestamp::MAX);
        self.send(OPERATOR, Command::RegisterKey { account, public, rights, expires, why: Why::NONE });
    }

    /// A plain limit order to buy, to start other kinds from.
    pub(crate) fn bid(&self, units: Units, price: Ticks) -> NewOrder {
        NewOrder::limit(self.contract, Side::Buy, units, price)
    }

    /// A plain limit order to sell.
    pub(crate) fn ask(&self, units: Units, price: Ticks) -> NewOrder {
        NewOrder::limit(self.contract, Side::Sell, units, price)
    }

    pub(crate) fn place(&mut self, who: Who, terms: NewOrder) -> OrderId {
        self.send(who, Command::NewOrder(terms))
    }

    pub(crate) fn buy(&mut self, who: Who, units: Units, price: Ticks) -> OrderId {
        self.place(who, self.bid(units, price))
    }

    pub(crate) fn sell(&mut self, who: Who, units: Units, price: Ticks) -> OrderId {
        self.place(who, self.ask(units, price))
    }

    /// A sleeping stop to buy once the contract trades at `trigger` or above.
    pub(crate) fn stop_buy(&mut self, who: Who, units: Units, trigger: Ticks, price: Ticks) -> OrderId {
        self.place(who, NewOrder { trigger: Some(trigger), ..self.bid(units, price) })
    }

    /// A sleeping stop to sell once the contract trades at `trigger` or below.
    pub(crate) fn stop_sell(&mut self, who: Who, units: Units, trigger: Ticks, price: Ticks) -> OrderId {
        self.place(who, NewOrder { trigger: Some(trigger), ..self.ask(units, price) })
    }

    /// Pia sells units to Ben; nobody else asks as little.
    pub(crate) fn trade(&mut self, units: Units, price: Ticks) {
        let ask = self.sell(PIA, units, price);
        self.buy(BEN, units, price);
        assert_eq!(self.trades().first(), Some(&(ask, price, units)));
    }

    pub(crate) fn mass_cancel(&mut self, who: Who, scope: Scope, side: Option<Side>) -> Sequence {
        self.send(who, Command::MassCancel(MassCancel { scope, side }))
    }

    pub(crate) fn halt(&mut self, scope: Scope) {
        self.send(OPERATOR, Command::Halt { scope, why: Why::NONE });
    }

    pub(crate) fn resume(&mut self, scope: Scope) {
        self.send(OPERATOR, Command::Resume { scope, why: Why::NONE });
    }

    /// The call of an auction begins anew: what comes next gathers for two minutes.
    pub(crate) fn call(&mut self) {
        self.halt(Scope::Contract(self.contract));
        self.resume(Scope::Contract(self.contract));
        assert_eq!(self.phases(), [Phase::Auction]);
    }

    /// The call ends, and with it all that comes of the auction.
    pub(crate) fn end_call(&mut self) {
        self.clock(Timestamp(self.time.0 + 120 * types::SECOND_NANOS));
    }

    pub(crate) fn cancel(&mut self, who: Who, order: OrderId) {
        self.send(who, Command::Cancel(OrderRef::Id { order, slot: RIGHT_HINT }));
    }

    pub(crate) fn replace(&mut self, who: Who, order: OrderId, units: Units, price: Ticks) {
        let order = OrderRef::Id { order, slot: RIGHT_HINT };
        self.send(who, Command::Replace { order, price, units });
    }
}

impl Market {
    /// What traded: the resting order, the price, the units.
    pub(crate) fn trades(&self) -> Vec<Entry> {
        let trade = |event: &types::MarketEvent| match event.body {
            MarketBody::Trade(entry) => Some((entry.order, entry.price, entry.units)),
            _ => None,
        };
        self.out.events.iter().filter_map(trade).collect()
    }

    /// What traded in an auction: the price, the units.
    pub(crate) fn auctioned(&self) -> Vec<(Ticks, Units)> {
        let trade = |event: &types::MarketEvent| match event.body {
            MarketBody::AuctionTrade { price, units } => Some((price, units)),
            _ => None,
        };
        self.out.events.iter().filter_map(trade).collect()
    }

    /// The indicative prices that were told, and how much would trade.
    pub(crate) fn indicated(&self) -> Vec<(Ticks, Units)> {
        let told = |event: &types::MarketEvent| match event.body {
            MarketBody::Indicative { price, volume } => Some((price, volume)),
            _ => None,
        };
        self.out.events.iter().filter_map(told).collect()
    }

    /// Which phases were told.
    pub(crate) fn phases(&self) -> Vec<Phase> {
        let told = |event: &types::MarketEvent| match event.body {
            MarketBody::Phase(phase) => Some(phase),
            _ => None,
        };
        self.out.events.iter().filter_map(told).collect()
    }

    /// Why the last command changed nothing, if it did not.
    pub(crate) fn refused(&self) -> Option<(RejectCode, i64)> {
        match self.out.reports.last()?.body {
            ReportBody::Rejected { code, value } => Some((code, value)),
            _ => None,
        }
    }

    /// Which orders lost units unfilled, mostly all they had left, and why.
    pub(crate) fn ended(&self) -> Vec<(OrderId, Units, CancelReason)> {
        let end = |report: &types::Report| match report.body {
            ReportBody::Cancelled { order, units, reason, .. } => Some((order, units, reason)),
            _ => None,
        };
        self.out.reports.iter().filter_map(end).collect()
    }

    /// Which stops woke, with how many units.
    pub(crate) fn woken(&self) -> Vec<(OrderId, Units)> {
        let wake = |report: &types::Report| match report.body {
            ReportBody::Triggered { order, left, .. } => Some((order, left)),
            _ => None,
        };
        self.out.reports.iter().filter_map(wake).collect()
    }

    /// How many orders each mass cancel ended that is done now.
    pub(crate) fn done(&self) -> Vec<u32> {
        let done = |report: &types::Report| match report.body {
            ReportBody::MassCancelDone { orders } => Some(orders),
            _ => None,
        };
        self.out.reports.iter().filter_map(done).collect()
    }

    /// What the public was told.
    pub(crate) fn told(&self) -> Vec<MarketBody> {
        self.out.events.iter().map(|event| event.body).collect()
    }

    /// Whether a replaced order kept its place.
    pub(crate) fn kept_priority(&self) -> Option<bool> {
        self.out.reports.iter().find_map(|report| match report.body {
            ReportBody::Replaced { kept_priority, .. } => Some(kept_priority),
            _ => None,
        })
    }

    /// The contract's bids or asks with all that is left of them: best price first, then first come.
    pub(crate) fn resting(&self, side: Side) -> Vec<Entry> {
        let rests = |order: &OpenOrder| order.terms.side == side && order.shown > 0;
        let open = self.open().into_iter().filter(rests);
        open.map(|order| (order.order, order.terms.price, order.left)).collect()
    }

    /// The same as everybody sees them.
    pub(crate) fn shown(&self, side: Side) -> Vec<Entry> {
        let open = self.open().into_iter().filter(|order| order.terms.side == side && order.shown > 0);
        open.map(|order| (order.order, order.terms.price, order.shown)).collect()
    }

    /// The contract's sleeping stops: id, trigger, units.
    pub(crate) fn sleeping(&self) -> Vec<Entry> {
        let open = self.open().into_iter();
        open.filter_map(|order| Some((order.order, order.terms.trigger?, order.left))).collect()
    }

    /// The contract's open orders.
    pub(crate) fn open(&self) -> Vec<OpenOrder> {
        let open = |event| match event {
            StateEvent::Order(order) if order.terms.contract == self.contract => Some(order),
            _ => None,
        };
        self.state().into_iter().filter_map(open).collect()
    }

    /// Free and reserved dollars.
    pub(crate) fn cash(&self, who: Who) -> (Money, Money) {
        let cash = |event| match event {
            StateEvent::Cash { account, free, reserved, .. } if account == who.account => {
                Some((free, reserved))
            }
            _ => None,
        };
        self.state().into_iter().find_map(cash).unwrap_or((0, 0))
    }

    /// Free and reserved units of the contract.
    pub(crate) fn units(&self, who: Who) -> (Units, Units) {
        let units = |event| match event {
            StateEvent::Holding { account, contract, free, reserved }
                if (account, contract) == (who.account, self.contract) =>
            {
                Some((free, reserved))
            }
            _ => None,
        };
        self.state().into_iter().find_map(units).unwrap_or((0, 0))
    }

    /// The whole state, after a check that it is right.
    pub(crate) fn state(&self) -> Vec<StateEvent> {
        self.check();
        let mut state = Vec::new();
        self.checked.engine.emit_state(&mut state);
        state
    }
}

fn index(lane: Lane) -> u8 {
    match lane {
        Lane::Orders => 0,
        Lane::Cancels => 1,
    }
}
