//! How a command of the program fails: one clear sentence, a code of its own, and an exit status.

use serde_json::json;
use std::fmt::Display;
use std::process::ExitCode;

/// What the exit status tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The exchange refused, or failed: 1.
    Refused,
    /// What was typed or configured cannot be done: 2.
    Usage,
    /// The exchange could not be reached: 3.
    Unreachable,
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the exit status says.
    pub(crate) status: Status,
    /// A code of its own, the same forever: `off-tick`, `NotEnoughCash`.
    pub(crate) code: String,
    /// One sentence with the offending value and what was expected.
    pub(crate) message: String,
}

/// What every subcommand ends in.
pub(crate) type Done = Result<(), Failure>;

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(code: &str, message: impl Display) -> Failure {
        Failure { status: Status::Usage, code: code.to_owned(), message: message.to_string() }
    }

    /// Refused by the exchange, or gone wrong in it.
    pub(crate) fn refused(code: impl Display, message: impl Display) -> Failure {
        Failure { status: Status::Refused, code: code.to_string(), message: message.to_string() }
    }

    /// Nobody to talk to.
    pub(crate) fn unreachable(code: &str, message: impl Display) -> Failure {
        Failure { status: Status::Unreachable, code: code.to_owned(), message: message.to_string() }
    }

    /// Prints it, for people on standard error or as JSON on standard output, and gives the exit status.
    pub(crate) fn tell(&self, as_json: bool) -> ExitCode {
        if as_json {
            crate::show::json(&json!({ "error": { "code": self.code, "message": self.message } }));
        } else {
            crate::show::error(&format!("cuex: {} [{}]", self.message, self.code));
        }
        ExitCode::from(match self.status {
            Status::Refused => 1,
            Status::Usage => 2,
            Status::Unreachable => 3,
        })
    }
}
