//! docs/matching.md names a test beside every rule: each is there, and runs.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/matching.md");

/// The files that hold the named tests.
const TESTS: [&str; 23] = [
    include_str!("auction_prices.rs"),
    include_str!("auctions.rs"),
    include_str!("bands.rs"),
    include_str!("blocks.rs"),
    include_str!("blocks_at_rest.rs"),
    include_str!("cascades.rs"),
    include_str!("checks.rs"),
    include_str!("conditions.rs"),
    include_str!("desk.rs"),
    include_str!("funds.rs"),
    include_str!("halts.rs"),
    include_str!("icebergs.rs"),
    include_str!("keys.rs"),
    include_str!("lasting.rs"),
    include_str!("limits.rs"),
    include_str!("mass_cancel.rs"),
    include_str!("orders.rs"),
    include_str!("pending.rs"),
    include_str!("phases.rs"),
    include_str!("random.rs"),
    include_str!("replace.rs"),
    include_str!("self_trade.rs"),
    include_str!("stops.rs"),
];

#[test]
fn every_test_the_page_names_exists() {
    let there: BTreeSet<&str> = TESTS.iter().flat_map(|file| tests_of(file)).collect();
    let named = named_tests(PAGE);
    assert!(named.len() > 100, "the page names only {named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !there.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/matching.md names tests that do not exist: {missing:?}");
}

#[test]
fn every_section_of_the_page_names_a_test() {
    assert_eq!(sections_without_test(PAGE), Vec::<&str>::new());
}

/// Names between backticks from "Test:" or "Tests:" to the end of the sentence.
fn named_tests(page: &str) -> Vec<&str> {
    let lists = page.split("Test: ").skip(1).chain(page.split("Tests: ").skip(1));
    let sentences = lists.filter_map(|list| list.split('.').next());
    sentences.flat_map(|list| list.split('`').skip(1).step_by(2)).collect()
}

fn sections_without_test(page: &str) -> Vec<&str> {
    let sections = page.split("\n## ").skip(1).filter(|section| named_tests(section).is_empty());
    sections.filter_map(|section| section.lines().next()).collect()
}

fn tests_of(file: &str) -> impl Iterator<Item = &str> {
    let heads = file.split("#[test]\nfn ").skip(1);
    heads.filter_map(|head| head.split_once('(').map(|(name, _)| name))
}

#[test]
fn a_page_that_names_nothing_is_caught() {
    let page = "# Page\n\n## One\n\nA rule. Test: `a_b`.\n\n## Two\n\nA rule. Tests: none.\n\n## Three\n\nTests: `c`,\n`d_e`. Not `f`.\n";
    assert_eq!(named_tests(page), ["a_b", "c", "d_e"]);
    assert_eq!(sections_without_test(page), ["Two"]);
    let names: Vec<_> = tests_of("#[test]\nfn here() {}\nfn helper() {}\n").collect();
    assert_eq!(names, ["here"]);
}
