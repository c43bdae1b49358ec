//! The numbers of one lane and its commands that have no outcome yet.

use crate::error::CommandError;
use protocol::order_entry::encode_command;
use std::collections::VecDeque;
use std::time::Instant;
use tokio::sync::oneshot;
use types::{Command, Report};

/// Who waits for the outcome of one command.
pub type Waiter = oneshot::Sender<Result<Report, CommandError>>;

/// A command whose outcome is not known.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) command: Command,
    /// When the user gave it.
    pub(crate) sent: Instant,
    pub(crate) waiter: Option<Waiter>,
}

/// The numbers of one lane. They rise by one, so a command is found by its distance from the last.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// The last number given, 0 for none.
    last: u64,
    /// One place for each of the numbers up to `last`, beginning with the oldest that has no outcome yet.
    places: VecDeque<Option<Unanswered>>,
}

impl Numbers {
    /// The last number given.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// How far the oldest number without an outcome is behind, itself included; 0 if all have theirs.
    pub(crate) fn span(&self) -> usize {
        self.places.len()
    }

    /// Numbers begin after `taken`. To be called before any is given.
    pub(crate) fn start_after(&mut self, taken: u64) {
        debug_assert!(self.places.is_empty());
        self.last = taken;
    }

    /// Gives the next number.
    pub(crate) fn give(&mut self, unanswered: Unanswered) -> u64 {
        self.last += 1;
        self.places.push_back(Some(unanswered));
        self.last
    }

    /// The command of that number has its outcome; `None` if it had it before or never was.
    pub(crate) fn answer(&mut self, number: u64) -> Option<Unanswered> {
        let answered = self.index(number).and_then(|index| self.places[index].take());
        while let Some(None) = self.places.front() {
            self.places.pop_front();
        }
        answered
    }

    /// Appends the command of that number to `out`, if it has no outcome.
    pub(crate) fn say_again(&self, number: u64, out: &mut Vec<u8>) {
        if let Some(unanswered) = self.index(number).and_then(|index| self.places[index].as_ref()) {
            unanswered.encode(number, out);
        }
    }

    /// Appends the commands without an outcome whose numbers are `chosen` to `out`, in order.
    pub(crate) fn say_all_again(&self, chosen: impl Fn(u64) -> bool, out: &mut Vec<u8>) {
        for (behind, place) in (0..self.places.len()).rev().zip(&self.places) {
            let number = self.last - u64::try_from(behind).expect("a length fits in 64 bits");
            if let Some(unanswered) = place.as_ref().filter(|_| chosen(number)) {
                unanswered.encode(number, out);
            }
        }
    }

    /// Takes all commands without an outcome out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Unanswered> {
        self.places.drain(..).flatten()
    }

    /// Where the command of that number is, if it has a place.
    fn index(&self, number: u64) -> Option<usize> {
        let behind = usize::try_from(self.last.checked_sub(number)?).ok()?;
        self.places.len().checked_sub(behind.checked_add(1)?)
    }
}

impl Unanswered {
    fn encode(&self, number: u64, out: &mut Vec<u8>) {
        encode_command(number, &self.command, out).expect("it was encoded when it was given");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::order_entry::ClientMessage;
    use protocol::{Frame, Frames};
    use types::OrderRef;

    fn unanswered(name: u64) -> Unanswered {
        Unanswered { command: Command::Cancel(OrderRef::Number(name)), sent: Instant::now(), waiter: None }
    }

    fn left(numbers: &Numbers) -> Vec<u64> {
        let mut bytes = Vec::new();
        numbers.say_all_again(|_| true, &mut bytes);
        Frames::new(&bytes).map(|frame| number_in(frame.unwrap())).collect()
    }

    fn number_in(frame: Frame<'_>) -> u64 {
        match ClientMessage::decode(frame).unwrap() {
            ClientMessage::Command { number, .. } => number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_come_in_any_order_and_count_once() {
        let mut numbers = Numbers::default();
        numbers.start_after(40);
        let given: Vec<u64> = (0..5).map(|name| numbers.give(unanswered(name))).collect();
        assert_eq!(given, [41, 42, 43, 44, 45]);
        assert!(numbers.answer(43).is_some());
        assert!(numbers.answer(43).is_none());
        assert_eq!((left(&numbers), numbers.span()), (vec![41, 42, 44, 45], 5));
        assert!(numbers.answer(41).is_some() && numbers.answer(42).is_some());
        assert_eq!((left(&numbers), numbers.span()), (vec![44, 45], 2));
        for wrong in [0, 40, 41, 46, u64::MAX] {
            assert!(numbers.answer(wrong).is_none(), "{wrong}");
        }
        assert!(numbers.answer(45).is_some() && numbers.answer(44).is_some());
        assert_eq!((numbers.span(), numbers.give(unanswered(9))), (0, 46));
    }
}
