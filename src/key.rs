//! `cuex key`: key pairs, made where they are used. Only the public half ever leaves.

use crate::fail::{Done, Failure};
use crate::show;
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use transport::{KeyFileError, PrivateKey};

/// Make and show keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key pair: writes NAME.key, readable by you alone, and prints the public key.
    #[command(after_help = "Example:\n  cuex key new acme")]
    New {
        /// The file to make, without its `.key`; may have a directory before it.
        name: String,
    },
    /// Print the public key of a key file.
    #[command(after_help = "Example:\n  cuex key show acme.key")]
    Show {
        /// The key file.
        file: PathBuf,
    },
}

pub(crate) fn run(command: KeyCommand, as_json: bool) -> Done {
    let (file, key) = match command {
        KeyCommand::New { name } => {
            let file = PathBuf::from(format!("{}.key", name.trim_end_matches(".key")));
            let key = PrivateKey::generate();
            key.save(&file).map_err(key_failure)?;
            (file, key)
        }
        KeyCommand::Show { file } => {
            let key = PrivateKey::load(&file).map_err(key_failure)?;
            (file, key)
        }
    };
    if as_json {
        show::json(&json!({ "file": file, "public_key": key.public().to_string() }));
    } else {
        show::line(&format!("{}  {}", key.public(), file.display()));
    }
    Ok(())
}

/// The key in a file, which is made if it is not there; true if it was made.
pub(crate) fn load_or_make(file: &Path) -> Result<(PrivateKey, bool), Failure> {
    match PrivateKey::load(file) {
        Err(KeyFileError::Missing(_)) => {
            let key = PrivateKey::generate();
            key.save(file).map_err(key_failure)?;
            Ok((key, true))
        }
        found => Ok((found.map_err(key_failure)?, false)),
    }
}

/// What is wrong with a key file is the user's to mend.
pub(crate) fn key_failure(error: KeyFileError) -> Failure {
    let code = match &error {
        KeyFileError::Exists(_) => "key-exists",
        KeyFileError::Missing(_) => "no-key-file",
        KeyFileError::Open { .. } => "key-open-to-others",
        KeyFileError::NotAKey(_) => "not-a-key",
        KeyFileError::Io { .. } => "key-file",
    };
    Failure::usage(code, error)
}
