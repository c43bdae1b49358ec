//! What the rules look at: the project's own files, and what a rule found in them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold nothing of ours, for a tree without git.
const NOT_OURS: [&str; 5] = [".git", "target", "data", "web/dist", "web/node_modules"];

/// One text file of the project.
pub(super) struct TextFile {
    /// Relative to the project's root, with `/` between the parts.
    pub(super) path: String,
    pub(super) text: String,
}

/// A rule broken at one place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) path: String,
    /// From 1.
    pub(super) line: usize,
    pub(super) message: String,
}

impl Finding {
    pub(super) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Finding { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// The folder that holds the workspace.
pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The path of every file of the project: what git tracks, and what it would track if added.
pub(super) fn paths() -> Vec<String> {
    let mut paths = paths_by_git().unwrap_or_else(|| {
        let mut found = Vec::new();
        walk(&root(), "", &mut found);
        found
    });
    paths.sort();
    paths.dedup();
    assert!(!paths.is_empty(), "the project has no files: the rules would hold of nothing");
    paths
}

/// Every file that is UTF-8 text.
pub(super) fn text_files() -> Vec<TextFile> {
    let read = |path: String| Some(TextFile { text: fs::read_to_string(root().join(&path)).ok()?, path });
    paths().into_iter().filter_map(read).collect()
}

/// Every Rust source file.
pub(super) fn rust_files() -> Vec<TextFile> {
    let files: Vec<_> = text_files().into_iter().filter(|file| file.path.ends_with(".rs")).collect();
    assert!(!files.is_empty(), "the project has no Rust files: the rules would hold of nothing");
    files
}

/// One named document at the root, which must be there.
pub(super) fn document(name: &str) -> TextFile {
    match fs::read_to_string(root().join(name)) {
        Ok(text) => TextFile { path: name.to_owned(), text },
        Err(error) => panic!("{name} must stand at the root of the project: {error}"),
    }
}

/// Fails, naming every place, when a rule found something.
pub(super) fn assert_clean(findings: impl IntoIterator<Item = Finding>) {
    let findings: Vec<_> = findings.into_iter().map(|finding| format!("\n  {finding}")).collect();
    assert!(
        findings.is_empty(),
        "the house rule is broken in {} place(s):{}",
        findings.len(),
        findings.concat()
    );
}

fn paths_by_git() -> Option<Vec<String>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let listed = String::from_utf8(listed.stdout).ok()?;
    let there = |path: &&str| !path.is_empty() && root().join(path).is_file();
    Some(listed.split('\0').filter(there).map(str::to_owned).collect())
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().unwrap();
        if kind.is_file() {
            found.push(path);
        } else if kind.is_dir() && !NOT_OURS.contains(&path.as_str()) {
            walk(&entry.path(), &format!("{path}/"), found);
        }
    }
}

#[test]
fn walking_finds_what_git_lists() {
    let mut walked = Vec::new();
    walk(&root(), "", &mut walked);
    for path in ["Cargo.toml", "tests/all/tidy/project.rs"] {
        assert!(walked.iter().any(|found| found == path), "walking the tree misses {path}");
        assert!(paths().iter().any(|found| found == path), "the list of files misses {path}");
    }
    assert!(!walked.iter().any(|path| path.starts_with("target/")));
}

#[test]
#[should_panic(expected = "a.rs:7: too odd")]
fn a_finding_fails_the_test_and_names_its_place() {
    assert_clean([Finding::new("a.rs", 7, "too odd")]);
}
