//! The exchange as the rules say it, one unit at a time: what becomes of the orders a quote says to send.

use quotes::ClassBooks;
use std::collections::BTreeMap;
use types::{BlockEntry, Class, ClassNo, ContractId, NewOrder, OrderId, Phase, Side, Ticks};

/// The offers of a market: of every contract the prices of its units, cheapest first; and the sell blocks.
pub(crate) struct Naive {
    classes: BTreeMap<ClassNo, Class>,
    units: BTreeMap<ContractId, Vec<Ticks>>,
    closed: Vec<ContractId>,
    blocks: Vec<(ContractId, BlockEntry)>,
}

impl Naive {
    pub(crate) fn new(market: &[ClassBooks]) -> Naive {
        let mut naive = Naive {
            classes: BTreeMap::new(),
            units: BTreeMap::new(),
            closed: Vec::new(),
            blocks: Vec::new(),
        };
        for books in market {
            naive.classes.insert(books.class.no, books.class);
            for slot in &books.slots {
                let mut units = Vec::new();
                for ask in &slot.asks {
                    units.extend((0..ask.units).map(|_| ask.price));
                }
                naive.units.insert(slot.contract, units);
                if slot.phase != Phase::Continuous {
                    naive.closed.push(slot.contract);
                }
            }
            naive.blocks.extend(books.blocks.iter().filter(|(_, block)| block.side == Side::Sell));
        }
        naive.blocks.sort_by_key(|(_, block)| (block.price, block.order));
        naive
    }

    /// What an all-or-none order to buy costs in millionths, fees not rounded and left out; `None` if it does not trade.
    pub(crate) fn buy(&mut self, order: &NewOrder) -> Option<i128> {
        let class = self.classes[&order.contract.class()];
        let window: Vec<ContractId> = class.window(order.contract, order.slots).collect();
        if window.iter().any(|contract| self.closed.contains(contract)) {
            return None;
        }
        let limit = order.price * i64::from(order.units) * i64::from(order.slots);
        let singles = self.singles(&window, order).filter(|ticks| order.slots == 1 || *ticks <= limit);
        let blocks = self.blocks(order);
        let ticks = match (singles, blocks) {
            (Some(singles), Some((taken, ticks))) if ticks < singles => {
                self.take(&taken);
                ticks
            }
            (None, Some((taken, ticks))) => {
                self.take(&taken);
                ticks
            }
            (Some(singles), _) => {
                for contract in &window {
                    self.units.get_mut(contract)?.drain(..usize::try_from(order.units).unwrap());
                }
                singles
            }
            (None, None) => return None,
        };
        Some(i128::from(ticks) * i128::from(class.spec.tick) * i128::from(class.spec.slot_hours))
    }

    /// The sum of the prices of all units.
    fn singles(&self, window: &[ContractId], order: &NewOrder) -> Option<Ticks> {
        let units = usize::try_from(order.units).unwrap();
        let mut sum = 0;
        for contract in window {
            let taken = self.units.get(contract)?.get(..units)?;
            if order.slots == 1 && taken.iter().any(|price| *price > order.price) {
                return None;
            }
            sum += taken.iter().sum::<Ticks>();
        }
        Some(sum)
    }

    fn blocks(&self, order: &NewOrder) -> Option<(Vec<(OrderId, u32)>, Ticks)> {
        let (mut left, mut taken, mut sum) = (order.units, Vec::new(), 0);
        for (first, block) in &self.blocks {
            let least = if block.min_units == 0 { block.units } else { block.min_units };
            let units = left.min(block.units);
            let is_met = *first == order.contract && block.slots == order.slots && block.price <= order.price;
            if is_met && units > 0 && units >= least {
                taken.push((block.order, units));
                sum += block.price * i64::from(units) * i64::from(order.slots);
                left -= units;
            }
        }
        (left == 0).then_some((taken, sum))
    }

    fn take(&mut self, taken: &[(OrderId, u32)]) {
        for &(order, units) in taken {
            let (_, block) = self.blocks.iter_mut().find(|(_, block)| block.order == order).unwrap();
            block.units -= units;
        }
        self.blocks.retain(|(_, block)| block.units > 0 && block.units >= block.min_units);
    }
}
