//! Public books as they stand: a session with the feed that has everything that was asked for.

use crate::connect::{class_numbered, session_failure};
use crate::fail::Failure;
use client::{ExchangeInfo, FeedSession, Pattern, PrivateKey};
use protocol::market_data::Depth;
use std::collections::BTreeSet;
use types::{Class, Code};

/// A feed lets one session have so many subscriptions; with more classes than that, wider ones are asked for.
const PATTERNS_MAX: usize = 60;

/// Subscribes to the books of all patterns and waits until they are there, whole, proven, and as they were at one moment.
pub(crate) async fn subscribe(
    info: &ExchangeInfo,
    key: &PrivateKey,
    patterns: impl IntoIterator<Item = Pattern>,
) -> Result<FeedSession, Failure> {
    let mut feed = FeedSession::connect(info, key).await.map_err(|error| session_failure(&error))?;
    for pattern in patterns {
        feed.subscribe(pattern, Depth::Book);
    }
    match feed.until_served().await.map_err(|error| session_failure(&error))? {
        None => Ok(feed),
        Some(refused) => {
            let message = format!("the feed refused the subscription: {:?}", refused.code);
            Err(Failure::refused(refused.code, message))
        }
    }
}

/// Patterns for all contracts of these classes, and of others only if it takes too many otherwise.
pub(crate) fn patterns(all: &[Class], wanted: &[Class]) -> Vec<Pattern> {
    let by_class = |class: &Class| Pattern {
        model: Some(class.spec.model),
        region: Some(class.spec.region),
        start: None,
    };
    let is_wanted = |class: &Class| class_numbered(wanted, class.no).is_some();
    if all.iter().all(is_wanted) {
        return vec![Pattern::default()];
    }
    if wanted.len() <= PATTERNS_MAX {
        return wanted.iter().map(by_class).collect();
    }
    let models: BTreeSet<Code> = wanted.iter().map(|class| class.spec.model).collect();
    if models.len() <= PATTERNS_MAX {
        let by_model = |model| Pattern { model: Some(model), region: None, start: None };
        return models.into_iter().map(by_model).collect();
    }
    vec![Pattern::default()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ClassNo, ClassSpec};

    #[test]
    fn no_more_patterns_are_asked_for_than_a_session_may_have() {
        let class = |no: u16, models: u16| {
            let code = |letter: char, no: u16| format!("{letter}{no}").parse().unwrap();
            let spec =
                ClassSpec { model: code('M', no % models), region: code('R', no), ..ClassSpec::example() };
            Class { no: ClassNo(no), spec }
        };
        let count = |classes: u16, models: u16, wanted: u16| {
            let all: Vec<Class> = (0..classes).map(|no| class(no, models)).collect();
            let wanted: Vec<Class> = (0..wanted).map(|no| class(no, models)).collect();
            let patterns = patterns(&all, &wanted);
            for class in &wanted {
                assert!(patterns.iter().any(|pattern| pattern.matches_class(&class.spec)));
            }
            patterns.len()
        };
        assert_eq!(count(600, 20, 600), 1, "all of them");
        assert_eq!(count(600, 20, 3), 3, "one each");
        assert_eq!(count(600, 20, 599), 20, "one a model");
        assert_eq!(count(600, 300, 599), 1, "no other way");
    }
}
