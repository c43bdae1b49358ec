//! `orderbook-rs` 0.15.3: made for many threads, here used from one. Its trades come through a listener.

use super::Contender;
use crate::flow::{Kind, Message};
use crate::reports::Reports;
use cuex_challenge::ReportKind;
use orderbook_rs::{Id, OrderBook, TimeInForce};
use std::sync::{Arc, Mutex, PoisonError};
use types::Side;

/// Maker, price, units.
type Trades = Arc<Mutex<Vec<(u64, i64, u32)>>>;

/// Many books.
pub struct OrderbookRs {
    books: Vec<OrderBook<()>>,
    trades: Trades,
}

impl OrderbookRs {
    /// So many empty books.
    #[must_use]
    pub fn new(contracts: u32) -> OrderbookRs {
        let trades = Trades::default();
        let book = |_| {
            let heard = Arc::clone(&trades);
            OrderBook::with_trade_listener(
                "X",
                Arc::new(move |result| {
                    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    heard.extend(result.match_result.trades().as_vec().iter().map(|trade| {
                        let maker = match trade.maker_order_id() {
                            Id::Sequential(id) => id,
                            _ => 0,
                        };
                        let price = i64::try_from(trade.price().as_u128()).unwrap_or(0);
                        (maker, price, u32::try_from(trade.quantity().as_u64()).unwrap_or(0))
                    }));
                }),
            )
        };
        OrderbookRs { books: (0..contracts).map(book).collect(), trades }
    }

    fn enter(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        let side = match message.side {
            Side::Buy => orderbook_rs::Side::Buy,
            Side::Sell => orderbook_rs::Side::Sell,
        };
        let lasts = if message.kind == Kind::Ioc { TimeInForce::Ioc } else { TimeInForce::Gtc };
        let price = u128::from(message.price.cast_unsigned());
        let id = Id::Sequential(message.id);
        let book = &self.books[message.contract as usize];
        let outcome = book.add_limit_order(id, price, u64::from(message.quantity), side, lasts, None);
        for (maker, price, units) in self.trades.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            reports.trade(sequence, message.id, maker, price, units);
        }
        if outcome.is_err() {
            reports.tell(ReportKind::CancelAck, sequence, message.id, message.price, 0);
        }
    }
}

impl Contender for OrderbookRs {
    fn message(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        match message.kind {
            Kind::New | Kind::Ioc => {
                reports.tell(ReportKind::Ack, sequence, message.id, message.price, message.quantity);
                self.enter(sequence, message, reports);
            }
            Kind::Cancel | Kind::Modify => {
                let outcome = self.books[message.contract as usize].cancel_order(Id::Sequential(message.id));
                let done = matches!(outcome, Ok(Some(_)));
                let kind = if done { ReportKind::CancelAck } else { ReportKind::CancelReject };
                reports.tell(kind, sequence, message.id, message.price, message.quantity);
                if done && message.kind == Kind::Modify {
                    self.enter(sequence, message, reports);
                }
            }
        }
    }
}
