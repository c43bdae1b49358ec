//! What a load is made of: the shares of each kind of command, and where their prices lie.
//!
//! Another kind of order is another share here and another arm in `trader`.

use types::Ticks;

/// What is sent. All but [`Mix::Trades`] and [`Mix::Cancels`] are the same commands, spread over few or many books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Some books, much as on a real market: 49 % of the commands are orders that rest, 41 % cancels, 8 % orders that
    /// trade at once, 2 % changes of an order.
    Market,
    /// The same in one book.
    Hot,
    /// The same over thousands of books, most of them nearly empty.
    Thin,
    /// As many cancels as orders, and nothing ever trades.
    Cancels,
    /// Every order meets another, or waits for the next one to meet it.
    Trades,
    /// As the market, but a fifth of the new orders are blocks over several slots in a row: of seven of them one is
    /// immediate and trades what it can, and the others rest until they trade as a whole or are cancelled.
    Blocks,
}

/// A mix in numbers. What is neither cancel nor change nor immediate is a limit order that may rest, for one slot if it is
/// no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shares {
    /// Cancels in a thousand commands.
    pub(super) cancels: u32,
    /// Replaces in a thousand of the others.
    pub(super) replaces: u32,
    /// Immediate-or-cancel orders in a thousand new orders.
    pub(super) immediate: u32,
    /// Blocks in a thousand new orders, immediate or not.
    pub(super) blocks: u32,
    /// How much nearer to the other side than the middle price an order that may rest is, in ticks, least and most; at
    /// 0 the two sides meet.
    pub(super) nearer: (Ticks, Ticks),
}

const MARKET: Shares = Shares { cancels: 410, replaces: 34, immediate: 140, blocks: 0, nearer: (-20, -1) };

impl Mix {
    /// All there are, by the name they are asked for.
    pub const ALL: [(&'static str, Mix); 6] = [
        ("market", Mix::Market),
        ("hot", Mix::Hot),
        ("thin", Mix::Thin),
        ("cancels", Mix::Cancels),
        ("trades", Mix::Trades),
        ("blocks", Mix::Blocks),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mix::Market => "market",
            Mix::Hot => "hot",
            Mix::Thin => "thin",
            Mix::Cancels => "cancels",
            Mix::Trades => "trades",
            Mix::Blocks => "blocks",
        }
    }

    /// Over how many contracts it is usually spread.
    #[must_use]
    pub fn contracts(self) -> u32 {
        match self {
            Mix::Hot => 1,
            Mix::Market | Mix::Cancels | Mix::Trades | Mix::Blocks => 16,
            Mix::Thin => 4_000,
        }
    }

    /// How many sessions it takes.
    pub(super) fn sessions_min(self) -> u32 {
        if self == Mix::Trades { 2 } else { 1 }
    }

    /// How many contracts it takes.
    pub(super) fn contracts_min(self) -> u32 {
        if self == Mix::Blocks { 2 } else { 1 }
    }

    /// What it is made of.
    pub(super) fn shares(self) -> Shares {
        match self {
            Mix::Market | Mix::Hot | Mix::Thin => MARKET,
            Mix::Cancels => Shares { cancels: 500, replaces: 0, immediate: 0, ..MARKET },
            Mix::Trades => Shares { cancels: 0, replaces: 0, immediate: 0, nearer: (0, 0), ..MARKET },
            Mix::Blocks => Shares { blocks: 200, ..MARKET },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mix_has_its_name_and_shares_that_add_up() {
        for (name, mix) in Mix::ALL {
            assert_eq!(mix.name(), name);
            let Shares { cancels, replaces, immediate, blocks, nearer } = mix.shares();
            assert!([cancels, replaces, immediate, blocks].iter().all(|share| *share <= 1_000));
            assert!(nearer.0 <= nearer.1);
        }
    }
}
