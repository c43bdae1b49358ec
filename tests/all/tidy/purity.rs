//! The engine is a pure state machine. Clippy holds it to that by name (engine/clippy.toml); these rules catch
//! what clippy has no name for.

use super::project::{Finding, TextFile, assert_clean, rust_files};
use super::tokens::{Token, begins_with, tokens_outside_tests};

/// Modules of the standard library that reach outside the engine's state.
const OUTSIDE: [&str; 7] = ["env", "fs", "io", "net", "process", "thread", "time"];

/// Lints that no clippy.toml can turn on; the engine's lib.rs must.
const ENGINE_LINTS: [&str; 2] = ["clippy::float_arithmetic", "clippy::iter_over_hash_type"];

fn engine_files() -> Vec<TextFile> {
    rust_files().into_iter().filter(|file| file.path.starts_with("engine/src/")).collect()
}

#[test]
fn the_engine_knows_no_float() {
    assert_clean(engine_files().iter().flat_map(floats));
}

#[test]
fn the_engine_reaches_for_nothing_outside_its_state() {
    assert_clean(engine_files().iter().flat_map(outside_reached));
}

#[test]
fn the_engine_has_no_global() {
    assert_clean(engine_files().iter().flat_map(globals));
}

#[test]
fn the_engine_turns_its_lints_on() {
    let lib = engine_files().into_iter().find(|file| file.path == "engine/src/lib.rs").unwrap();
    assert_clean(missing_lints(&lib));
}

fn floats(file: &TextFile) -> Vec<Finding> {
    let tokens = tokens_outside_tests(file);
    let mut findings = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        // `pair.0.1` reads as a dot and the literal 0.1.
        let field = index > 0 && tokens[index - 1].text == ".";
        if ["f32", "f64"].contains(&token.text.as_str()) || (is_float_literal(&token.text) && !field) {
            let message = format!("`{}`: the engine counts in integers", token.text);
            findings.push(Finding::new(&file.path, token.line, message));
        }
    }
    findings
}

fn is_float_literal(word: &str) -> bool {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    rest.len() < word.len()
        && word.starts_with(|c: char| c.is_ascii_digit())
        && [".", "e", "E", "f32", "f64"].iter().any(|mark| rest.starts_with(mark))
}

fn outside_reached(file: &TextFile) -> Vec<Finding> {
    let tokens = tokens_outside_tests(file);
    let mut findings = Vec::new();
    for index in 0..tokens.len() {
        if begins_with(&tokens[index..], "std : :") {
            let reached = modules_named(&tokens[index + 3..]);
            let outside = reached.into_iter().filter(|module| OUTSIDE.contains(&module.text.as_str()));
            findings.extend(outside.map(|module| {
                let message = format!("`std::{}`: the engine has no clock, thread or I/O", module.text);
                Finding::new(&file.path, module.line, message)
            }));
        }
    }
    // A length of time is a number like any other.
    findings
}

/// The modules right after `std::`: one, or those of the outermost braces.
fn modules_named(tokens: &[Token]) -> Vec<&Token> {
    if tokens.first().is_some_and(|token| token.text != "{") {
        return tokens.iter().take(1).collect();
    }
    let mut depth = 0;
    let mut named = Vec::new();
    for pair in tokens.windows(2) {
        match pair[0].text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 1 && ["{", ","].contains(&pair[0].text.as_str()) {
            named.push(&pair[1]);
        }
    }
    named
}

fn globals(file: &TextFile) -> Vec<Finding> {
    let tokens = tokens_outside_tests(file);
    let is_item = |pair: &&[Token]| pair[1].text == "static" && pair[0].text != "'";
    let find = |pair: &[Token]| {
        Finding::new(&file.path, pair[1].line, "`static`: the engine has no global; use a const")
    };
    tokens.windows(2).filter(is_item).map(find).collect()
}

fn missing_lints(lib: &TextFile) -> Vec<Finding> {
    let denied: Vec<_> = lib.text.lines().filter(|line| line.starts_with("#![deny(")).collect();
    let missing = ENGINE_LINTS.into_iter().filter(|lint| !denied.iter().any(|line| line.contains(lint)));
    missing.map(|lint| Finding::new(&lib.path, 1, format!("must say `#![deny({lint})]`"))).collect()
}

fn example(text: &str) -> TextFile {
    TextFile { path: "engine/src/a.rs".to_owned(), text: text.to_owned() }
}

#[test]
fn floats_are_caught() {
    for bad in ["fn f(x: f64) {}", "const A: u8 = 1.5 as u8;", "fn f() { g(1e3) }", "fn f() { g(1f32) }"] {
        assert_eq!(floats(&example(bad)).len(), 1, "{bad}");
    }
    for good in ["// f64\nfn f() { p.0.1 + 0x1e3 + 1usize + 1_000 }", "fn f() { 0..1 }"] {
        assert_eq!(floats(&example(good)), [], "{good}");
    }
    assert_eq!(floats(&example("fn a() {}\n#[cfg(test)]\nmod tests { const A: f64 = 1.0; }")), []);
}

#[test]
fn reaching_outside_is_caught() {
    for bad in [
        "use std::time::Instant;",
        "fn f() { std::fs::read(p) }",
        "use std::{fmt, net};",
        "use std::{collections::{BTreeMap, BTreeSet}, thread};",
    ] {
        assert_eq!(outside_reached(&example(bad)).len(), 1, "{bad}");
    }
    for good in
        ["use std::fmt;", "use std::{fmt, mem};", "fn f(net: i64, time: u64) {}", "use crate::time::Time;"]
    {
        assert_eq!(outside_reached(&example(good)), [], "{good}");
    }
}

#[test]
fn globals_are_caught_and_lifetimes_are_not() {
    assert_eq!(globals(&example("pub static COUNT: u32 = 0;")).len(), 1);
    assert_eq!(globals(&example("const A: &'static str = \"static\";")), []);
}

#[test]
fn a_missing_lint_is_caught() {
    assert_eq!(missing_lints(&example("//! A.\n#![deny(clippy::float_arithmetic)]\n")).len(), 1);
    assert_eq!(
        missing_lints(&example("#![deny(clippy::float_arithmetic, clippy::iter_over_hash_type)]\n")),
        []
    );
}
