//! `lobster` 0.7.0.

use super::Contender;
use crate::flow::{Kind, Message};
use crate::reports::Reports;
use cuex_challenge::ReportKind;
use lobster::{FillMetadata, OrderBook, OrderEvent, OrderType};
use types::Side;

/// Many books.
pub struct Lobster(Vec<OrderBook>);

impl Lobster {
    /// So many empty books, with room for so many orders each.
    #[must_use]
    pub fn new(contracts: u32, orders: usize) -> Lobster {
        Lobster((0..contracts).map(|_| OrderBook::new(orders, 10, false)).collect())
    }

    fn enter(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        let side = match message.side {
            Side::Buy => lobster::Side::Bid,
            Side::Sell => lobster::Side::Ask,
        };
        let (id, qty) = (u128::from(message.id), u64::from(message.quantity));
        let price = message.price.cast_unsigned();
        let book = &mut self.0[message.contract as usize];
        let rests = match book.execute(OrderType::Limit { id, side, qty, price }) {
            OrderEvent::Filled { fills, .. } => {
                trades(sequence, message.id, &fills, reports);
                false
            }
            OrderEvent::PartiallyFilled { fills, .. } => {
                trades(sequence, message.id, &fills, reports);
                true
            }
            _ => true,
        };
        if rests && message.kind == Kind::Ioc {
            book.execute(OrderType::Cancel { id });
            reports.tell(ReportKind::CancelAck, sequence, message.id, message.price, 0);
        }
    }
}

fn trades(sequence: u64, taker: u64, fills: &[FillMetadata], reports: &mut Reports) {
    for fill in fills {
        let maker = u64::try_from(fill.order_2).unwrap_or(0);
        reports.trade(sequence, taker, maker, fill.price.cast_signed(), u32::try_from(fill.qty).unwrap_or(0));
    }
}

impl Contender for Lobster {
    fn message(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        match message.kind {
            Kind::New | Kind::Ioc => {
                reports.tell(ReportKind::Ack, sequence, message.id, message.price, message.quantity);
                self.enter(sequence, message, reports);
            }
            Kind::Cancel | Kind::Modify => {
                let cancel = OrderType::Cancel { id: u128::from(message.id) };
                let event = self.0[message.contract as usize].execute(cancel);
                let done = matches!(event, OrderEvent::Canceled { .. });
                let kind = if done { ReportKind::CancelAck } else { ReportKind::CancelReject };
                reports.tell(kind, sequence, message.id, message.price, message.quantity);
                if done && message.kind == Kind::Modify {
                    self.enter(sequence, message, reports);
                }
            }
        }
    }
}
