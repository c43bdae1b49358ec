//! Builds the market page out of `web/` with npm, into one HTML file that the program carries in itself. Without
//! npm, or when that fails, the program carries a page that says how to get the real one, and is built all the
//! same.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// What the page is made of, in `web/`.
const SOURCES: [&str; 5] = ["package.json", "package-lock.json", ".npmrc", "build.mjs", "src"];

/// Why the page could not be built.
enum Failure {
    /// There is no npm.
    NoNpm,
    /// Something went wrong; in one sentence.
    Wrong(String),
}

fn main() {
    let variable = |name| PathBuf::from(env::var_os(name).expect("cargo sets it for every build script"));
    let here = variable("CARGO_MANIFEST_DIR");
    let out = variable("OUT_DIR");
    let web = here.join("../web");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/web/no_page.html");
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", web.join(source).display());
    }
    let page = out.join("index.html");
    let built = build_page(&web, &out);
    println!("cargo:rustc-env=CUEX_PAGE={}", if built.is_ok() { "built" } else { "missing" });
    if let Err(failure) = built {
        say_why(&failure, &out);
        fs::copy(here.join("src/web/no_page.html"), &page).expect("the output folder can be written");
    }
}

fn build_page(web: &Path, out: &Path) -> Result<(), Failure> {
    if Command::new("npm").arg("--version").output().is_err() {
        return Err(Failure::NoNpm);
    }
    // Built in a copy, so that nothing is written among the sources.
    let copy = out.join("web");
    let installed = out.join("installed-lock.json");
    fs::create_dir_all(&copy).map_err(|error| Failure::Wrong(error.to_string()))?;
    for source in SOURCES {
        copy_all(&web.join(source), &copy.join(source))
            .map_err(|error| Failure::Wrong(format!("web/{source} cannot be copied: {error}")))?;
    }
    let lock = fs::read(copy.join("package-lock.json")).unwrap_or_default();
    if fs::read(&installed).ok() != Some(lock.clone()) {
        run(&copy, &["ci", "--omit=dev", "--no-fund", "--no-audit"])?;
        fs::write(&installed, lock).map_err(|error| Failure::Wrong(error.to_string()))?;
    }
    run(&copy, &["run", "--silent", "build", "--", &out.to_string_lossy()])
}

fn run(folder: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let said = Command::new("npm")
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|error| Failure::Wrong(format!("npm cannot be run: {error}")))?;
    if said.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&said.stderr);
    let first: Vec<&str> =
        errors.lines().map(str::trim).filter(|line| line.contains(" error ")).take(3).collect();
    Err(Failure::Wrong(format!("`npm {}` failed: {}", arguments[0], first.join("; "))))
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(|_| ());
    }
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    fs::read_dir(from)?.try_for_each(|entry| {
        let entry = entry?;
        copy_all(&entry.path(), &to.join(entry.file_name()))
    })
}

/// Warns, and has cargo try again when something may have changed.
fn say_why(failure: &Failure, out: &Path) {
    match failure {
        Failure::NoNpm => {
            println!(
                "cargo:warning=npm was not found, so the market page is left out: \
                 install Node.js with npm, then build again"
            );
            // Once npm is installed, a folder of the search path has changed.
            let path = env::var_os("PATH").unwrap_or_default();
            for folder in env::split_paths(&path).filter(|folder| folder.is_dir()) {
                println!("cargo:rerun-if-changed={}", folder.display());
            }
        }
        Failure::Wrong(sentence) => {
            println!("cargo:warning=the market page is left out: {sentence}");
            // A file that is never there: the next build tries again.
            println!("cargo:rerun-if-changed={}", out.join("try-again").display());
        }
    }
}
