//! The engine under watch: every command goes to two engines, the reference and a public book, and what comes
//! of it must agree.

use std::collections::BTreeMap;
use std::fmt::Debug;

use engine::Engine;
use types::{Command, OrderId, OrderRef, Output, Report, ReportBody, SlotHint, Stamped, StateEvent};

use super::public_book::PublicBooks;
use super::reference::{RIGHT_HINT, Reference};

/// Two engines fed the same, and who knows better.
#[derive(Default)]
pub(crate) struct Checked {
    pub(crate) engine: Engine,
    twin: Engine,
    pub(crate) reference: Reference,
    public: PublicBooks,
    /// The slot hint told last of every order.
    told: BTreeMap<OrderId, SlotHint>,
    out: Output,
    twin_out: Output,
}

impl Checked {
    /// Applies a command and gives back what came of it, or says what is wrong with that. An order's slot in
    /// the command is an offset to the hint that was told: [`RIGHT_HINT`] is right, all else is wrong.
    pub(crate) fn apply(&mut self, step: &Stamped) -> Result<Output, String> {
        let stamped = Stamped { command: self.with_hint(step.command), ..*step };
        self.out.clear();
        self.twin_out.clear();
        self.engine.apply(&stamped, &mut self.out);
        self.twin.apply(&stamped, &mut self.twin_out);
        if self.out != self.twin_out {
            return Err("two engines fed the same put out different things".to_owned());
        }
        let out = self.out.clone();
        for report in &mut self.out.reports {
            if let Some((order, slot)) = slot_of(report) {
                self.told.insert(order, std::mem::replace(slot, RIGHT_HINT));
            }
        }
        let expected = self.reference.apply(step);
        same("report", &self.out.reports, &expected.reports)?;
        same("market event", &self.out.events, &expected.events)?;
        same("state event", &self.out.state, &expected.state)?;
        same("deadline", &[self.engine.next_deadline()], &[self.reference.next_deadline()])?;
        same("pending work", &[self.engine.has_pending()], &[self.reference.has_pending()])?;
        same(
            "place",
            &[(self.engine.last_sequence(), self.engine.last_time())],
            &[(step.sequence, step.time)],
        )?;
        self.public.apply(step, &self.out.events)?;
        Ok(out)
    }

    /// Compares the whole state: with the reference, and what is public of it with the public books.
    pub(crate) fn check_state(&self) -> Result<(), String> {
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        self.public.check(&state)?;
        for event in &mut state {
            if let StateEvent::Order(order) = event {
                same("told slot", &[Some(&order.slot)], &[self.told.get(&order.order)])?;
                order.slot = RIGHT_HINT;
            }
        }
        same("open orders", &[self.engine.open_orders()], &[self.reference.orders.len()])?;
        same("state", &state, &self.reference.state())
    }

    /// Adds everything up, and compares the digests of the two engines and of a copy.
    pub(crate) fn check_sums(&self) -> Result<(), String> {
        let totals = self.engine.audit().map_err(|error| format!("the audit failed: {error}"))?;
        same("totals", &[totals], &[self.reference.totals()])?;
        let digest = self.engine.digest();
        same("digest", &[digest; 2], &[self.twin.digest(), self.engine.clone().digest()])
    }

    fn with_hint(&self, command: Command) -> Command {
        let right = |named| match named {
            OrderRef::Id { order, slot } => {
                let told = self.told.get(&order).copied().unwrap_or(0);
                OrderRef::Id { order, slot: told.wrapping_add(slot) }
            }
            OrderRef::Number(_) => named,
        };
        match command {
            Command::Cancel(order) => Command::Cancel(right(order)),
            Command::Replace { order, price, units } => {
                Command::Replace { order: right(order), price, units }
            }
            other => other,
        }
    }
}

fn slot_of(report: &mut Report) -> Option<(OrderId, &mut SlotHint)> {
    match &mut report.body {
        ReportBody::Accepted { order, slot, .. } | ReportBody::Replaced { order, slot, .. } => {
            Some((*order, slot))
        }
        _ => None,
    }
}

/// Names the first thing that differs.
fn same<T: Debug + PartialEq>(what: &str, found: &[T], expected: &[T]) -> Result<(), String> {
    let longer = found.len().max(expected.len());
    match (0..longer).find(|&index| found.get(index) != expected.get(index)) {
        None => Ok(()),
        Some(index) => Err(format!(
            "{what} {index} differs:\n  found    {:?}\n  expected {:?}",
            found.get(index),
            expected.get(index)
        )),
    }
}
