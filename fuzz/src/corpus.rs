//! The corpus of a target: a folder of small files, each an input that is tried first of all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The inputs kept for one target.
#[derive(Clone, Debug)]
pub struct Corpus {
    folder: PathBuf,
}

impl Corpus {
    /// The corpus of the target of this name, beside this crate's sources.
    #[must_use]
    pub fn of(name: &str) -> Corpus {
        Corpus::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name))
    }

    /// The files of a folder, which need not be there.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Corpus {
        Corpus { folder: folder.into() }
    }

    /// Every file, by name.
    ///
    /// # Errors
    /// The file system's.
    pub fn read(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry?.path());
        }
        paths.sort();
        paths.into_iter().map(|path| Ok((path.clone(), fs::read(path)?))).collect()
    }

    /// Writes an input under a name made of its content, in the folder, or where that cannot be written to, among
    /// the temporary files.
    ///
    /// # Errors
    /// The file system's, if it cannot be written there either.
    pub fn save(&self, input: &[u8]) -> io::Result<PathBuf> {
        let name = format!("{:08x}", crc32c::crc32c(input));
        let written = fs::create_dir_all(&self.folder).and_then(|()| {
            let path = self.folder.join(&name);
            fs::write(&path, input).map(|()| path)
        });
        written.or_else(|_| {
            let path = std::env::temp_dir().join(format!("cuex-fuzz-{name}"));
            fs::write(&path, input).map(|()| path)
        })
    }
}
