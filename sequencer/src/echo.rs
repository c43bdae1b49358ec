//! An echo in the engine's place, to measure what everything around the engine costs: every order is accepted and
//! rests until it is cancelled. Nothing is checked, reserved or matched, and nobody but the owner is told.

use engine::Engine;
use types::{
    AccountId, CancelReason, Command, KeyNo, NewOrder, OrderId, OrderRef, Output, Report, ReportBody, Sender,
    SlotHint, Stamped, StateEvent, TimeInForce,
};

/// Answers orders and cancels; all else it leaves to the engine beside it.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    /// The account of each key, by the key's number.
    accounts: Vec<Option<AccountId>>,
    /// How many reports each account was sent, by its id.
    reports: Vec<u64>,
    /// The orders that rest, by their slots.
    orders: Vec<Option<(OrderId, NewOrder)>>,
    /// The slots that are free.
    free: Vec<SlotHint>,
}

impl Echo {
    /// Applies a command, here or to the engine, which counts all of them.
    pub(crate) fn apply(&mut self, engine: &mut Engine, stamped: &Stamped, output: &mut Output) {
        let answered = stamped.sender.and_then(|sender| Some((sender, self.account_of(sender.key)?)));
        let Some((sender, account)) = answered else { return self.leave(engine, stamped, output) };
        match stamped.command {
            Command::NewOrder(terms) => self.accept(stamped, sender, account, terms, output),
            Command::Cancel(OrderRef::Id { order, slot }) if self.rests(order, slot) => {
                self.cancel(stamped, sender, account, slot, output);
            }
            _ => return self.leave(engine, stamped, output),
        }
        engine.apply(&Stamped { sender: None, command: Command::Continue, ..*stamped }, output);
    }

    fn accept(
        &mut self,
        stamped: &Stamped,
        sender: Sender,
        account: AccountId,
        terms: NewOrder,
        output: &mut Output,
    ) {
        let order = stamped.sequence;
        let rests = matches!(terms.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd(_));
        let slot = if rests { self.keep(order, terms) } else { 0 };
        self.tell(stamped, sender, account, ReportBody::Accepted { order, slot, terms }, output);
        if !rests {
            self.tell(stamped, sender, account, ended(order, &terms, CancelReason::Ioc), output);
        }
    }

    fn cancel(
        &mut self,
        stamped: &Stamped,
        sender: Sender,
        account: AccountId,
        slot: SlotHint,
        output: &mut Output,
    ) {
        let Some((order, terms)) = self.orders.get_mut(index(slot)).and_then(Option::take) else { return };
        self.free.push(slot);
        self.tell(stamped, sender, account, ended(order, &terms, CancelReason::Owner), output);
    }

    /// Lets the engine apply it, and follows what that says of keys and reports.
    fn leave(&mut self, engine: &mut Engine, stamped: &Stamped, output: &mut Output) {
        let (reports, state) = (output.reports.len(), output.state.len());
        engine.apply(stamped, output);
        for event in &output.state[state..] {
            if let StateEvent::Key(key) = event {
                *at(&mut self.accounts, index(key.no.0)) = Some(key.account);
            }
        }
        for report in &mut output.reports[reports..] {
            // The engine does not know of the reports that came from here.
            report.number = self.next_report(report.account);
        }
    }

    fn tell(
        &mut self,
        stamped: &Stamped,
        sender: Sender,
        account: AccountId,
        body: ReportBody,
        output: &mut Output,
    ) {
        let (number, answers) = (self.next_report(account), Some(sender));
        let Stamped { sequence, time, .. } = *stamped;
        output.reports.push(Report { account, number, sequence, time, answers, body });
    }

    fn keep(&mut self, order: OrderId, terms: NewOrder) -> SlotHint {
        let slot = self.free.pop().unwrap_or_else(|| {
            SlotHint::try_from(self.orders.len()).expect("memory ends before the slots do")
        });
        *at(&mut self.orders, index(slot)) = Some((order, terms));
        slot
    }

    fn rests(&self, order: OrderId, slot: SlotHint) -> bool {
        matches!(self.orders.get(index(slot)), Some(Some((resting, _))) if *resting == order)
    }

    fn account_of(&self, key: KeyNo) -> Option<AccountId> {
        self.accounts.get(index(key.0)).copied().flatten()
    }

    fn next_report(&mut self, account: AccountId) -> u64 {
        let reports = at(&mut self.reports, index(account.0));
        *reports += 1;
        *reports
    }
}

