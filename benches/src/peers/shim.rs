//! Our own book behind client ids: the challenge's shim.

use super::Contender;
use crate::flow::{Kind, Message};
use crate::reports::Reports;
use cuex_challenge::{Desk, Order};

/// One book.
#[derive(Debug, Default)]
pub struct Shim(Desk);

impl Contender for Shim {
    #[inline]
    fn message(&mut self, sequence: u64, message: &Message, reports: &mut Reports) {
        let Message { side, quantity, id, price, .. } = *message;
        let order = Order { id, sequence, price, quantity, side };
        let push = &mut |report| reports.push(report);
        match message.kind {
            Kind::New => self.0.new_order(order, false, push),
            Kind::Ioc => self.0.new_order(order, true, push),
            Kind::Cancel => self.0.cancel(id, sequence, push),
            Kind::Modify => self.0.modify(order, push),
        }
    }
}
