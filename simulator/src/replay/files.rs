//! The files of a replay: comma-separated, with a header line, columns found by their names, others ignored.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::path::{Path, PathBuf};
use types::{Side, Ticks, Units};

/// An order that rests before the first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct SeedOrder {
    /// Its id at the source, at least 1.
    pub order_id: u64,
    /// `B` or `S`.
    #[serde(deserialize_with = "side")]
    pub side: Side,
    /// Its price in the source's unit.
    pub price: Ticks,
    /// What is left of it, at least 1.
    pub size: Units,
}

/// One recorded event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// The row of the source file; exceptions name it.
    pub src_row: u64,
    /// What happened.
    pub kind: EventKind,
    /// The resting order's id at the source; 0 for hidden trades.
    pub order_id: u64,
    /// The resting order's side, `B` or `S`.
    #[serde(deserialize_with = "side")]
    pub side: Side,
    /// Its price.
    pub price: Ticks,
    /// How much came, went or traded.
    pub size: Units,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An older order comes to be known: it rests from now on.
    Seed,
    /// A limit order rests.
    Add,
    /// A resting order loses `size` and keeps its place.
    Reduce,
    /// A resting order is gone.
    Delete,
    /// A resting order trades `size` with an incoming one.
    Execute,
    /// A trade that the visible book has no part in.
    HiddenTrade,
    /// A resting order of which nothing more is recorded is gone.
    Purge,
}

/// An execution in which the recorded exchange did not take the first order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Exception {
    /// The row of the source file.
    pub src_row: u64,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be opened.
    #[error("{}: {source}", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not in its form.
    #[error("{}, line {line}: {what}; expected the columns {expected}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong.
        what: String,
        /// The columns it should have.
        expected: &'static str,
    },
}

/// Reads the orders that rest before the first event.
///
/// # Errors
/// The file cannot be opened, or the first line that is not in its form.
pub fn read_seed(path: &Path) -> Result<Vec<SeedOrder>, ReplayError> {
    read(path, "order_id,side,price,size")
}

/// Reads recorded events.
///
/// # Errors
/// The file cannot be opened, or the first line that is not in its form.
pub fn read_events(path: &Path) -> Result<Vec<Event>, ReplayError> {
    read(path, "src_row,kind,order_id,side,price,size")
}

/// Reads the executions that are known exceptions.
///
/// # Errors
/// The file cannot be opened, or the first line that is not in its form.
pub fn read_exceptions(path: &Path) -> Result<Vec<Exception>, ReplayError> {
    read(path, "src_row")
}

fn read<T: DeserializeOwned>(path: &Path, expected: &'static str) -> Result<Vec<T>, ReplayError> {
    let open = |source| ReplayError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(open)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let read: Result<Vec<T>, csv::Error> = reader.deserialize().collect();
    read.map_err(|error| ReplayError::Line {
        path: path.to_owned(),
        line: error.position().map_or(1, csv::Position::line),
        what: describe(&error, reader.headers().ok()),
        expected,
    })
}

/// What is wrong, without the place, which is told apart.
fn describe(error: &csv::Error, header: Option<&csv::StringRecord>) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err.field().and_then(|field| header?.get(usize::try_from(field).ok()?));
            column.map_or(err.kind().to_string(), |column| format!("{column}: {}", err.kind()))
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, but the header has {expected_len}")
        }
        _ => error.to_string(),
    }
}

fn side<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Side, D::Error> {
    match String::deserialize(text)?.as_str() {
        "B" => Ok(Side::Buy),
        "S" => Ok(Side::Sell),
        other => Err(serde::de::Error::custom(format!("the side is `{other}`, not B or S"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn columns_are_found_by_name_and_others_ignored() {
        let text = "src_row,time_ns,kind,order_id,side,price,size\n\
            0,34200004241176,add,7,B,5853300,18\n3,34200004241177,hidden_trade,0,S,5853300,1\n";
        let events = read_events(file(text).path()).unwrap();
        let add = Event {
            src_row: 0,
            kind: EventKind::Add,
            order_id: 7,
            side: Side::Buy,
            price: 5_853_300,
            size: 18,
        };
        assert_eq!((events[0], events[1].kind), (add, EventKind::HiddenTrade));
        let seeds = read_seed(file("size, price ,side,order_id\r\n10,-5,S,1\r\n").path()).unwrap();
        assert_eq!(seeds, [SeedOrder { order_id: 1, side: Side::Sell, price: -5, size: 10 }]);
        let exceptions = read_exceptions(file("src_row,note\n2410,x\n").path()).unwrap();
        assert_eq!(exceptions, [Exception { src_row: 2410 }]);
    }

    #[test]
    fn a_bad_line_is_named_with_what_is_wrong() {
        let header = "src_row,kind,order_id,side,price,size\n";
        for (rows, line, what) in [
            ("0,add,7,B,1,1\n1,add,7,X,1,1\n", 3, "the side is `X`, not B or S"),
            ("0,jump,7,B,1,1\n", 2, "unknown variant `jump`"),
            ("0,add,7,B,1,-1\n", 2, "size"),
            ("0,add,7,B,1\n", 2, "5 fields, but the header has 6"),
        ] {
            match read_events(file(&format!("{header}{rows}")).path()).unwrap_err() {
                ReplayError::Line { line: at, what: told, .. } => {
                    assert_eq!(at, line, "{rows}");
                    assert!(told.contains(what), "{told}");
                }
                other => panic!("{other}"),
            }
        }
        let error = read_seed(file("order_id,side,price\n1,B,5\n").path()).unwrap_err().to_string();
        assert!(
            error.contains("missing field `size`") && error.contains("order_id,side,price,size"),
            "{error}"
        );
        assert!(matches!(read_seed(Path::new("/nowhere/at/all")), Err(ReplayError::Open { .. })));
    }
}
