//! What the page is told of a whole class beside an opened contract, and of models: resting blocks, standard windows,
//! indices.

use crate::market::Market;
use crate::web::messages::{price, seconds, side_word};
use protocol::decimal::from_money;
use protocol::market_data::{self, Start};
use protocol::symbol::ClassSymbol;
use serde::Serialize;
use types::{BlockEntry, Class, ContractId};

/// How many resting blocks of a class the page is shown.
pub(crate) const BLOCKS_SHOWN: usize = 20;

/// Resting blocks and standard windows of a class.
#[derive(Debug, Serialize)]
pub(crate) struct OfClass {
    class: String,
    blocks: Vec<BlockLine>,
    more_blocks: bool,
    windows: Vec<WindowLine>,
}

#[derive(Debug, Serialize)]
struct BlockLine {
    order: u64,
    side: &'static str,
    start: u64,
    slots: u16,
    price: String,
    units: u32,
    min_units: u32,
    same_provider: bool,
}

#[derive(Debug, Serialize)]
struct WindowLine {
    hours: u8,
    side: &'static str,
    from: &'static str,
    start: u64,
    price: String,
    total: String,
    units: u64,
}

/// The index of a model in a currency.
#[derive(Debug, Serialize)]
pub(crate) struct IndexLine {
    model: String,
    currency: String,
    price: Option<String>,
    precision: Option<String>,
    pflop_hour: Option<String>,
    unit_hours: u64,
}

impl OfClass {
    pub(crate) fn of(class: &Class, market: &Market) -> OfClass {
        let mut blocks = market.blocks(class.no).map(|(first, block)| BlockLine::of(class, first, block));
        let shown = blocks.by_ref().take(BLOCKS_SHOWN).collect();
        OfClass {
            class: ClassSymbol::of(&class.spec).to_string(),
            blocks: shown,
            more_blocks: blocks.next().is_some(),
            windows: market.windows(class.no).filter_map(|window| WindowLine::of(class, window)).collect(),
        }
    }
}

impl BlockLine {
    fn of(class: &Class, first: ContractId, block: &BlockEntry) -> BlockLine {
        BlockLine {
            order: block.order,
            side: side_word(block.side),
            start: seconds(first),
            slots: block.slots,
            price: price(class, block.price),
            units: block.units,
            min_units: if block.min_units == 0 { block.units } else { block.min_units },
            same_provider: block.same_provider,
        }
    }
}

impl WindowLine {
    fn of(class: &Class, window: &market_data::Window) -> Option<WindowLine> {
        let best = window.best?;
        Some(WindowLine {
            hours: window.hours,
            side: side_word(window.side),
            from: match window.start {
                Start::Next => "next",
                Start::Day => "day",
                Start::Any => "any",
            },
            start: seconds(best.first),
            price: price(class, best.price),
            total: from_money(best.total).to_string(),
            units: best.units,
        })
    }
}

impl IndexLine {
    pub(crate) fn of(index: &market_data::Index) -> IndexLine {
        let (precision, pflop_hour) = index.per_pflop.unzip();
        IndexLine {
            model: index.model.to_string(),
            currency: index.currency.to_string(),
            price: (index.unit_hours > 0).then(|| from_money(index.price).to_string()),
            precision: precision.map(|precision| precision.to_string()),
            pflop_hour: pflop_hour.map(|price| from_money(price).to_string()),
            unit_hours: index.unit_hours,
        }
    }
}
