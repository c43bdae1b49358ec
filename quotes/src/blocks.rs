//! Blocks that rest in a class for exactly the asked window, and what the exchange makes of orders that could meet them.

use crate::row::{Cost, Row};
use crate::way::blocks_cost;
use types::{BlockEntry, OrderId, Ticks, Units};

/// Units of a resting block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) order: OrderId,
    pub(crate) price: Ticks,
    pub(crate) units: Units,
}

/// What `units` take of blocks in their order, greedily: each as far as it goes, and not at all if fewer than its
/// minimum are still wanted. `None` if not all units come together.
pub(crate) fn take(blocks: &[BlockEntry], units: Units) -> Option<Vec<Taken>> {
    let mut left = units;
    let mut all = Vec::new();
    for block in blocks {
        let taken = left.min(block.units);
        if taken > 0 && taken >= least(block) {
            all.push(Taken { order: block.order, price: block.price, units: taken });
            left -= taken;
        }
    }
    (left == 0).then_some(all)
}

/// What is left of blocks. One with fewer units left than its minimum has ended.
fn without(blocks: &mut Vec<BlockEntry>, taken: &[Taken]) {
    for gone in taken {
        if let Some(block) = blocks.iter_mut().find(|block| block.order == gone.order) {
            block.units -= gone.units;
        }
    }
    blocks.retain(|block| block.units > 0 && block.units >= block.min_units);
}

/// The fewest units a block takes part with.
pub(crate) fn least(block: &BlockEntry) -> Units {
    if block.min_units == 0 { block.units } else { block.min_units }
}

/// What comes of all-or-none orders for the window at this place, units and limit each, one after the other: the
/// better total of the two ways, singles when equal. `None` if one of them does not trade at once.
pub(crate) fn outcome(row: &Row<'_>, at: usize, orders: &[(Units, Ticks)]) -> Option<Cost> {
    let mut blocks = row.blocks(at).to_vec();
    let (mut swept, mut sum) = (0, Cost::default());
    for &(units, limit) in orders {
        let most = blocks_cost(row, &[Taken { order: 0, price: limit, units }]).value;
        let is_within = |cost: &Cost| cost.value <= most;
        let singles = row.sweep_after(at, swept, units).filter(is_within);
        // A block whose own limit is beyond the order's is not met, however good the average.
        let met = blocks.partition_point(|block| block.price <= limit);
        let taken = take(&blocks[..met], units);
        let by_blocks = taken.as_deref().map(|taken| blocks_cost(row, taken)).filter(is_within);
        let blocks_are_better = match (singles, by_blocks) {
            (Some(singles), Some(by_blocks)) => by_blocks.value < singles.value,
            (singles, _) => singles.is_none(),
        };
        if blocks_are_better {
            sum = sum.and(by_blocks?);
            without(&mut blocks, &taken?);
        } else {
            sum = sum.and(singles?);
            swept += units;
        }
    }
    Some(sum)
}
