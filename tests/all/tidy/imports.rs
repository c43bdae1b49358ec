//! Who may import whom. Cargo itself is asked what each room's manifest says, so that renamed, inherited and
//! platform-only dependencies count too.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::project::{Finding, TextFile, assert_clean, document, root};

/// Each room, and the rooms its code may import. The root package imports what it likes.
const MAY_IMPORT: [(&str, &[&str]); 16] = [
    ("types", &[]),
    ("journal", &[]),
    ("engine", &["types"]),
    ("sequencer", &["types", "engine", "journal"]),
    ("protocol", &["types"]),
    ("transport", &["types", "protocol"]),
    ("gateway", &["types", "protocol", "transport", "sequencer"]),
    ("feed", &["types", "protocol", "transport", "sequencer"]),
    ("client", &["types", "protocol", "transport"]),
    ("quotes", &["types", "protocol"]),
    ("simulator", &["types", "client", "engine"]),
    ("floors", &["types", "protocol", "transport", "journal", "sequencer", "gateway"]),
    ("benches", &["types", "engine", "journal", "sequencer", "challenge"]),
    ("challenge", &["types", "engine"]),
    ("fuzz", &["types", "engine", "journal", "sequencer", "protocol", "transport", "gateway", "client"]),
    ("faults", &["types", "engine", "journal", "sequencer", "protocol", "gateway", "client"]),
];

/// Two rooms that never import each other, not even in tests.
const STRANGERS: [(&str, &str); 2] = [("gateway", "feed"), ("feed", "gateway")];

/// The crates of others that the engine may use: none of them knows a clock, a thread, a socket or chance.
const ENGINE_CRATES: [&str; 3] = ["blake3", "rustc-hash", "thiserror"];

/// One line of a manifest: `from` depends on `to`.
#[derive(Debug, Clone)]
struct Import {
    from: String,
    to: String,
    /// Only tests, examples and benches of `from` see it.
    dev: bool,
}

#[test]
fn rooms_import_only_what_the_architecture_allows() {
    let (members, imports) = workspace();
    let wrong =
        imports.iter().filter_map(|import| Some((import, forbidden_between_rooms(import, &members)?)));
    assert_clean(wrong.map(|(import, message)| at_manifest_line(import, &message)));
}

#[test]
fn the_engine_uses_only_listed_crates() {
    let (_, imports) = workspace();
    let wrong = imports.iter().filter_map(|import| Some((import, forbidden_to_engine(import)?)));
    assert_clean(wrong.map(|(import, message)| at_manifest_line(import, &message)));
}

#[test]
fn every_room_is_listed() {
    let (members, _) = workspace();
    assert_clean(unlisted(&members).into_iter().map(|room| {
        Finding::new(
            "Cargo.toml",
            1,
            format!("`{room}` is not in MAY_IMPORT of the tidy test: say what it may import"),
        )
    }));
}

#[test]
fn the_map_of_the_architecture_says_the_same() {
    assert_clean(map_differs(&document("ARCHITECTURE.md")));
}

/// Why `import` is wrong, if it is one between two rooms and the table does not allow it.
fn forbidden_between_rooms(import: &Import, members: &[String]) -> Option<String> {
    let Import { from, to, dev } = import;
    if from == "cuex" || !members.contains(to) {
        return None;
    }
    if STRANGERS.contains(&(from, to)) {
        return Some(format!("`{from}` and `{to}` never import each other"));
    }
    let (_, allowed) = MAY_IMPORT.iter().find(|(room, _)| room == from)?;
    let fine = *dev || allowed.contains(&to.as_str());
    (!fine).then(|| format!("`{from}` may not import `{to}`, only {allowed:?}"))
}

fn forbidden_to_engine(import: &Import) -> Option<String> {
    let Import { from, to, dev } = import;
    let fine = from != "engine" || *dev || to == "types" || ENGINE_CRATES.contains(&to.as_str());
    (!fine).then(|| format!("`engine` may not use `{to}`, only {ENGINE_CRATES:?}"))
}

fn unlisted(members: &[String]) -> Vec<&str> {
    let listed = |name: &str| name == "cuex" || MAY_IMPORT.iter().any(|(room, _)| *room == name);
    members.iter().map(String::as_str).filter(|name| !listed(name)).collect()
}

