//! Keys: the private half, kept in a file that its owner alone can read, and the public half as people type it.

use rcgen::{KeyPair, PKCS_ED25519};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::PublicKey;

/// More than any key file of ours; a longer file is none.
const KEY_FILE_MAX: u64 = 4_096;

/// An Ed25519 key pair. Cheap to clone. Says only its public half when printed.
#[derive(Clone)]
pub struct PrivateKey {
    pair: Arc<KeyPair>,
    public: PublicKey,
}

/// Why a key file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is a file of that name, and keys are never overwritten.
    #[error("{0} exists already, and a key is never overwritten: choose another name or move it away")]
    Exists(PathBuf),
    /// There is no file of that name.
    #[error("there is no key file {0}: `cuex key new` makes one")]
    Missing(PathBuf),
    /// Others than its owner could read or write the file.
    #[error("others than its owner may use the key file {path} (mode {mode:03o}): `chmod 600` it first")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{0} is no key file: expected an Ed25519 private key in PEM (PKCS #8)")]
    NotAKey(PathBuf),
    /// The file could not be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A text that is no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no public key: expected 64 hexadecimal digits")]
pub struct PublicKeyError(String);

impl PrivateKey {
    /// A new key from the system's randomness.
    #[must_use]
    pub fn generate() -> PrivateKey {
        let pair = KeyPair::generate_for(&PKCS_ED25519).expect("the system's randomness is there");
        PrivateKey::of(pair).expect("an Ed25519 public key has 32 bytes")
    }

    /// The public half: what the operator registers and the other end of a connection sees.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Writes the key to a new file that its owner alone can read, and syncs it.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] if there is such a file; [`KeyFileError::Io`] if it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        let wrong = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
            _ => KeyFileError::Io { path: path.to_owned(), source },
        };
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(wrong)?;
        file.write_all(self.pair.serialize_pem().as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)
    }

    /// Reads a key from its file.
    ///
    /// # Errors
    /// [`KeyFileError`] if the file is missing, open to others, no Ed25519 key, or unreadable.
    pub fn load(path: &Path) -> Result<PrivateKey, KeyFileError> {
        let wrong = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
            io::ErrorKind::InvalidData => KeyFileError::NotAKey(path.to_owned()),
            _ => KeyFileError::Io { path: path.to_owned(), source },
        };
        let file = File::open(path).map_err(wrong)?;
        // Asked of the open file, so that what is checked is what is read.
        let mode = file.metadata().map_err(wrong)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Open { path: path.to_owned(), mode });
        }
        let mut pem = String::new();
        file.take(KEY_FILE_MAX).read_to_string(&mut pem).map_err(wrong)?;
        KeyPair::from_pkcs8_pem_and_sign_algo(&pem, &PKCS_ED25519)
            .ok()
            .and_then(PrivateKey::of)
            .ok_or_else(|| KeyFileError::NotAKey(path.to_owned()))
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pair
    }

    fn of(pair: KeyPair) -> Option<PrivateKey> {
        let public = PublicKey(pair.public_key_raw().try_into().ok()?);
        Some(PrivateKey { pair: Arc::new(pair), public })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public)
    }
}

/// Reads a public key as [`PublicKey`] prints it: 64 hexadecimal digits, of either case.
///
/// # Errors
/// [`PublicKeyError`] with the text if it is none.
pub fn parse_public_key(text: &str) -> Result<PublicKey, PublicKeyError> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    let is_hex = digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok();
        *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default();
    }
    if is_hex { Ok(PublicKey(bytes)) } else { Err(PublicKeyError(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_key_comes_back_from_its_file_which_its_owner_alone_can_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broker.key");
        let key = PrivateKey::generate();
        key.save(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(PrivateKey::load(&path).unwrap().public(), key.public());
        assert_ne!(PrivateKey::generate().public(), key.public());
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broker.key");
        let first = PrivateKey::generate();
        first.save(&path).unwrap();
        assert!(matches!(PrivateKey::generate().save(&path), Err(KeyFileError::Exists(at)) if at == path));
        assert_eq!(PrivateKey::load(&path).unwrap().public(), first.public());
    }

    #[test]
    fn a_file_that_is_missing_open_to_others_or_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broker.key");
        assert!(matches!(PrivateKey::load(&path), Err(KeyFileError::Missing(_))));

        PrivateKey::generate().save(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(PrivateKey::load(&path), Err(KeyFileError::Open { mode: 0o640, .. })));

        for (name, content) in [("text", b"hello".as_slice()), ("bytes", &[0xff; 64]), ("empty", b"")] {
            let path = dir.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(PrivateKey::load(&path), Err(KeyFileError::NotAKey(_))), "{name}");
        }
    }

    #[test]
    fn a_key_of_another_kind_is_no_key_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.key");
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        fs::write(&path, other.serialize_pem()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(PrivateKey::load(&path), Err(KeyFileError::NotAKey(_))));
    }

    #[test]
    fn printing_a_key_shows_its_public_half_only() {
        let key = PrivateKey::generate();
        assert_eq!(format!("{key:?}"), format!("PrivateKey(of {})", key.public()));
    }

    #[test]
    fn public_keys_are_64_hexadecimal_digits() {
        let key = PrivateKey::generate().public();
        assert_eq!(parse_public_key(&key.to_string()), Ok(key));
        assert_eq!(parse_public_key(&key.to_string().to_uppercase()), Ok(key));
        let signed = "+1".repeat(32);
        let odd = "a".repeat(63);
        let wide = "ä".repeat(32);
        for bad in ["", "12", odd.as_str(), signed.as_str(), wide.as_str()] {
            assert_eq!(parse_public_key(bad), Err(PublicKeyError(bad.to_owned())));
        }
    }
}
