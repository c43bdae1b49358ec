//! Our book driven as the exchange drives it: many books, one slab, orders named by id and slot, messages in
//! batches with a look ahead.

use crate::flow::{Kind, Message};
use crate::reports::Reports;
use cuex_challenge::ReportKind;
use engine::{Book, Fill, Slab};

/// How far ahead each of the three steps of a look-ahead looks.
const AHEAD: [usize; 3] = [24, 16, 8];
/// How many messages a batch has.
const BATCH: usize = 256;
/// The owner of all incoming orders; resting ones belong to another, so that nobody meets himself.
const INCOMING: u32 = 0;
const RESTING: u32 = 1;

/// Many books.
#[derive(Debug)]
pub struct Books {
    books: Vec<Book>,
    slab: Slab,
    fills: Vec<Fill>,
}

/// A message and where its order was told to lie.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What is asked.
    pub message: Message,
    /// The slot that the client read in its last report.
    pub slot: u32,
}

impl Books {
    /// So many untouched books.
    #[must_use]
    pub fn new(contracts: u32) -> Books {
        let books = vec![Book::default(); contracts as usize];
        Books { books, slab: Slab::with_room(1 << 22), fills: Vec::with_capacity(1 << 10) }
    }

    /// What clients would send: the messages with the slots their reports told them.
    #[must_use]
    pub fn commands(contracts: u32, messages: &[Message]) -> Vec<Command> {
        let mut books = Books::new(contracts);
        let mut reports = Reports::new(1);
        let highest = messages.iter().map(|message| message.id).max().unwrap_or(0);
        let mut slots = vec![u32::MAX; usize::try_from(highest).expect("ids are dense") + 1];
        let told = |(sequence, message): (usize, &Message)| {
            let id = usize::try_from(message.id).expect("ids are dense");
            let command = Command { message: *message, slot: slots[id] };
            if let Some(slot) = books.apply(sequence as u64, &command, &mut reports) {
                slots[id] = slot;
            }
            command
        };
        messages.iter().enumerate().map(told).collect()
    }

    /// Applies all commands in batches, looking ahead inside each if wanted.
    pub fn run(&mut self, commands: &[Command], looks_ahead: bool, reports: &mut Reports) {
        let mut sequence = 0;
        for batch in commands.chunks(BATCH) {
            for (at, command) in batch.iter().enumerate() {
                if looks_ahead {
                    self.look_ahead(batch, at);
                }
                self.apply(sequence, command, reports);
                sequence += 1;
            }
        }
    }

    #[inline]
    fn look_ahead(&self, batch: &[Command], at: usize) {
        if let Some(Command { message, slot }) = batch.get(at + AHEAD[0]) {
            self.books[message.contract as usize].prefetch();
            self.slab.prefetch(*slot);
        }
        if let Some(Command { message, slot }) = batch.get(at + AHEAD[1]) {
            self.books[message.contract as usize].prefetch_form(&self.slab, message.side);
            self.slab.prefetch_neighbours(*slot);
        }
        if let Some(Command { message, .. }) = batch.get(at + AHEAD[2]) {
            self.books[message.contract as usize].prefetch_level(message.side, message.price);
        }
    }

    /// Applies one command; where its order rests now, if it does.
    #[inline]
    pub fn apply(&mut self, sequence: u64, command: &Command, reports: &mut Reports) -> Option<u32> {
        let Command { message, slot } = *command;
        match message.kind {
            Kind::New | Kind::Ioc => {
                reports.tell(ReportKind::Ack, sequence, message.id, message.price, message.quantity);
                self.enter(sequence, &message, reports)
            }
            Kind::Cancel | Kind::Modify if self.slab.get(slot, message.id).is_none() => {
                reports.tell(ReportKind::CancelReject, sequence, message.id, 0, 0);
                None
            }
            Kind::Cancel => {
                self.books[message.contract as usize].remove(&mut self.slab, slot);
                reports.tell(ReportKind::CancelAck, sequence, message.id, message.price, message.quantity);
                None
            }
            Kind::Modify => {
                self.books[message.contract as usize].remove(&mut self.slab, slot);
                reports.tell(ReportKind::ModifyAck, sequence, message.id, message.price, message.quantity);
                self.enter(sequence, &message, reports)
            }
        }
    }

    #[inline]
    fn enter(&mut self, sequence: u64, message: &Message, reports: &mut Reports) -> Option<u32> {
        let Message { side, price, quantity, id, .. } = *message;
        let book = &mut self.books[message.contract as usize];
        let taken = book.take(&mut self.slab, side, price, quantity, INCOMING, false, &mut self.fills);
        if taken.left != quantity {
            for fill in &self.fills {
                reports.trade(sequence, id, fill.maker, fill.price, fill.units);
            }
            self.fills.clear();
        }
        if taken.left == 0 {
            return None;
        }
        if message.kind == Kind::Ioc {
            reports.tell(ReportKind::CancelAck, sequence, id, price, taken.left);
            return None;
        }
        Some(book.rest(&mut self.slab, id, RESTING, side, price, taken.left))
    }

    /// How many orders rest in all.
    #[must_use]
    pub fn resting(&self) -> usize {
        self.slab.len()
    }
}
