//! `matchcore` 0.4.0. It numbers its own orders, so the client's id is looked up by index. It trades past the
//! limit price.

use super::Contender;
use crate::flow::{Kind, Message};
use crate::reports::Reports;
use cuex_challenge::ReportKind;
use matchcore::{
    CancelCmd, Command, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder, NewOrder,
    OrderBook, OrderFlags, OrderId, OrderKind, Price, Quantity, QuantityPolicy, SequenceNumber, SubmitCmd,
    TimeInForce, Timestamp,
};
use types::Side;

/// Many books.
#[derive(Debug)]
pub struct Matchcore {
    books: Vec<OneBook>,
    /// The book's own number of an order, by client id.
    numbers: Vec<u64>,
}

#[derive(Debug)]
struct OneBook {
    book: OrderBook,
    next: u64,
    /// The client's id, by the book's own number.
    clients: Vec<u64>,
}

impl Matchcore {
    /// So many empty books, for ids below a bound.
    #[must_use]
    pub fn new(contracts: u32, ids: usize) -> Matchcore {
        let book = |_| OneBook { book: OrderBook::new("X"), next: 0, clients: Vec::new() };
        Matchcore { books: (0..contracts).map(book).collect(), numbers: vec![u64::MAX; ids] }
    }

    fn submit(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        let (side, time_in_force) = (
            match message.side {
                Side::Buy => matchcore::Side::Buy,
                Side::Sell => matchcore::Side::Sell,
            },
            if message.kind == Kind::Ioc { TimeInForce::Ioc } else { TimeInForce::Gtc },
        );
        let order = NewOrder::Limit(LimitOrder::new(
            Price(message.price.cast_unsigned()),
            QuantityPolicy::Standard { quantity: Quantity(u64::from(message.quantity)) },
            OrderFlags::new(side, false, time_in_force),
        ));
        let one = &mut self.books[message.contract as usize];
        self.numbers[index(message.id)] = one.next;
        let outcome = one.execute(message.id, CommandKind::Submit(SubmitCmd { order }));
        let CommandOutcome::Applied(CommandReport::Submit(effects)) = outcome else { return };
        let target = effects.target_order();
        for trade in target.match_result().map_or(&[][..], |result| result.trades()) {
            let maker = one.clients[index(trade.maker_order_id().0)];
            let price = trade.price().0.cast_signed();
            reports.trade(sequence, message.id, maker, price, units(trade.quantity().0));
        }
        if target.cancel_reason().is_some() {
            reports.tell(ReportKind::CancelAck, sequence, message.id, message.price, 0);
        }
    }

    fn cancel(&mut self, message: &Message) -> bool {
        let number = self.numbers[index(message.id)];
        let cancel = CancelCmd { order_id: OrderId(number), order_kind: OrderKind::Limit };
        let outcome = self.books[message.contract as usize].execute(0, CommandKind::Cancel(cancel));
        matches!(outcome, CommandOutcome::Applied(_))
    }
}

impl OneBook {
    fn execute(&mut self, client: u64, kind: CommandKind) -> CommandOutcome {
        let meta =
            CommandMeta { sequence_number: SequenceNumber(self.next), timestamp: Timestamp(self.next) };
        self.next += 1;
        self.clients.push(client);
        self.book.execute(&Command { meta, kind })
    }
}

impl Contender for Matchcore {
    fn message(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        match message.kind {
            Kind::New | Kind::Ioc => {
                reports.tell(ReportKind::Ack, sequence, message.id, message.price, message.quantity);
                self.submit(sequence, message, reports);
            }
            Kind::Cancel => {
                let kind =
                    if self.cancel(message) { ReportKind::CancelAck } else { ReportKind::CancelReject };
                reports.tell(kind, sequence, message.id, message.price, 0);
            }
            Kind::Modify if self.cancel(message) => {
                reports.tell(ReportKind::ModifyAck, sequence, message.id, message.price, message.quantity);
                self.submit(sequence, message, reports);
            }
            Kind::Modify => reports.tell(ReportKind::ModifyReject, sequence, message.id, message.price, 0),
        }
    }
}

fn index(id: u64) -> usize {
    usize::try_from(id).expect("ids are dense")
}

fn units(quantity: u64) -> u32 {
    u32::try_from(quantity).expect("a part of a u32")
}
