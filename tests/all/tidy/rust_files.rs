//! What a Rust file looks like: it says what it is for, stays short, is finished, and is safe.

use super::project::{Finding, TextFile, assert_clean, rust_files};
use super::tokens::{begins_with, tokens};

/// A file is about one thing; past this many lines it is about two.
const LINES_MAX: usize = 700;

/// Files that may be longer, each with its reason.
const LONGER: [&str; 0] = [];

/// Modules that may say `unsafe`, at most one per crate, each with its reason.
const UNSAFE_MODULES: [&str; 4] = [
    // The processor's prefetch instruction takes a pointer, though it reads nothing the program can see.
    "engine/src/prefetch.rs",
    // The runtime waits for a timer of the system's only if it is promised that it stays open.
    "simulator/src/load/alarm.rs",
    // Exported C functions read what the caller's pointers point to, and call the caller's functions.
    "benches/challenge/src/abi.rs",
    // Calls them as a caller does.
    "benches/challenge/tests/interface/library.rs",
];

#[test]
fn every_file_says_what_it_is_for() {
    assert_clean(rust_files().iter().filter_map(purpose_missing));
}

#[test]
fn no_file_is_too_long() {
    assert_clean(rust_files().iter().filter_map(|file| too_long(file, &LONGER)));
}

#[test]
fn unsafe_stands_only_in_listed_modules() {
    assert_clean(rust_files().iter().flat_map(|file| unsafe_words(file, &UNSAFE_MODULES)));
}

#[test]
fn the_lists_of_exceptions_are_used_and_short() {
    let files = rust_files();
    let find = |path: &str| files.iter().find(|file| file.path == path);
    for path in LONGER {
        assert!(
            find(path).is_some_and(|file| too_long(file, &[]).is_some()),
            "{path} is not long: unlist it"
        );
    }
    for path in UNSAFE_MODULES {
        let uses = find(path).is_some_and(|file| !unsafe_words(file, &[]).is_empty());
        assert!(uses, "{path} has no `unsafe`: unlist it");
    }
    assert_eq!(crate_listed_twice(&UNSAFE_MODULES), None, "at most one unsafe module per crate");
}

#[test]
fn nothing_is_left_unfinished() {
    assert_clean(rust_files().iter().flat_map(unfinished));
}

fn purpose_missing(file: &TextFile) -> Option<Finding> {
    let first = file.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|rest| !rest.trim().is_empty());
    (!says).then(|| Finding::new(&file.path, 1, "the first line must say what the file is for, after `//!`"))
}

fn too_long(file: &TextFile, exceptions: &[&str]) -> Option<Finding> {
    let lines = file.text.lines().count();
    let long = lines > LINES_MAX && !exceptions.contains(&file.path.as_str());
    long.then(|| Finding::new(&file.path, lines, format!("{lines} lines, at most {LINES_MAX}: split it")))
}

fn unsafe_words(file: &TextFile, allowed: &[&str]) -> Vec<Finding> {
    if allowed.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let words = tokens(file).into_iter().filter(|token| token.text == "unsafe");
    words.map(|token| Finding::new(&file.path, token.line, "`unsafe` outside the listed modules")).collect()
}

/// A package's tests are a crate of their own, beside the one in its `src`.
fn crate_listed_twice<'a>(modules: &[&'a str]) -> Option<&'a str> {
    let folder = |path: &'a str, name| path.find(name).map(|at| &path[..at + str::len(name)]);
    let of = |path: &&'a str| folder(path, "/src/").or(folder(path, "/tests/")).unwrap_or(path);
    let mut crates: Vec<_> = modules.iter().map(of).collect();
    crates.sort_unstable();
    crates.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn unfinished(file: &TextFile) -> Vec<Finding> {
    let tokens = tokens(file);
    let calls = (0..tokens.len()).filter(|&index| {
        ["todo !", "unimplemented !", "dbg !"].iter().any(|call| begins_with(&tokens[index..], call))
    });
    calls
        .map(|index| {
            let message = format!("`{}!` does not belong in finished code", tokens[index].text);
            Finding::new(&file.path, tokens[index].line, message)
        })
        .collect()
}

fn example(text: &str) -> TextFile {
    TextFile { path: "types/src/a.rs".to_owned(), text: text.to_owned() }
}

#[test]
fn a_file_without_a_purpose_is_caught() {
    assert!(purpose_missing(&example("use std::fmt;\n")).is_some());
    assert!(purpose_missing(&example("//!\n")).is_some());
    assert!(purpose_missing(&example("")).is_some());
    assert!(purpose_missing(&example("//! Prices.\n")).is_none());
}

#[test]
fn a_long_file_is_caught() {
    assert!(too_long(&example(&"\n".repeat(LINES_MAX + 1)), &[]).is_some());
    assert!(too_long(&example(&"\n".repeat(LINES_MAX + 1)), &["types/src/a.rs"]).is_none());
    assert!(too_long(&example(&"\n".repeat(LINES_MAX)), &[]).is_none());
}

#[test]
fn unsafe_is_caught_as_a_word_of_code_only() {
    let found = unsafe_words(&example("fn f() {\n    unsafe { g() }\n}"), &[]);
    assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    assert_eq!(unsafe_words(&example("unsafe fn f() {}"), &["types/src/a.rs"]), []);
    assert_eq!(unsafe_words(&example("// unsafe\n#![forbid(unsafe_code)]"), &[]), []);
    let twice = ["types/src/a.rs", "feed/src/b.rs", "types/src/c.rs"];
    assert_eq!(crate_listed_twice(&twice), Some("types/src/"));
    assert_eq!(crate_listed_twice(&["types/src/a.rs", "feed/src/b.rs", "types/tests/a.rs"]), None);
}

#[test]
fn unfinished_code_is_caught() {
    for bad in ["fn f() { todo!() }", "fn f() { unimplemented!(\"x\") }", "fn f() { dbg!(1); }"] {
        assert_eq!(unfinished(&example(bad)).len(), 1, "{bad}");
    }
    assert_eq!(unfinished(&example("fn todo() { \"todo!()\" }")), []);
}
