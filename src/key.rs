//! `cuex key`: key pairs, made where they are used. Only the public half ever leaves. And how they end: a key is
//! replaced by its owner, or revoked by the operator.

use crate::connect::{Target, command_failure};
use crate::fail::{Done, Failure};
use crate::{show, typed};
use clap::Subcommand;
use client::{CommandError, Session};
use serde_json::json;
use std::path::{Path, PathBuf};
use transport::{KeyFileError, PrivateKey};
use types::KeyNo;

/// Make, show, replace and revoke keys.
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
    /// Put a new key in the place of yours: makes NAME.key and ends what --key names. Your orders go on.
    #[command(after_help = "Example:\n  cuex key rotate --key acme.key acme-2027")]
    Rotate {
        #[command(flatten)]
        target: Target,
        /// The file to make, without its `.key`; may have a directory before it.
        name: String,
    },
    /// Operator: from now on a key may do nothing, and its sessions end.
    #[command(after_help = "Example:\n  cuex key revoke --key cuex-data/operator.key 3 --why 'lost laptop'")]
    Revoke {
        #[command(flatten)]
        target: Target,
        /// The key's number, as `cuex account list` shows it.
        number: u32,
        /// Why, for `cuex audit`: up to 63 printable ASCII characters, at least one.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
}

pub(crate) async fn run(command: KeyCommand, as_json: bool) -> Done {
    let (file, key) = match command {
        KeyCommand::New { name } => make(&name)?,
        KeyCommand::Show { file } => {
            let key = PrivateKey::load(&file).map_err(key_failure)?;
            (file, key)
        }
        KeyCommand::Rotate { target, name } => return rotate(&target, &name, as_json).await,
        KeyCommand::Revoke { target, number, why } => return revoke(&target, number, &why, as_json).await,
    };
    if as_json {
        show::json(&json!({ "file": file, "public_key": key.public().to_string() }));
    } else {
        show::line(&format!("{}  {}", key.public(), file.display()));
    }
    Ok(())
}

/// A new key in a new file.
fn make(name: &str) -> Result<(PathBuf, PrivateKey), Failure> {
    let file = PathBuf::from(format!("{}.key", name.trim_end_matches(".key")));
    let key = PrivateKey::generate();
    key.save(&file).map_err(key_failure)?;
    Ok((file, key))
}

/// The new key is on the disk before the exchange hears of it, so that whatever happens one of the two speaks.
async fn rotate(target: &Target, name: &str, as_json: bool) -> Done {
    let session = target.session().await?;
    let old = session.welcome().key;
    let (file, key) = make(name)?;
    let new = match session.rotate_key(key.public()).await {
        // Whether it was done is not known: whoever comes in with the new key knows.
        Err(error @ CommandError::Session(_)) => {
            let (info, _) = target.read()?;
            let session = Session::connect(&info, &key).await.map_err(|_| command_failure(error))?;
            session.welcome().key
        }
        outcome => outcome.map_err(command_failure)?,
    };
    if as_json {
        let public = key.public().to_string();
        show::json(&json!({ "file": file, "public_key": public, "key": new.0, "replaces": old.0 }));
    } else {
        show::line(&format!(
            "key {new} in {} takes the place of key {old}, which is of no use any more",
            file.display()
        ));
    }
    Ok(())
}

async fn revoke(target: &Target, number: u32, why: &str, as_json: bool) -> Done {
    let why = typed::why(why)?;
    if why.as_str().trim().is_empty() {
        return Err(Failure::usage("bad-reason", "a key is revoked for a reason: say --why TEXT"));
    }
    let session = target.session().await?;
    session.revoke_key(KeyNo(number), why.clone()).await.map_err(command_failure)?;
    session.close().await;
    if as_json {
        show::json(&json!({ "key": number, "revoked": true, "why": why.as_str() }));
    } else {
        show::line(&format!("key {number} is revoked"));
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
