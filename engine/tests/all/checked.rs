//! The engine under watch: every command goes to two engines, the reference and a public book, and what comes
//! of it must agree.

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
    /// The slot hint told last of every order, by its id.
    told: Vec<SlotHint>,
    /// What came of the last command.
    pub(crate) out: Output,
    twin_out: Output,
}

impl Checked {
    /// Applies a command, or says what is wrong with what came of it. An order's slot in the command is an
    /// offset to the hint that was told: [`RIGHT_HINT`] is right, all else is wrong.
    pub(crate) fn apply(&mut self, step: &Stamped) -> Result<(), String> {
        let stamped = self.as_sent(step);
        self.out.clear();
        self.twin_out.clear();
        self.engine.apply(&stamped, &mut self.out);
        self.twin.apply(&stamped, &mut self.twin_out);
        if self.out != self.twin_out {
            return Err("two engines fed the same put out different things".to_owned());
        }
        self.note_hints(step);
        let expected = self.reference.apply(step);
        same("report", &self.twin_out.reports, &expected.reports)?;
        same("market event", &self.out.events, &expected.events)?;
        same("state event", &self.out.state, &expected.state)?;
        same("deadline", &[self.engine.next_deadline()], &[self.reference.next_deadline()])?;
        same("pending work", &[self.engine.has_pending()], &[self.reference.has_pending()])?;
        same(
            "place",
            &[(self.engine.last_sequence(), self.engine.last_time())],
            &[(step.sequence, step.time)],
        )?;
        self.public.apply(step, &self.out.events)
    }

    /// A command as the engine gets it, with the hints that were told.
    pub(crate) fn as_sent(&self, step: &Stamped) -> Stamped {
        Stamped { command: self.with_hint(&step.command), ..step.clone() }
    }

    /// Compares the whole state: with the reference, and what is public of it with the public books.
    pub(crate) fn check_state(&self) -> Result<(), String> {
        let (mut state, mut expected) = (Vec::new(), Vec::new());
        self.engine.emit_state(&mut state);
        self.public.check(&state)?;
        for event in &mut state {
            if let StateEvent::Order(order) = event {
                same("told slot", &[order.slot], &[self.hint_of(order.order)])?;
                order.slot = RIGHT_HINT;
            }
        }
        self.reference.state(&mut expected);
        same("open orders", &[self.engine.open_orders()], &[self.reference.orders.len()])?;
        same("state", &state, &expected)
    }

    /// Adds everything up, and compares the digests of the two engines and of a copy.
    pub(crate) fn check_sums(&self) -> Result<(), String> {
        let totals = self.engine.audit().map_err(|error| format!("the audit failed: {error}"))?;
        same("totals", &[totals], &[self.reference.totals()])?;
        let digest = self.engine.digest();
        same("digest", &[digest; 2], &[self.twin.digest(), self.engine.clone().digest()])
    }

    /// Keeps the hints that were told, and puts the right one in their place in the twin's output.
    fn note_hints(&mut self, step: &Stamped) {
        let ids = usize::try_from(step.sequence).unwrap() + 1;
        self.told.resize(ids, 0);
        for report in &mut self.twin_out.reports {
            if let Some((order, slot)) = slot_of(report) {
                self.told[usize::try_from(order).unwrap()] = std::mem::replace(slot, RIGHT_HINT);
            }
        }
    }

    fn hint_of(&self, order: OrderId) -> SlotHint {
        usize::try_from(order).ok().and_then(|at| self.told.get(at)).copied().unwrap_or(0)
    }

    fn with_hint(&self, command: &Command) -> Command {
        let right = |named| match named {
            OrderRef::Id { order, slot } => {
                OrderRef::Id { order, slot: self.hint_of(order).wrapping_add(slot) }
            }
            OrderRef::Number(_) => named,
        };
        match *command {
            Command::Cancel(order) => Command::Cancel(right(order)),
            Command::Replace { order, price, units } => {
                Command::Replace { order: right(order), price, units }
            }
            ref other => other.clone(),
        }
    }
}

fn slot_of(report: &mut Report) -> Option<(OrderId, &mut SlotHint)> {
    match &mut report.body {
        ReportBody::Accepted { order, slot, .. }
        | ReportBody::Triggered { order, slot, .. }
        | ReportBody::Replaced { order, slot, .. } => Some((*order, slot)),
        _ => None,
    }
}

/// Names the first thing that differs.
fn same<T: Debug + PartialEq>(what: &str, found: &[T], expected: &[T]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let differs = |index: &usize| found.get(*index) != expected.get(*index);
    let index = (0..).find(differs).unwrap_or_default();
    Err(format!(
        "{what} {index} differs:\n  found    {:?}\n  expected {:?}",
        found.get(index),
        expected.get(index)
    ))
}
