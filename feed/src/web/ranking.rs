//! The contracts in the order in which the page shows them: most units traded first, then the slot that starts
//! soonest. Made at most once a second for all pages together, because sorting a whole market is work.

use crate::market::Market;
use std::cmp::Reverse;
use std::sync::Arc;
use types::ContractId;

/// The contracts of one moment, in order.
#[derive(Debug, Default)]
pub(crate) struct Ranking {
    /// [`Market::ranking_changes`] at that moment.
    pub(crate) changes: u64,
    /// Best first.
    pub(crate) contracts: Vec<Ranked>,
}

/// One contract in the ranking.
#[derive(Clone, Debug)]
pub(crate) struct Ranked {
    /// Which.
    pub(crate) contract: ContractId,
    /// Its symbol, which filters look at.
    pub(crate) symbol: Arc<str>,
    volume: u64,
}

impl Ranking {
    /// What there is to sort. To be followed by [`Ranking::sort`], away from the market.
    pub(crate) fn gather(market: &Market) -> Ranking {
        let contracts = market.contracts().map(|(contract, at)| Ranked {
            contract,
            symbol: Arc::clone(&at.symbol),
            volume: at.volume,
        });
        Ranking { changes: market.ranking_changes(), contracts: contracts.collect() }
    }

    /// Puts the contracts in order.
    #[must_use]
    pub(crate) fn sort(mut self) -> Ranking {
        self.contracts.sort_unstable_by_key(|one| (Reverse(one.volume), one.contract.start(), one.contract));
        self
    }

    /// The first `max` contracts that `filter` lets through, and how many it does.
    pub(crate) fn choose(&self, filter: &Filter, max: usize) -> (Vec<ContractId>, usize) {
        if filter.words.is_empty() {
            let first = self.contracts.iter().take(max).map(|one| one.contract).collect();
            return (first, self.contracts.len());
        }
        let mut matching = self.contracts.iter().filter(|one| filter.matches(&one.symbol));
        let first: Vec<ContractId> = matching.by_ref().take(max).map(|one| one.contract).collect();
        let count = first.len() + matching.count();
        (first, count)
    }
}

/// Words that must all stand somewhere in a symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    words: Vec<String>,
}

impl Filter {
    /// The words of `text`; case does not matter, and `*` stands for anything, as in `H100*-USE`.
    pub(crate) fn new(text: &str) -> Filter {
        let words = text.split(|c: char| c.is_whitespace() || c == '*').filter(|word| !word.is_empty());
        Filter { words: words.map(str::to_ascii_uppercase).collect() }
    }

    fn matches(&self, symbol: &str) -> bool {
        self.words.iter().all(|word| symbol.contains(word.as_str()))
    }
}
