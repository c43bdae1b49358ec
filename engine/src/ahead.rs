//! Looking ahead over a batch: what its coming commands will touch is asked of the memory while those before them
//! are applied. Changes nothing but time.
//!
//! What a command itself names is asked for first; what only that names, some commands later. Neither step asks what
//! kind of command it is: the kinds come in no order, and a wrong guess of the processor costs more than a line that
//! nobody needs.

use crate::engine::Engine;
use types::{Command, OrderRef, Output, Stamped};

/// How many commands ahead each of the two steps looks.
const AHEAD: [usize; 2] = [12, 6];
/// With fewer accounts all that is touched is near already, and asking costs more than it saves.
const ACCOUNTS_MIN: usize = 8_192;

impl Engine {
    /// Applies a batch of commands in their order, as [`Engine::apply`] does each, and appends what comes of them to
    /// `out`.
    ///
    /// # Panics
    /// As [`Engine::apply`].
    pub fn apply_all(&mut self, batch: &[Stamped], out: &mut Output) {
        let looks_ahead = self.accounts.len() >= ACCOUNTS_MIN;
        for (at, stamped) in batch.iter().enumerate() {
            if looks_ahead {
                self.look_ahead(batch, at);
            }
            self.apply(stamped, out);
        }
    }

    #[inline(always)]
    fn look_ahead(&self, batch: &[Stamped], at: usize) {
        if let Some(coming) = batch.get(at + AHEAD[0]) {
            self.ask_for_named(coming);
        }
        if let Some(coming) = batch.get(at + AHEAD[1]) {
            self.ask_for_next(coming);
        }
    }

    /// The first step: the key, and the order that a cancel names.
    #[inline(always)]
    fn ask_for_named(&self, coming: &Stamped) {
        if let Some(sender) = &coming.sender {
            self.keys.prefetch(sender.key);
        }
        let slot = match coming.command {
            Command::Cancel(OrderRef::Id { slot, .. }) => slot,
            _ => 0,
        };
        self.orders.prefetch(slot);
    }

    /// The second: the account, and where an order with this number is indexed.
    #[inline(always)]
    fn ask_for_next(&self, coming: &Stamped) {
        let Some(sender) = &coming.sender else { return };
        let Some(account) = self.keys.account(sender.key) else { return };
        self.accounts.prefetch(account);
        self.orders.prefetch_number(sender.key, sender.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{
        AccountId, ClassNo, ClassSpec, ContractId, Hour, KeyNo, Lane, NewOrder, PublicKey, Rights, Role,
        Sender, Side, SlotHint, Timestamp, Why,
    };

    /// An exchange with so many accounts that it looks ahead, and orders and cancels of all of them; some name slots
    /// that no order ever had, and one a key that nobody has.
    fn commands() -> Vec<Stamped> {
        let accounts = 2..u32::try_from(ACCOUNTS_MIN).unwrap() + 2;
        let spec = ClassSpec::example();
        let currency = spec.currency;
        let mut all = vec![
            (0, Command::Genesis { operator: PublicKey([7; 32]), seed: 0 }),
            (1, Command::DefineClass { spec: Box::new(spec), why: Why::NONE }),
        ];
        for number in accounts.clone() {
            let (account, role) = (AccountId(number), Role::Broker);
            let mut public = [1; 32];
            public[..4].copy_from_slice(&number.to_le_bytes());
            let (public, rights, expires) = (PublicKey(public), Rights::TRADE, Timestamp::MAX);
            all.push((
                1,
                Command::OpenAccount { name: format!("a{number}").parse().unwrap(), role, why: Why::NONE },
            ));
            all.push((1, Command::RegisterKey { account, public, rights, expires, why: Why::NONE }));
            all.push((
                1,
                Command::DepositCash { account, currency, amount: 1_000_000, external: 1, why: Why::NONE },
            ));
        }
        let first = all.len() as u64 + 1;
        let contract = ContractId::new(ClassNo(0), Hour(24));
        for (order, key) in (first..).zip(accounts) {
            let slot = SlotHint::try_from(order - first).unwrap();
            all.push((
                key,
                Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1, 1 + i64::from(key % 50))),
            ));
            let slot = if key % 5 == 0 { SlotHint::MAX } else { slot };
            all.push((key, Command::Cancel(OrderRef::Id { order: first + 2 * (order - first), slot })));
        }
        all.push((u32::MAX, Command::Cancel(OrderRef::Number(1))));
        let stamped = (1..).zip(all).map(|(sequence, (key, command))| {
            let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
            let sender = (key > 0).then_some(Sender { key: KeyNo(key), lane, number: sequence });
            Stamped { sequence, time: Timestamp(1), sender, command }
        });
        stamped.collect()
    }

    #[test]
    fn a_batch_comes_out_as_its_commands_one_by_one() {
        let commands = commands();
        let (mut one_by_one, mut in_batches) = (Engine::new(), Engine::new());
        let (mut expected, mut out) = (Output::default(), Output::default());
        commands.iter().for_each(|stamped| one_by_one.apply(stamped, &mut expected));
        commands.chunks(100).for_each(|batch| in_batches.apply_all(batch, &mut out));
        assert!(out == expected, "both put out the same");
        assert_eq!(in_batches.digest(), one_by_one.digest());
        assert!(in_batches.accounts.len() > ACCOUNTS_MIN && in_batches.open_orders() > ACCOUNTS_MIN / 10);
    }
}
