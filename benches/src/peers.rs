//! Order books from the registry, doing the same work: one or many books, client ids, reports pushed.

mod lobster;
mod matchcore;
mod orderbook_rs;
mod rust_ob;
mod shim;

pub use lobster::Lobster;
pub use matchcore::Matchcore;
pub use orderbook_rs::OrderbookRs;
pub use rust_ob::RustOb;
pub use shim::Shim;

use crate::flow::Message;
use crate::reports::Reports;

/// Who takes messages and pushes reports.
pub trait Contender {
    /// Handles one message.
    fn message(&mut self, sequence: u64, message: &Message, reports: &mut Reports);

    /// Handles all messages of a flow.
    fn run(&mut self, messages: &[Message], reports: &mut Reports) {
        for (sequence, message) in messages.iter().enumerate() {
            self.message(sequence as u64, message, reports);
        }
    }
}
