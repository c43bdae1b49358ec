//! A feed of one contract in a few lines, for tests.

use protocol::PublicBook;
use protocol::market_data::{BookDigest, encode_increment, encode_snapshot};
use types::{
    BlockEntry, Class, ClassNo, ClassSpec, ContractId, MarketBody, MarketEntry, MarketEvent, Side, Timestamp,
};

/// The contract, of the first class.
pub(crate) const CONTRACT: ContractId = ContractId(500_000);

/// The feed's side: a book, and the events that made it.
pub(crate) struct FeedModel {
    pub(crate) book: PublicBook,
    next_order: u64,
}

impl FeedModel {
    pub(crate) fn class() -> Class {
        Class { no: ClassNo(0), spec: ClassSpec::example() }
    }

    pub(crate) fn new() -> FeedModel {
        FeedModel { book: PublicBook::new(), next_order: 1 }
    }

    /// One command's increment: `dice` say what it does. Bids are below 100 ticks, asks above.
    pub(crate) fn increment(&mut self, dice: u32) -> Vec<u8> {
        let mut bodies = Vec::new();
        let resting: Vec<MarketEntry> = self.book.orders().collect();
        let picked = (!resting.is_empty()).then(|| resting[usize::try_from(dice).unwrap() % resting.len()]);
        match (dice % 4, picked) {
            (0, Some(entry)) => bodies.push(MarketBody::Delete(entry)),
            (1, Some(entry)) if dice % 3 == 1 => {
                bodies.push(MarketBody::BlockTrade(MarketEntry { units: 1, ..entry }));
            }
            (1, Some(entry)) => bodies.push(MarketBody::Trade(MarketEntry { units: 1, ..entry })),
            (2, Some(entry)) if entry.units > 1 => {
                bodies.push(MarketBody::Reduce(MarketEntry { units: entry.units - 1, ..entry }));
            }
            _ => {}
        }
        let blocks: Vec<BlockEntry> = self.book.blocks().copied().collect();
        match (dice % 5, blocks.first()) {
            (0, _) => bodies.push(MarketBody::Block(BlockEntry {
                order: self.next_order + 1_000_000,
                side: if dice.is_multiple_of(2) { Side::Buy } else { Side::Sell },
                price: 90 + i64::from(dice % 20),
                slots: 2,
                units: 4,
                min_units: dice % 3,
                same_provider: false,
            })),
            (1, Some(first)) => bodies.push(MarketBody::Block(BlockEntry { units: dice % 4, ..*first })),
            _ => {}
        }
        let side = if dice.is_multiple_of(3) { Side::Sell } else { Side::Buy };
        let offset = i64::from(dice % 7);
        let price = if side == Side::Sell { 101 + offset } else { 99 - offset };
        bodies.push(MarketBody::Add(MarketEntry {
            order: self.next_order,
            side,
            price,
            units: 1 + dice % 5,
        }));
        self.next_order += 1;
        self.say(&bodies)
    }

    pub(crate) fn say(&mut self, bodies: &[MarketBody]) -> Vec<u8> {
        let (previous, sequence) = (self.book.sequence(), self.book.sequence() + 3);
        let time = Timestamp(sequence);
        let event =
            |body: &MarketBody| MarketEvent { contract: CONTRACT, previous, sequence, time, body: *body };
        let events: Vec<MarketEvent> = bodies.iter().map(event).collect();
        events.iter().for_each(|event| self.book.follow(event).unwrap());
        let mut bytes = Vec::new();
        encode_increment(&events, false, &mut bytes);
        bytes
    }

    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_snapshot(CONTRACT, &self.book, &mut bytes);
        bytes
    }

    pub(crate) fn digest(&self) -> BookDigest {
        BookDigest { contract: CONTRACT, sequence: self.book.sequence(), digest: self.book.digest() }
    }
}
