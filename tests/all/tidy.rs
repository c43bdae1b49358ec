//! The rules of the house that no compiler checks: who may import whom, what a file looks like, and that the
//! documents speak of what is there. Each rule is a pure function from text to findings, run over the whole
//! project by one test and shown a bad example by another.

mod documents;
mod imports;
mod project;
mod purity;
mod rust_files;
mod text_files;
mod tokens;
