//! The documents are there, speak of every part of the house, and link to what exists.

use std::collections::BTreeSet;

use super::project::{Finding, TextFile, assert_clean, document, paths, root, text_files};

#[test]
fn the_documents_are_there() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"] {
        assert!(!document(name).text.trim().is_empty(), "{name} is empty");
    }
}

#[test]
fn the_architecture_mentions_every_room_and_folder() {
    let mut parts = workspace_members();
    parts.extend(top_level_folders(&paths()));
    assert_clean(unmentioned(&document("ARCHITECTURE.md"), &parts));
}

#[test]
fn links_lead_somewhere() {
    let paths = paths();
    let is_document = |file: &&TextFile| {
        file.path.ends_with(".md") && (!file.path.contains('/') || file.path.starts_with("docs/"))
    };
    let files = text_files();
    assert_clean(files.iter().filter(is_document).flat_map(|file| broken_links(file, &paths)));
}

fn workspace_members() -> BTreeSet<String> {
    let manifest = document("Cargo.toml").text.parse::<toml::Table>().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap().iter();
    let members: BTreeSet<_> = members.map(|member| member.as_str().unwrap().to_owned()).collect();
    assert!(members.iter().all(|member| root().join(member).is_dir()), "members are folders, not patterns");
    members
}

fn top_level_folders(paths: &[String]) -> BTreeSet<String> {
    paths.iter().filter_map(|path| Some(path.split_once('/')?.0.to_owned())).collect()
}

fn unmentioned(document: &TextFile, parts: &BTreeSet<String>) -> Vec<Finding> {
    let missing = parts.iter().filter(|part| !mentions(&document.text, part));
    missing.map(|part| Finding::new(&document.path, 1, format!("says nothing about `{part}/`"))).collect()
}

/// Whether `text` names the folder, as `` `name` `` or `name/`.
fn mentions(text: &str, name: &str) -> bool {
    let of_path = |c: char| c.is_alphanumeric() || "_-/.".contains(c);
    text.match_indices(name).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + name.len()..]);
        let as_code = before.ends_with('`') && after.starts_with('`');
        let as_folder = !before.ends_with(of_path) && after.starts_with('/');
        as_code || as_folder
    })
}

fn broken_links(document: &TextFile, paths: &[String]) -> Vec<Finding> {
    let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let broken =
        links(&document.text).into_iter().filter(|(_, target)| !leads_somewhere(folder, target, paths));
    broken
        .map(|(line, target)| Finding::new(&document.path, line, format!("`{target}` is not there")))
        .collect()
}

fn leads_somewhere(folder: &str, target: &str, paths: &[String]) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let Some(path) = resolve(folder, path) else { return false };
    let inside = format!("{path}/");
    path.is_empty() || paths.iter().any(|known| *known == path || known.starts_with(&inside))
}

/// `target` as seen from `folder`, from the root of the project; `None` when it leaves the project.
fn resolve(folder: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The line and target of every link and picture outside code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            links.extend(links_of_line(line).into_iter().map(|target| (index + 1, target)));
        }
    }
    links
}

fn links_of_line(line: &str) -> Vec<String> {
    // Every second piece between backticks is code.
    let prose: Vec<_> = line.split('`').step_by(2).collect();
    let prose = prose.join("`");
    let mut targets = Vec::new();
    for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
        for (start, _) in prose.match_indices(opening) {
            targets.extend(prose[start + opening.len()..].split(closing).next());
        }
    }
    if prose.starts_with('[') {
        targets.extend(prose.split_once("]: ").map(|(_, target)| target));
    }
    // A title may follow the target.
    targets.iter().filter_map(|target| Some(target.split_whitespace().next()?.to_owned())).collect()
}

fn example(text: &str) -> TextFile {
    TextFile { path: "docs/a.md".to_owned(), text: text.to_owned() }
}

#[test]
fn broken_links_are_caught() {
    let paths = ["README.md".to_owned(), "docs/b.md".to_owned(), "docs/pictures/page.png".to_owned()];
    let bad = "fine\n[x](c.md) ![p](pictures/none.png)\n[x]: ../none.md\n<img src=\"none.png\">\n[x](/README.md) [x](../../x)";
    let lines: Vec<_> = broken_links(&example(bad), &paths).iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [2, 2, 3, 4, 5, 5]);
    let good = "[a](b.md#part) [b](../README.md \"title\") ![c](pictures/page.png) [d](https://example.org/x) [e](#here)\n\
                [f](pictures/) [g](..) `[h](none.md)` a\n```\n[i](none.md)\n```\n";
    assert_eq!(broken_links(&example(good), &paths), []);
    assert_eq!(links(good).len(), 7, "every link is seen");
}

#[test]
fn an_unmentioned_room_is_caught() {
    let text = example("The types of the words. `engine` and feed/ and `journal/src`.");
    let parts = ["types", "engine", "feed", "journal", "src"].map(str::to_owned).into();
    let found: Vec<_> = unmentioned(&text, &parts).into_iter().map(|finding| finding.message).collect();
    assert_eq!(found, ["says nothing about `src/`", "says nothing about `types/`"]);
}

#[test]
fn folders_are_told_from_files() {
    let paths = ["Cargo.toml", "types/src/lib.rs", ".ci/run"].map(str::to_owned);
    assert_eq!(top_level_folders(&paths), [".ci", "types"].map(str::to_owned).into());
}
