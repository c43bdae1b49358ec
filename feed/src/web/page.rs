//! What one open page has been told and is to be told next: a pure machine, asked about ten times a second. What
//! changes in between is told once, so a slow page costs no more than a fast one.

use crate::hub::Progress;
use crate::market::Market;
use crate::web::class::{IndexLine, OfClass};
use crate::web::messages::{Book, ClassTerms, News, Row, Wish, milliseconds};
use crate::web::ranking::{Filter, Ranking};
use protocol::symbol::{ClassSymbol, ContractSymbol, SymbolError};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Code, ContractId, Phase, Sequence, Timestamp};

/// How many rows a page is shown at most.
pub(crate) const ROWS_SHOWN: usize = 200;
/// The longest filter, in bytes.
const FILTER_MAX: usize = 64;
/// The longest symbol anybody could mean, in bytes.
const SYMBOL_MAX: usize = 64;

/// One page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    classes_told: usize,
    filter_text: String,
    filter: Filter,
    /// The rows it should have, in the order of the ranking.
    chosen: Vec<ContractId>,
    matching: usize,
    /// The ranking the rows were chosen from; `None` when they are to be chosen anew.
    chosen_from: Option<u64>,
    /// The rows it has, with the command each was last told at.
    told: FxHashMap<ContractId, (Arc<str>, Sequence)>,
    rows_told: bool,
    /// The indices it has, by model and currency, with the command each was told at.
    indices_told: BTreeMap<(Code, Code), Sequence>,
    opened: Option<Opened>,
    refusal: Option<Refusal>,
}

#[derive(Debug)]
struct Opened {
    contract: ContractId,
    symbol: String,
    told_at: Option<(Sequence, Phase)>,
    /// [`Market::class_changes`] of its class when that was told.
    class_told_at: Option<u64>,
}

#[derive(Debug)]
struct Refusal {
    code: &'static str,
    symbol: String,
    message: String,
}

/// A message that is no wish; in one sentence.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadWish {
    /// Not what docs/web-socket.md describes.
    #[error("not understood: {0}")]
    NotUnderstood(String),
    /// A filter that is too long.
    #[error("a filter has at most {FILTER_MAX} bytes, not {0}")]
    LongFilter(usize),
}

impl Page {
    /// Takes a message of the page. What comes of it is told with the next news.
    ///
    /// # Errors
    /// [`BadWish`] if it is none; the page is not one of ours then.
    pub(crate) fn ask(&mut self, text: &str, market: &Market, now: Timestamp) -> Result<(), BadWish> {
        let wish = serde_json::from_str(text).map_err(|error| BadWish::NotUnderstood(error.to_string()))?;
        match wish {
            Wish::Open(None) => (self.opened, self.refusal) = (None, None),
            Wish::Open(Some(symbol)) => self.open(symbol, market, now),
            Wish::Filter(text) if text.len() > FILTER_MAX => return Err(BadWish::LongFilter(text.len())),
            Wish::Filter(text) => {
                self.filter = Filter::new(&text);
                self.filter_text = text;
                self.chosen_from = None;
            }
        }
        Ok(())
    }

    /// What has changed since the last time, as messages to be sent in this order.
    pub(crate) fn news(
        &mut self,
        market: &Market,
        ranking: &Ranking,
        now: Timestamp,
        progress: Option<Progress>,
    ) -> Vec<String> {
        let mut news = Vec::new();
        self.tell_classes(market, &mut news);
        self.tell_indices(market, &mut news);
        if let Some(Progress { sequence, time, commands }) = progress {
            let contracts = market.contracts().len();
            let (time, trades) = (milliseconds(time), market.trades());
            news.push(News::Status { sequence, time, commands, trades, contracts }.text());
        }
        self.tell_rows(market, ranking, &mut news);
        self.tell_opened(market, now, &mut news);
        self.tell_class(market, &mut news);
        if let Some(Refusal { code, symbol, message }) = self.refusal.take() {
            news.push(News::Error { code, symbol: &symbol, message: &message }.text());
        }
        news
    }

    fn open(&mut self, symbol: String, market: &Market, now: Timestamp) {
        (self.opened, self.refusal) = (None, None);
        if symbol.len() > SYMBOL_MAX {
            let message = format!("no symbol is longer than {SYMBOL_MAX} characters");
            self.refusal = Some(Refusal {
                code: "no_symbol",
                symbol: symbol.chars().take(SYMBOL_MAX).collect(),
                message,
            });
            return;
        }
        match find(&symbol, market, now) {
            Ok(contract) => {
                self.opened = Some(Opened { contract, symbol, told_at: None, class_told_at: None })
            }
            Err((code, message)) => self.refusal = Some(Refusal { code, symbol, message }),
        }
    }

    fn tell_classes(&mut self, market: &Market, news: &mut Vec<String>) {
        let new = market.classes().get(self.classes_told..).unwrap_or_default();
        if !new.is_empty() {
            news.push(News::Classes { classes: new.iter().map(ClassTerms::of).collect() }.text());
            self.classes_told = market.classes().len();
        }
    }

