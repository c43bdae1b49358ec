//! What a subscriber is told about a contract, by the depth of its subscription.

use crate::market::{Contract, Market};
use crate::subscriptions::Subscription;
use protocol::market_data::{
    BookDigest, Depth, FeedMessage, Top, TradePrint, encode_increment, encode_snapshot,
};
use types::{ContractId, MarketEvent};

/// A book's digest is sent after this many commands that changed it; after as many as it has orders if those are
/// more, so that making digests never costs more than the changes themselves.
const DIGEST_EVERY: usize = 256;

/// What a subscriber of this depth is told first about a contract.
pub(crate) fn encode_state(depth: Depth, id: ContractId, contract: &Contract, out: &mut Vec<u8>) {
    match depth {
        Depth::Book => encode_snapshot(id, &contract.book, out),
        Depth::Top => FeedMessage::Top(top_of(id, contract)).encode(out),
        Depth::Trades => {}
    }
}

/// What a subscriber is told of indices and standard windows before its subscription is said to be served: those told
/// last.
pub(crate) fn encode_summary(subscription: &Subscription, market: &Market, out: &mut Vec<u8>) {
    for index in market.indices().filter(|index| subscription.takes_model(index.model)) {
        FeedMessage::Index(*index).encode(out);
    }
    for class in market.classes().iter().filter(|class| subscription.takes_windows(class)) {
        market.windows(class.no).for_each(|window| FeedMessage::Window(*window).encode(out));
    }
}

/// What a subscriber of books or trades is told when a command has changed a contract, and perhaps `several`.
pub(crate) fn encode_change(
    depth: Depth,
    group: &[MarketEvent],
    several: bool,
    id: ContractId,
    contract: &Contract,
    out: &mut Vec<u8>,
) {
    match depth {
        Depth::Book => {
            encode_increment(group, several, out);
            if contract.changes.is_multiple_of(digest_every(contract)) {
                let (sequence, digest) = (contract.book.sequence(), contract.book.digest());
                FeedMessage::BookDigest(BookDigest { contract: id, sequence, digest }).encode(out);
            }
        }
        // Told as a state, at the flush.
        Depth::Top => {}
        Depth::Trades => {
            for print in group.iter().filter_map(TradePrint::of) {
                FeedMessage::TradePrint(print).encode(out);
            }
        }
    }
}

fn digest_every(contract: &Contract) -> usize {
    contract.book.len().next_power_of_two().max(DIGEST_EVERY)
}

fn top_of(contract: ContractId, at: &Contract) -> Top {
    let [bid, ask] = at.best();
    Top { contract, sequence: at.book.sequence(), time: at.time, bid, ask }
}
