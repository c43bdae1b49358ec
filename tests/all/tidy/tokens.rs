//! Rust source as a flat list of tokens, so that a rule does not stumble over a word in a comment or a string.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::project::TextFile;

/// A word, literal, delimiter or single punctuation character.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) text: String,
    /// From 1.
    pub(super) line: usize,
}

/// All tokens of `file`, in order. Comments are gone; doc comments are string literals.
pub(super) fn tokens(file: &TextFile) -> Vec<Token> {
    let stream = TokenStream::from_str(&file.text)
        .unwrap_or_else(|error| panic!("{} does not read as Rust: {error}", file.path));
    let mut flat = Vec::new();
    flatten(stream, &mut flat);
    flat
}

/// The tokens of `file` without its inline `#[cfg(test)] mod name { … }`.
pub(super) fn tokens_outside_tests(file: &TextFile) -> Vec<Token> {
    let all = tokens(file);
    let mut kept = Vec::new();
    let mut next = 0;
    while next < all.len() {
        if opens_test_module(&all[next..]) {
            next = end_of_block(&all, next);
        } else {
            kept.push(all[next].clone());
            next += 1;
        }
    }
    kept
}

/// Whether `tokens` begins with the words of `pattern`, which are separated by spaces; `_` stands for any one.
pub(super) fn begins_with(tokens: &[Token], pattern: &str) -> bool {
    let mut rest = tokens.iter();
    pattern.split(' ').all(|word| rest.next().is_some_and(|token| word == "_" || token.text == word))
}

fn opens_test_module(tokens: &[Token]) -> bool {
    begins_with(tokens, "# [ cfg ( test ) ] mod _ {")
}

/// The index after the block that first opens at or after `start` with a brace.
fn end_of_block(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (offset, token) in tokens[start..].iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return start + offset + 1,
            "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

fn flatten(stream: TokenStream, flat: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                flat.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), flat);
                flat.push(Token { text: close.to_owned(), line: group.span_close().start().line });
            }
            other => flat.push(Token { text: other.to_string(), line }),
        }
    }
}

#[test]
fn tokens_know_comments_strings_lifetimes_and_lines() {
    let text = "//! About unsafe.\nfn f<'a>(x: &'a str) {\n  // unsafe\n  g(\"unsafe\", '{', r#\"}\"#);\n}\n";
    let file = TextFile { path: "a.rs".to_owned(), text: text.to_owned() };
    let found = tokens(&file);
    assert!(found.iter().all(|token| token.text != "unsafe"));
    let call = found.iter().find(|token| token.text == "g").unwrap();
    assert_eq!(call.line, 4);
    assert_eq!(found.last().unwrap().line, 5);
}

#[test]
fn a_test_module_is_left_out_and_what_follows_it_kept() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { { c } } }\nfn d() {}\n";
    let file = TextFile { path: "a.rs".to_owned(), text: text.to_owned() };
    let words: Vec<_> = tokens_outside_tests(&file).into_iter().map(|token| token.text).collect();
    assert_eq!(words.join(" "), "fn a ( ) { } fn d ( ) { }");
}