fn ended(order: OrderId, terms: &NewOrder, reason: CancelReason) -> ReportBody {
    let NewOrder { contract, side, units, .. } = *terms;
    ReportBody::Cancelled { order, contract, side, units, left: 0, reason }
}

fn index(id: u32) -> usize {
    usize::try_from(id).expect("usize has at least 32 bits where there is a file system")
}

/// The place of that index, made if it is not there.
fn at<T: Clone + Default>(places: &mut Vec<T>, index: usize) -> &mut T {
    if index >= places.len() {
        places.resize(index + 1, T::default());
    }
    &mut places[index]
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ClassNo, ContractId, Hour, Lane, PublicKey, Role, Side, Timestamp, Why};

    const OPERATOR: KeyNo = KeyNo(1);
    const TRADER: KeyNo = KeyNo(2);

    struct Exchange {
        engine: Engine,
        echo: Echo,
        output: Output,
        numbers: u64,
    }

    impl Exchange {
        /// An echo with an operator and a trader.
        fn new() -> Exchange {
            let (engine, echo, output) = (Engine::new(), Echo::default(), Output::default());
            let mut exchange = Exchange { engine, echo, output, numbers: 0 };
            exchange.apply(None, Command::Genesis { operator: PublicKey([7; 32]), seed: 0 });
            let name = "acme".parse().unwrap();
            exchange.apply(Some(OPERATOR), Command::OpenAccount { name, role: Role::Broker, why: Why::NONE });
            let (account, public, expires) = (AccountId(2), PublicKey([8; 32]), Timestamp::MAX);
            let rights = Role::Broker.rights();
            exchange.apply(
                Some(OPERATOR),
                Command::RegisterKey { account, public, rights, expires, why: Why::NONE },
            );
            exchange
        }

        /// What a command is answered with.
        fn apply(&mut self, key: Option<KeyNo>, command: Command) -> Vec<Report> {
            self.numbers += 1;
            let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
            let sender = key.map(|key| Sender { key, lane, number: self.numbers });
            let sequence = self.engine.last_sequence() + 1;
            let stamped = Stamped { sequence, time: Timestamp(9), sender, command };
            self.output.clear();
            self.echo.apply(&mut self.engine, &stamped, &mut self.output);
            self.output.reports.clone()
        }
    }

    #[test]
    fn orders_rest_until_cancelled_and_reports_are_numbered_without_gaps() {
        let mut exchange = Exchange::new();
        let contract = ContractId::new(ClassNo(0), Hour(5));
        let terms = NewOrder::limit(contract, Side::Sell, 3, 50);
        let mut told = Vec::new();
        told.extend(exchange.apply(Some(TRADER), Command::NewOrder(terms)));
        let ReportBody::Accepted { order, slot, .. } = told[0].body else { panic!("{told:?}") };
        assert_eq!(order, exchange.engine.last_sequence());
        let cancel = OrderRef::Id { order, slot };
        told.extend(exchange.apply(Some(TRADER), Command::Cancel(cancel)));
        assert!(matches!(told[1].body, ReportBody::Cancelled { left: 0, reason: CancelReason::Owner, .. }));
        // There is no such order any more: the engine says so.
        told.extend(exchange.apply(Some(TRADER), Command::Cancel(cancel)));
        assert!(matches!(told[2].body, ReportBody::Rejected { .. }));
        let immediate = NewOrder { time_in_force: TimeInForce::Ioc, ..terms };
        told.extend(exchange.apply(Some(TRADER), Command::NewOrder(immediate)));
        assert!(matches!(told[4].body, ReportBody::Cancelled { reason: CancelReason::Ioc, .. }));
        assert_eq!(told.iter().map(|report| report.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(told.iter().all(|report| report.account == AccountId(2)));
    }

    #[test]
    fn whoever_has_no_key_is_answered_by_the_engine_alone() {
        let mut exchange = Exchange::new();
        let terms = NewOrder::limit(ContractId::new(ClassNo(0), Hour(5)), Side::Buy, 3, 50);
        assert_eq!(exchange.apply(Some(KeyNo(9)), Command::NewOrder(terms)), []);
        let reports = exchange.apply(Some(OPERATOR), Command::RevokeKey { key: TRADER, why: Why::NONE });
        assert!(matches!(reports[0].body, ReportBody::KeyRevoked { .. }));
        assert_eq!(reports[0].number, 3);
    }
}
