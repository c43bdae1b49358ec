//! What holds for every text file: no mark of unfinished work, no path of one machine, no private registry.

use super::project::{Finding, TextFile, assert_clean, text_files};

/// Written in two halves, so that this file passes its own rule.
const MARKS: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X")];

/// The beginnings of paths that exist on one machine only.
const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Where the packages of the lock files come from, for everybody.
const REGISTRIES: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/"];

#[test]
fn no_file_holds_a_mark_of_unfinished_work() {
    assert_clean(text_files().iter().flat_map(marks));
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    assert_clean(text_files().iter().flat_map(machine_paths));
}

#[test]
fn lock_files_name_only_the_public_registries() {
    let is_lock =
        |file: &&TextFile| ["Cargo.lock", "package-lock.json"].iter().any(|name| file.path.ends_with(name));
    let files = text_files();
    let locks: Vec<_> = files.iter().filter(is_lock).collect();
    assert!(!locks.is_empty(), "Cargo.lock must be part of the project");
    assert_clean(locks.into_iter().flat_map(foreign_registries));
}

fn marks(file: &TextFile) -> Vec<Finding> {
    find_lines(file, |line| {
        MARKS
            .iter()
            .find(|mark| holds_word(line, mark))
            .map(|mark| format!("`{mark}`: finish it, or say why it stands"))
    })
}

fn machine_paths(file: &TextFile) -> Vec<Finding> {
    find_lines(file, |line| {
        let found = MACHINE_PATHS.iter().find(|start| begins_a_path(line, start));
        found.map(|start| format!("`{start}…` exists on one machine only"))
    })
}

fn foreign_registries(file: &TextFile) -> Vec<Finding> {
    find_lines(file, |line| {
        let (key, value) = line.split_once(['=', ':'])?;
        let names_source = ["source", "resolved"].contains(&key.trim().trim_matches('"'));
        let source = value.trim().trim_matches([',', '"']);
        let public = REGISTRIES.iter().any(|registry| source.starts_with(registry));
        (names_source && !public).then(|| format!("`{source}` is not a public registry"))
    })
}

/// The findings of a rule that looks at one line at a time.
fn find_lines(file: &TextFile, rule: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    lines.filter_map(|(index, line)| Some(Finding::new(&file.path, index + 1, rule(line)?))).collect()
}

/// Whether `word` stands in `line` with nothing of a word before or after it.
fn holds_word(line: &str, word: &str) -> bool {
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        !line[..start].ends_with(of_word) && !line[start + word.len()..].starts_with(of_word)
    })
}

/// Whether `start` begins an absolute path in `line`, rather than go on with a longer path or address.
fn begins_a_path(line: &str, start: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "._-~/$}*".contains(c);
    line.match_indices(start).any(|(index, _)| !line[..index].ends_with(goes_on))
}

fn example(text: impl Into<String>) -> TextFile {
    TextFile { path: "docs/a.md".to_owned(), text: text.into() }
}

#[test]
fn marks_are_caught_as_whole_words() {
    for mark in MARKS {
        assert_eq!(marks(&example(format!("fine\n// {mark}: later\n")))[0].line, 2);
        assert_eq!(marks(&example(format!("AB{mark}CD"))), []);
    }
}

#[test]
fn machine_paths_are_caught_and_addresses_are_not() {
    for start in MACHINE_PATHS {
        assert_eq!(machine_paths(&example(format!("see `{start}x`"))).len(), 1);
        assert_eq!(machine_paths(&example(format!("{start}x"))).len(), 1);
        assert_eq!(machine_paths(&example(format!("https://example.org{start}x and ~{start}x"))), []);
    }
}

#[test]
fn a_foreign_registry_is_caught() {
    let bad = [
        "source = \"registry+https://mirror.example/index\"",
        "  \"resolved\": \"http://mirror.example/a.tgz\",",
    ];
    for line in bad {
        assert_eq!(foreign_registries(&example(line)).len(), 1, "{line}");
    }
    for registry in REGISTRIES {
        assert_eq!(foreign_registries(&example(format!("source = \"{registry}\""))), []);
    }
    assert_eq!(foreign_registries(&example("\"homepage\": \"https://example.org\"")), []);
}
