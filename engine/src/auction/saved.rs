//! An auction that is being worked out, as it is saved, and back.

use super::{Stage, Uncross, Weighing};
use crate::auction::weigh::{Cursor, Level};
use crate::engine::Engine;
use crate::save::Saved;
use crate::slab::NIL;
use types::{ContractId, SlotHint, Ticks, Units};

impl Uncross {
    pub(crate) fn saved(&self) -> Saved {
        let &Uncross { contract, at: _, reference, stage } = self;
        match stage {
            Stage::Weighing(Weighing { cursors, volume, paired, levels }) => Saved::Weighing {
                contract,
                reference,
                cursors: cursors
                    .map(|Cursor { slot, left }| if slot == NIL { None } else { Some((slot, left)) }),
                volume,
                paired,
                levels: levels.map(|levels| levels.map(|Level { price, units }| (price, units))),
            },
            Stage::Trading { price, left } => Saved::Trading { contract, reference, price, left },
            Stage::Ending { price } => Saved::Ending { contract, reference, price },
        }
    }
}

impl Weighing {
    pub(crate) fn restored(
        cursors: [Option<(SlotHint, Units)>; 2],
        volume: u64,
        paired: [Ticks; 2],
        levels: Option<[(Ticks, u64); 2]>,
    ) -> Weighing {
        let cursors = cursors.map(|cursor| {
            let (slot, left) = cursor.unwrap_or((NIL, 0));
            Cursor { slot, left }
        });
        let levels = levels.map(|levels| levels.map(|(price, units)| Level { price, units }));
        Weighing { cursors, volume, paired, levels }
    }
}

impl Engine {
    /// True if the auction of a contract whose orders are all there can have come to this stage: the way there is
    /// gone once more.
    pub(crate) fn can_be_at(&self, at: u32, reference: Ticks, stage: Stage) -> bool {
        let contract = self.contracts.at(at);
        let mut weighing = Weighing::of(&contract.book, &self.orders);
        match stage {
            Stage::Weighing(saved) => {
                while weighing != saved {
                    if weighing.step(&contract.book, &self.orders, reference).is_some() {
                        return false;
                    }
                }
                true
            }
            // What is left to trade is what would be weighed now, and the price is one that brings it.
            Stage::Trading { price, left } => {
                while weighing.step(&contract.book, &self.orders, reference).is_none() {}
                let [bid, ask] = weighing.paired;
                weighing.volume == u64::from(left) && left > 0 && (ask..=bid).contains(&price)
            }
            Stage::Ending { price } => {
                let is_last = price == 0 || (price, price) == (contract.last_price, contract.auction_price);
                is_last && weighing.step(&contract.book, &self.orders, reference) == Some((0, 0))
            }
        }
    }

    /// Puts an auction back, whose stage has been found to be one.
    pub(crate) fn restore_uncross(&mut self, contract: ContractId, at: u32, reference: Ticks, stage: Stage) {
        self.uncross = Some(Uncross { contract, at, reference, stage });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn digest(stage: Option<(u32, Ticks, Stage)>) -> Digest {
        let mut engine = Engine::new();
        if let Some((contract, reference, stage)) = stage {
            engine.restore_uncross(ContractId(contract), 0, reference, stage);
        }
        engine.digest()
    }

    #[test]
    fn the_digest_knows_every_part_of_an_auction_under_way() {
        let cursors = [Some((1, 2)), Some((3, 4))];
        let weighing = |cursors, volume, paired, levels| {
            Some((7, 8, Stage::Weighing(Weighing::restored(cursors, volume, paired, levels))))
        };
        let begun = weighing(cursors, 5, [9, 6], None);
        let levels = [(10, 11), (12, 13)];
        let mut stages = vec![
            None,
            begun,
            weighing([Some((2, 2)), cursors[1]], 5, [9, 6], None),
            weighing([Some((1, 3)), cursors[1]], 5, [9, 6], None),
            weighing([cursors[0], Some((4, 4))], 5, [9, 6], None),
            weighing([cursors[0], Some((3, 5))], 5, [9, 6], None),
            weighing([cursors[0], None], 5, [9, 6], None),
            weighing(cursors, 6, [9, 6], None),
            weighing(cursors, 5, [10, 6], None),
            weighing(cursors, 5, [9, 7], None),
            weighing(cursors, 5, [9, 6], Some(levels)),
            weighing(cursors, 5, [9, 6], Some([(11, 11), levels[1]])),
            weighing(cursors, 5, [9, 6], Some([(10, 12), levels[1]])),
            weighing(cursors, 5, [9, 6], Some([levels[0], (13, 13)])),
            weighing(cursors, 5, [9, 6], Some([levels[0], (12, 14)])),
        ];
        for stage in [
            Stage::Trading { price: 9, left: 5 },
            Stage::Trading { price: 8, left: 5 },
            Stage::Trading { price: 9, left: 4 },
            Stage::Ending { price: 9 },
            Stage::Ending { price: 0 },
        ] {
            stages.extend([Some((7, 8, stage)), Some((6, 8, stage)), Some((7, 9, stage))]);
        }
        let digests: Vec<Digest> = stages.iter().map(|&stage| digest(stage)).collect();
        for (at, one) in digests.iter().enumerate() {
            let same = digests[..at].iter().position(|other| other == one);
            assert_eq!(same, None, "{:?} is no different", stages[at]);
        }
    }
}
