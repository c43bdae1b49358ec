//! Why a saved state is none.

use crate::audit::AuditError;
use crate::digest::Digest;
use types::{OrderId, RejectCode};

/// Why no engine comes of some records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A kind of record that comes elsewhere.
    #[error("{found} comes after {after}, where {expected} or a later kind should")]
    Turn {
        /// What came.
        found: &'static str,
        /// What came last.
        after: &'static str,
        /// The first that could have come.
        expected: &'static str,
    },
    /// A number that is not the next, or not the one that is due.
    #[error("{what} is {found}, expected {expected}")]
    Number {
        /// Of what.
        what: &'static str,
        /// The number.
        found: i128,
        /// The one that was due.
        expected: i128,
    },
    /// A number out of its range.
    #[error("{what} is {found}, expected {least} to {most}")]
    Range {
        /// Of what.
        what: &'static str,
        /// The number.
        found: i128,
        /// The lowest.
        least: i128,
        /// The highest.
        most: i128,
    },
    /// Something is named that is not there.
    #[error("{by} names {what} {found}, which is not there")]
    Unknown {
        /// What is named.
        what: &'static str,
        /// Its number or text.
        found: String,
        /// In what it is named.
        by: &'static str,
    },
    /// The same comes again.
    #[error("{what} {found} comes twice")]
    Twice {
        /// What.
        what: &'static str,
        /// Its number or text.
        found: String,
    },
    /// A value that does not go with another.
    #[error("{what} {found}: expected {expected}")]
    Conflict {
        /// Of what.
        what: &'static str,
        /// Its number or text.
        found: String,
        /// What holds of all of them.
        expected: &'static str,
    },
    /// The terms of an order are none that are let in.
    #[error("order {order} has terms that are refused: {}", code.sentence(*value))]
    Terms {
        /// Which.
        order: OrderId,
        /// Why.
        code: RejectCode,
        /// The value that goes with it.
        value: i64,
    },
    /// It does not add up.
    #[error("the restored state does not add up: {0}")]
    Audit(#[source] Box<AuditError>),
    /// It is not what was saved.
    #[error("the restored state has the digest {found}, expected {expected}")]
    Digest {
        /// The digest of what was restored.
        found: Digest,
        /// That of what was saved.
        expected: Digest,
    },
}

/// Checks that a number is no more than another.
pub(super) fn at_most(what: &'static str, found: u64, most: u64) -> Result<(), RestoreError> {
    in_range(what, found, 0, most)
}

/// Checks that a number is in a range.
pub(super) fn in_range<T: Into<i128> + Copy + PartialOrd>(
    what: &'static str,
    found: T,
    least: T,
    most: T,
) -> Result<(), RestoreError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(RestoreError::Range { what, found: found.into(), least: least.into(), most: most.into() })
}

/// Checks that a number is the one that is due.
pub(super) fn is_next<T: Into<i128>>(what: &'static str, found: T, expected: T) -> Result<(), RestoreError> {
    let (found, expected) = (found.into(), expected.into());
    if found == expected { Ok(()) } else { Err(RestoreError::Number { what, found, expected }) }
}

pub(super) fn unknown(what: &'static str, found: impl ToString, by: &'static str) -> RestoreError {
    RestoreError::Unknown { what, found: found.to_string(), by }
}

pub(super) fn twice(what: &'static str, found: impl ToString) -> RestoreError {
    RestoreError::Twice { what, found: found.to_string() }
}

pub(super) fn conflict(what: &'static str, found: impl ToString, expected: &'static str) -> RestoreError {
    RestoreError::Conflict { what, found: found.to_string(), expected }
}
