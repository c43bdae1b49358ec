//! Printing: the one place where the program writes to its standard output and error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use serde_json::Value;
use std::io::Write;

/// Prints a line for people.
pub(crate) fn line(text: &str) {
    // A reader that went away, as in `cuex orders | head`, is no failure.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a value for machines, on one line.
pub(crate) fn json(value: &Value) {
    line(&value.to_string());
}

/// Prints a line about something that went wrong.
pub(crate) fn error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints rows in columns as wide as they need, the first row being the heading. Columns named in `right` are
/// aligned to the right.
pub(crate) fn table(right: &[usize], rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| match right.contains(&column) {
            true => format!("{cell:>width$}", width = widths[column]),
            false => format!("{cell:<width$}", width = widths[column]),
        });
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// A number with commas between the thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
    }
}
