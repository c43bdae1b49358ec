//! Wildcards: sets of contracts, by whole fields of their symbols.

use super::{ClassSymbol, ContractSymbol, SymbolError, parse_code, parse_start};
use crate::when::HourText;
use std::fmt;
use std::str::FromStr;
use types::{ClassSpec, Code, Hour};

/// A set of contracts: every field says which or, with `None`, any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    /// Of this model.
    pub model: Option<Code>,
    /// In this region.
    pub region: Option<Code>,
    /// With the slot that starts then.
    pub start: Option<Hour>,
}

impl Pattern {
    /// True if the contract that starts at `start` in a class of these terms is in the set.
    #[must_use]
    pub fn matches(&self, spec: &ClassSpec, start: Hour) -> bool {
        self.matches_class(spec) && self.start.is_none_or(|only| only == start)
    }

    /// True if contracts of a class of these terms can be in the set.
    #[must_use]
    pub fn matches_class(&self, spec: &ClassSpec) -> bool {
        self.model.is_none_or(|only| only == spec.model) && self.region.is_none_or(|only| only == spec.region)
    }
}

impl From<ClassSymbol> for Pattern {
    fn from(class: ClassSymbol) -> Pattern {
        Pattern { model: Some(class.model), region: Some(class.region), start: None }
    }
}

impl From<ContractSymbol> for Pattern {
    fn from(contract: ContractSymbol) -> Pattern {
        Pattern { start: Some(contract.start), ..contract.class.into() }
    }
}

impl FromStr for Pattern {
    type Err = SymbolError;

    /// Up to three fields, model, region and start, each `*` or one; the start may be left out, and a lone `*`
    /// is everything.
    fn from_str(text: &str) -> Result<Pattern, SymbolError> {
        if text == "*" {
            return Ok(Pattern::default());
        }
        let fields: Vec<&str> = text.split('-').collect();
        let (model, region, start) = match fields[..] {
            [model, region] => (model, region, "*"),
            [model, region, start] => (model, region, start),
            _ => return Err(SymbolError::Fields(text.to_owned())),
        };
        Ok(Pattern {
            model: unless_any(model, |model| parse_code(text, model))?,
            region: unless_any(region, |region| parse_code(text, region))?,
            start: unless_any(start, |start| parse_start(text, start))?,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Pattern::default() {
            return f.pad("*");
        }
        let code = |code: Option<Code>| code.map_or("*".to_owned(), |code| code.to_string());
        let mut text = format!("{}-{}", code(self.model), code(self.region));
        if let Some(start) = self.start {
            text.push_str(&format!("-{}", HourText(start)));
        }
        f.pad(&text)
    }
}

fn unless_any<T>(
    field: &str,
    parse: impl Fn(&str) -> Result<T, SymbolError>,
) -> Result<Option<T>, SymbolError> {
    if field == "*" { Ok(None) } else { parse(field).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::when::parse_hour;
    use proptest::option;
    use proptest::prelude::*;

    #[test]
    fn wildcards_stand_for_whole_fields() {
        let spec = ClassSpec::example();
        let start = parse_hour("20261122T14Z").unwrap();
        for yes in [
            "*",
            "H100SXM-*",
            "*-USE",
            "H100SXM-USE",
            "H100SXM-USE-*",
            "*-*-20261122T14Z",
            "H100SXM-USE-20261122T14Z",
        ] {
            let pattern: Pattern = yes.parse().unwrap();
            assert!(pattern.matches(&spec, start), "{yes}");
        }
        for no in ["A100-*", "*-EU", "A100-USE-*", "*-*-20261122T15Z"] {
            let pattern: Pattern = no.parse().unwrap();
            assert!(!pattern.matches(&spec, start), "{no}");
        }
        assert!("*-*-20261122T15Z".parse::<Pattern>().unwrap().matches_class(&spec));
        for bad in ["", "H100SXM", "H1*-USE", "*-USE-14Z", "*-USE-*-*"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
        let contract: ContractSymbol = "H100SXM-USE-20261122T14Z".parse().unwrap();
        assert_eq!(Pattern::from(contract), contract.to_string().parse().unwrap());
        assert_eq!(Pattern::from(contract.class), contract.class.to_string().parse().unwrap());
        for (said, short) in [("*-*-*", "*"), ("H100SXM-USE-*", "H100SXM-USE"), ("*-USE", "*-USE")] {
            assert_eq!(said.parse::<Pattern>().unwrap().to_string(), short);
        }
    }

    proptest! {
        #[test]
        fn patterns_come_back(
            model in option::of("[A-Z0-9]{1,12}"), region in option::of("[A-Z0-9]{1,12}"),
            start in option::of(0u32..1 << 21),
        ) {
            let code = |text: Option<String>| text.map(|text| text.parse().unwrap());
            let pattern = Pattern { model: code(model), region: code(region), start: start.map(Hour) };
            prop_assert_eq!(pattern.to_string().parse::<Pattern>(), Ok(pattern));
        }

        #[test]
        fn any_text_is_a_pattern_or_refused(text in "[A-Z0-9*TZ-]{0,30}|.*") {
            let _ = text.parse::<Pattern>();
        }
    }
}