/// Where the map's table, one row per room with its imports in the third column, differs from `MAY_IMPORT`.
fn map_differs(map: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (room, allowed) in MAY_IMPORT {
        let row_begins = format!("| [`{room}/`]");
        let Some((index, row)) = map.text.lines().enumerate().find(|(_, row)| row.starts_with(&row_begins))
        else {
            findings.push(Finding::new(
                &map.path,
                1,
                format!("the map has no row that begins `{row_begins}`"),
            ));
            continue;
        };
        let column = row.split('|').nth(3).unwrap_or_default();
        let says = |name: &str| column.split(|c: char| !c.is_alphanumeric()).any(|word| word == name);
        if MAY_IMPORT.iter().any(|(other, _)| says(other) != allowed.contains(other)) {
            let message =
                format!("the map says `{room}` imports{column}but the tidy test allows {allowed:?}");
            findings.push(Finding::new(&map.path, index + 1, message));
        }
    }
    findings
}

fn at_manifest_line(import: &Import, message: &str) -> Finding {
    let path =
        if import.from == "cuex" { "Cargo.toml".to_owned() } else { format!("{}/Cargo.toml", import.from) };
    let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
    let line = text.lines().position(|line| line.starts_with(&import.to)).map_or(1, |index| index + 1);
    Finding::new(&path, line, message)
}

/// The names of the workspace's packages, and everything their manifests depend on.
fn workspace() -> (Vec<String>, Vec<Import>) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let (members, imports) = read_metadata(&serde_json::from_slice(&output.stdout).unwrap());
    let sees = imports.iter().any(|import| import.from == "engine" && import.to == "types");
    assert!(sees, "not even engine's import of types is seen: the rules would hold of nothing");
    (members, imports)
}

fn read_metadata(metadata: &Value) -> (Vec<String>, Vec<Import>) {
    let mut members = Vec::new();
    let mut imports = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let from = package["name"].as_str().unwrap();
        members.push(from.to_owned());
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap().to_owned();
            imports.push(Import { from: from.to_owned(), to, dev: dependency["kind"] == "dev" });
        }
    }
    (members, imports)
}

#[test]
fn metadata_tells_dev_dependencies_apart() {
    let dependencies =
        serde_json::json!([{"name": "types", "kind": null}, {"name": "client", "kind": "dev"}]);
    let metadata = serde_json::json!({"packages": [{"name": "feed", "dependencies": dependencies}]});
    let (members, imports) = read_metadata(&metadata);
    assert_eq!(members, ["feed"]);
    let read: Vec<_> = imports.iter().map(|import| (import.to.as_str(), import.dev)).collect();
    assert_eq!(read, [("types", false), ("client", true)]);
}

#[test]
fn wrong_imports_are_caught_and_right_ones_are_not() {
    let members: Vec<String> = MAY_IMPORT.iter().map(|(room, _)| (*room).to_owned()).collect();
    let import = |from: &str, to: &str, dev| Import { from: from.to_owned(), to: to.to_owned(), dev };
    let wrong = |from, to, dev| forbidden_between_rooms(&import(from, to, dev), &members).is_some();
    assert!(wrong("engine", "journal", false));
    assert!(wrong("types", "engine", false));
    assert!(wrong("journal", "types", false));
    assert!(wrong("gateway", "feed", true));
    assert!(wrong("feed", "gateway", false));
    assert!(!wrong("sequencer", "journal", false));
    assert!(!wrong("client", "gateway", true));
    assert!(!wrong("cuex", "feed", false));
    assert!(!wrong("gateway", "quinn", false));

    assert!(forbidden_to_engine(&import("engine", "tokio", false)).is_some());
    assert!(forbidden_to_engine(&import("engine", "proptest", true)).is_none());
    assert!(forbidden_to_engine(&import("gateway", "tokio", false)).is_none());
    assert_eq!(unlisted(&["types".to_owned(), "attic".to_owned()]), ["attic"]);
}

#[test]
fn no_two_rooms_import_each_other() {
    for (room, allowed) in MAY_IMPORT {
        for other in allowed {
            let (_, back) = MAY_IMPORT.iter().find(|(name, _)| name == other).unwrap();
            assert!(!back.contains(&room), "{room} and {other} import each other");
        }
    }
}

#[test]
fn a_map_that_says_otherwise_is_caught() {
    let row = |(room, allowed): &(&str, &[&str])| {
        format!("| [`{room}/`]({room}) | a room | {} | |", allowed.join(", "))
    };
    let rows: Vec<_> = MAY_IMPORT.iter().map(row).collect();
    let map = |text: String| TextFile { path: "ARCHITECTURE.md".to_owned(), text };
    assert_eq!(map_differs(&map(rows.join("\n"))), []);
    assert_eq!(map_differs(&map(rows.join("\n").replacen("| types |", "| types, journal |", 1)))[0].line, 3);
    assert_eq!(map_differs(&map(rows[1..].join("\n"))).len(), 1);
}