    fn tell_indices(&mut self, market: &Market, news: &mut Vec<String>) {
        let told = &mut self.indices_told;
        let changed = market.indices().filter(|index| {
            told.insert((index.model, index.currency), index.sequence) != Some(index.sequence)
        });
        let indices: Vec<IndexLine> = changed.map(IndexLine::of).collect();
        if !indices.is_empty() {
            news.push(News::Index { indices }.text());
        }
    }

    fn tell_class(&mut self, market: &Market, news: &mut Vec<String>) {
        let Some(opened) = &mut self.opened else { return };
        let no = opened.contract.class();
        let Some(class) = market.class(no) else { return };
        let now = market.class_changes(no);
        if opened.class_told_at.replace(now) != Some(now) {
            news.push(News::Class(OfClass::of(class, market)).text());
        }
    }

    fn tell_rows(&mut self, market: &Market, ranking: &Ranking, news: &mut Vec<String>) {
        let mut rechosen = !self.rows_told;
        if self.chosen_from != Some(ranking.changes) {
            let before = self.matching;
            rechosen |= self.chosen_from.is_none();
            (self.chosen, self.matching) = ranking.choose(&self.filter, ROWS_SHOWN);
            self.chosen_from = Some(ranking.changes);
            rechosen |= self.matching != before;
        }
        let gone = self.take_out_gone(market);
        let changed = self.take_in_changed(market);
        if rechosen || !changed.is_empty() || !gone.is_empty() {
            let gone = gone.iter().map(|symbol| &**symbol).collect();
            let (filter, matching) = (self.filter_text.as_str(), self.matching);
            news.push(News::Rows { filter, changed, gone, matching, shown_max: ROWS_SHOWN }.text());
            self.rows_told = true;
        }
    }

    /// Forgets the rows that are no longer chosen or whose contract is gone; gives their symbols.
    fn take_out_gone(&mut self, market: &Market) -> Vec<Arc<str>> {
        self.chosen.retain(|contract| market.contract(*contract).is_some());
        let chosen: FxHashSet<ContractId> = self.chosen.iter().copied().collect();
        let gone = self.told.extract_if(|contract, _| !chosen.contains(contract));
        gone.map(|(_, (symbol, _))| symbol).collect()
    }

    fn take_in_changed<'a>(&mut self, market: &'a Market) -> Vec<Row<'a>> {
        let mut changed = Vec::new();
        for &id in &self.chosen {
            let (Some(contract), Some(class)) = (market.contract(id), market.class(id.class())) else {
                continue;
            };
            let told = self.told.entry(id).or_insert_with(|| (Arc::clone(&contract.symbol), 0));
            if told.1 != contract.book.sequence() {
                told.1 = contract.book.sequence();
                changed.push(Row::of(class, id, contract));
            }
        }
        changed
    }

    fn tell_opened(&mut self, market: &Market, time: Timestamp, news: &mut Vec<String>) {
        let Some(opened) = &mut self.opened else { return };
        let Some(class) = market.class(opened.contract.class()) else { return };
        let contract = market.contract(opened.contract);
        let now = match (contract, opened.told_at) {
            (Some(contract), _) => (contract.book.sequence(), contract.book.phase()),
            (None, None | Some((0, _))) if time < class.gate(opened.contract) => {
                (0, market.untouched_phase(class, opened.contract, time))
            }
            (None, None) => (0, Phase::Closed),
            (None, Some((0, phase))) if phase != Phase::Settled => (0, Phase::Closed),
            (None, Some(_)) => (0, Phase::Settled),
        };
        if opened.told_at == Some(now) {
            return;
        }
        opened.told_at = Some(now);
        let book = match contract {
            Some(contract) => Book::of(class, opened.contract, contract),
            None => Book::empty(class, opened.contract, &opened.symbol, now.1),
        };
        news.push(News::Book(Box::new(book)).text());
    }
}

/// The contract a symbol names, if it is one that trades or has something to show; or why not, as a word and a
/// sentence.
fn find(symbol: &str, market: &Market, now: Timestamp) -> Result<ContractId, (&'static str, String)> {
    let named: ContractSymbol =
        symbol.parse().map_err(|error: SymbolError| ("no_symbol", error.to_string()))?;
    let mut classes = market.classes().iter();
    let class = classes.find(|class| ClassSymbol::of(&class.spec) == named.class);
    let class =
        class.ok_or_else(|| ("unknown_class", format!("the class {} is not listed here", named.class)))?;
    let contract = named.contract(class).map_err(|error| ("no_slot", error.to_string()))?;
    if market.contract(contract).is_some() {
        return Ok(contract);
    }
    if now >= class.gate(contract) {
        return Err(("gate_closed", format!("{named} trades no more: its gate has closed")));
    }
    if !class.is_within_horizon(contract, now) {
        let hours = class.spec.horizon_hours;
        return Err((
            "beyond_horizon",
            format!("{named} does not trade yet: its slot is more than {hours} h ahead"),
        ));
    }
    Ok(contract)
}
