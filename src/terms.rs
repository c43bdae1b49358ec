//! What kind of order somebody types, and an order's terms in words and for machines.

use crate::connect::{class_numbered, full_symbol, price_text, span_symbol};
use crate::fail::Failure;
use crate::symbols::Span;
use crate::typed;
use clap::{Args, ValueEnum};
use protocol::when::{TimeText, parse_time};
use serde_json::{Value, json};
use types::{Class, NewOrder, OrderKind, SelfTrade, Side, Ticks, TimeInForce, Units};

/// The options of `buy` and `sell`. Without any it is a limit order, good till cancelled.
#[derive(Debug, Args)]
pub(crate) struct TermsArguments {
    /// How long it lasts; gtc if not said.
    #[arg(long, conflicts_with = "until")]
    tif: Option<Tif>,
    /// Good till this moment, if the gate does not close before: +90m, tomorrow 09:00, 2026-11-22T14:00:00Z.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Refused rather than traded at once.
    #[arg(long)]
    post_only: bool,
    /// Ends untraded if fewer units can trade when it comes to the book. Of a window: the fewest that may trade at once,
    /// at any time; all of them if not said.
    #[arg(long, visible_alias = "min-units", value_name = "UNITS", conflicts_with = "all_or_none")]
    min: Option<String>,
    /// Ends untraded if not all of it can trade when it comes to the book.
    #[arg(long)]
    all_or_none: bool,
    /// An iceberg: shows no more than so many units at a time, at least a hundredth of all.
    #[arg(long, value_name = "UNITS")]
    show: Option<String>,
    /// A stop: sleeps until the contract trades at this price or, to buy, above it, to sell, below it.
    #[arg(long, value_name = "PRICE")]
    stop: Option<String>,
    /// What does not trade at once ends; the price only protects from worse ones.
    #[arg(long)]
    market: bool,
    /// What happens when it meets an order of your own.
    #[arg(long, default_value = "cancel-incoming")]
    self_trade: SelfTradeName,
    /// Of a window, to buy: only from one block of one provider. It promises no machine.
    #[arg(long)]
    same_provider: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tif {
    /// Rests until filled, cancelled, or its contract's gate closes.
    Gtc,
    /// What does not trade at once ends.
    Ioc,
    /// All at once, or nothing.
    Fok,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SelfTradeName {
    /// What is left of the incoming order ends.
    CancelIncoming,
    /// The resting order ends, and the incoming one goes on.
    CancelResting,
    /// Both end.
    CancelBoth,
    /// Both lose the smaller one's shown units; what is left of either goes on.
    Decrement,
}

/// Terms as typed, but for what only the class can tell.
pub(crate) struct Terms {
    kind: OrderKind,
    time_in_force: TimeInForce,
    min_units: Units,
    shown: Units,
    post_only: bool,
    trigger: Option<rust_decimal::Decimal>,
    self_trade: SelfTrade,
    same_provider: bool,
}

impl TermsArguments {
    /// Reads everything, before anybody is called.
    pub(crate) fn read(&self, units: Units) -> Result<Terms, Failure> {
        let until = self.until.as_deref().map(|text| parse_time(text, typed::now())).transpose();
        let until = until.map_err(|error| Failure::usage("bad-time", error))?;
        let typed_min = self.min.as_deref().map(typed::units).transpose()?;
        Ok(Terms {
            kind: if self.market { OrderKind::Market } else { OrderKind::Limit },
            time_in_force: match (until, self.tif) {
                (Some(until), _) => TimeInForce::Gtd(until),
                (None, Some(Tif::Gtc) | None) => TimeInForce::Gtc,
                (None, Some(Tif::Ioc)) => TimeInForce::Ioc,
                (None, Some(Tif::Fok)) => TimeInForce::Fok,
            },
            min_units: if self.all_or_none { units } else { typed_min.unwrap_or(0) },
            shown: self.show.as_deref().map(typed::units).transpose()?.unwrap_or(0),
            post_only: self.post_only,
            trigger: self.stop.as_deref().map(typed::price).transpose()?,
            self_trade: match self.self_trade {
                SelfTradeName::CancelIncoming => SelfTrade::CancelIncoming,
                SelfTradeName::CancelResting => SelfTrade::CancelResting,
                SelfTradeName::CancelBoth => SelfTrade::CancelBoth,
                SelfTradeName::Decrement => SelfTrade::Decrement,
            },
            same_provider: self.same_provider,
        })
    }
}

impl Terms {
    /// The order of these terms.
    pub(crate) fn order(
        self,
        class: &Class,
        span: Span,
        side: Side,
        units: Units,
        price: Ticks,
    ) -> Result<NewOrder, Failure> {
        let Terms { kind, time_in_force, min_units, shown, post_only, trigger, self_trade, same_provider } =
            self;
        let trigger = trigger.map(|trigger| typed::ticks(trigger, class)).transpose()?;
        let (contract, slots) = span.slots();
        Ok(NewOrder {
            contract,
            slots,
            side,
            kind,
            time_in_force,
            price,
            units,
            min_units,
            shown,
            post_only,
            trigger,
            self_trade,
            same_provider,
        })
    }
}

/// What kind of order it is now: `limit`, `stop market`, `post-only iceberg`.
pub(crate) fn kind_words(terms: &NewOrder) -> String {
    let mut words = Vec::new();
    if terms.post_only {
        words.push("post-only");
    }
    if terms.trigger.is_some() {
        words.push("stop");
    }
    words.push(match terms.kind {
        _ if terms.is_block() => "block",
        OrderKind::Limit if terms.shown > 0 => "iceberg",
        OrderKind::Limit => "limit",
        OrderKind::Market => "market",
    });
    words.join(" ")
}

/// When it ends at the latest.
pub(crate) fn until_words(time_in_force: TimeInForce) -> String {
    match time_in_force {
        TimeInForce::Gtd(until) => TimeText(until).to_string(),
        TimeInForce::Gtc => "gate".to_owned(),
        TimeInForce::Ioc | TimeInForce::Fok => "at once".to_owned(),
    }
}

/// An order in words: `buy 3 H100SXM-USE-20261122T23Z at 2.1000 USD (Gtc, stop at 2.0500)`.
pub(crate) fn to_text(classes: &[Class], terms: &NewOrder) -> String {
    let NewOrder { contract, side, price, units, .. } = *terms;
    let currency = class_numbered(classes, contract.class())
        .map_or_else(String::new, |class| format!(" {}", class.spec.currency));
    let at_price = |price| price_text(classes, contract, price);
    let limit = match terms.kind {
        OrderKind::Limit => format!("at {}{currency}", at_price(price)),
        OrderKind::Market => format!("at the market, {}{currency} at worst", at_price(price)),
    };
    let mut more = vec![match terms.time_in_force {
        TimeInForce::Gtd(until) => format!("Gtd {}", TimeText(until)),
        plain => format!("{plain:?}"),
    }];
    if terms.post_only {
        more.push("post-only".to_owned());
    }
    if terms.min_units == units || (terms.is_block() && terms.min_units == 0) {
        more.push("all or none".to_owned());
    } else if terms.min_units > 0 {
        more.push(format!("at least {} at once", terms.min_units));
    }
    if terms.shown > 0 {
        more.push(format!("{} shown at a time", terms.shown));
    }
    more.extend(terms.trigger.map(|trigger| format!("stop at {}", at_price(trigger))));
    if terms.same_provider {
        more.push("from one provider".to_owned());
    }
    if terms.self_trade != SelfTrade::default() {
        more.push(format!("meeting itself: {}", self_trade_word(terms.self_trade)));
    }
    let (way, symbol) = (side_word(side), span_symbol(classes, contract, terms.slots));
    let limit = if terms.is_block() { format!("{limit} an hour on average") } else { limit };
    format!("{way} {units} {symbol} {limit} ({})", more.join(", "))
}

/// The same for machines: an object.
pub(crate) fn to_json(classes: &[Class], terms: &NewOrder) -> Value {
    let at_price = |price| price_text(classes, terms.contract, price);
    let (time_in_force, until) = match terms.time_in_force {
        TimeInForce::Gtc => ("gtc", None),
        TimeInForce::Gtd(until) => ("gtd", Some(TimeText(until).to_string())),
        TimeInForce::Ioc => ("ioc", None),
        TimeInForce::Fok => ("fok", None),
    };
    json!({
        "contract": full_symbol(classes, terms.contract), "slots": terms.slots,
        "symbol": span_symbol(classes, terms.contract, terms.slots), "side": side_word(terms.side),
        "market": terms.kind == OrderKind::Market, "price": at_price(terms.price), "units": terms.units,
        "tif": time_in_force, "until": until, "min": terms.min_units, "show": terms.shown,
        "post_only": terms.post_only, "stop": terms.trigger.map(at_price),
        "self_trade": self_trade_word(terms.self_trade), "same_provider": terms.same_provider,
    })
}

pub(crate) fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn self_trade_word(self_trade: SelfTrade) -> &'static str {
    match self_trade {
        SelfTrade::CancelIncoming => "cancel-incoming",
        SelfTrade::CancelResting => "cancel-resting",
        SelfTrade::CancelBoth => "cancel-both",
        SelfTrade::Decrement => "decrement",
    }
}
