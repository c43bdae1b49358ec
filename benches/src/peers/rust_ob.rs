//! `rust_ob` 2.5.3: decimals for prices and units.

use super::Contender;
use crate::flow::{Kind, Message};
use crate::reports::Reports;
use cuex_challenge::ReportKind;
use rust_ob::{Decimal, OrderBook};
use types::Side;

/// Many books.
pub struct RustOb(Vec<OrderBook<u64>>);

impl RustOb {
    /// So many empty books.
    #[must_use]
    pub fn new(contracts: u32) -> RustOb {
        RustOb((0..contracts).map(|_| OrderBook::new()).collect())
    }

    fn enter(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        let side = match message.side {
            Side::Buy => rust_ob::Side::Buy,
            Side::Sell => rust_ob::Side::Sell,
        };
        let book = &mut self.0[message.contract as usize];
        let (price, quantity) = (Decimal::from(message.price), Decimal::from(message.quantity));
        let Ok(matches) = book.process_limit_order(message.id, side, price, quantity) else { return };
        let makers = matches.len().saturating_sub(1);
        for maker in &matches[..makers] {
            // It tells what the units cost in all, not their price.
            let units = u32::try_from(maker.quantity.mantissa()).unwrap_or(0);
            let cost = i64::try_from(maker.cost.mantissa().abs()).unwrap_or(0);
            reports.trade(sequence, message.id, maker.order, cost / i64::from(units.max(1)), units);
        }
        if message.kind == Kind::Ioc && book.cancel_order(message.id).is_ok() {
            reports.tell(ReportKind::CancelAck, sequence, message.id, message.price, 0);
        }
    }
}

impl Contender for RustOb {
    fn message(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        match message.kind {
            Kind::New | Kind::Ioc => {
                reports.tell(ReportKind::Ack, sequence, message.id, message.price, message.quantity);
                self.enter(sequence, message, reports);
            }
            Kind::Cancel | Kind::Modify => {
                let done = self.0[message.contract as usize].cancel_order(message.id).is_ok();
                let kind = if done { ReportKind::CancelAck } else { ReportKind::CancelReject };
                reports.tell(kind, sequence, message.id, message.price, message.quantity);
                if done && message.kind == Kind::Modify {
                    self.enter(sequence, message, reports);
                }
            }
        }
    }
}
