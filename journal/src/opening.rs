//! A journal that is being opened: [`Opening`]. Its batches are taken one after the other, by whoever likes to do something
//! else in between; only when all of them have been, and nobody had anything against them, is anything written.

use crate::damage::ReadError;
use crate::disk::{Disk, DiskFile};
use crate::journal::{Journal, OpenError, Options};
use crate::reader::{Batch, Reader, Summary};
use crate::segment::segment_name;
use std::sync::Arc;

/// A directory that is locked and read. Dropped before its end it leaves everything as it was found.
pub struct Opening {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) lock: Box<dyn DiskFile>,
    pub(crate) options: Options,
    pub(crate) reader: Reader,
}

impl Opening {
    /// The next batch, checked; `None` after the last.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, OpenError> {
        let expected = self.options.rules_version;
        let Some(batch) = self.reader.next_batch()? else { return Ok(None) };
        if batch.rules_version != expected {
            let (segment, found) = (segment_name(batch.segment), batch.rules_version);
            return Err(ReadError::RulesVersion { segment, found, expected }.into());
        }
        Ok(Some(batch))
    }

    /// Reads what has not been read, cuts a torn tail, makes the end durable and opens the journal for writing.
    pub fn finish(mut self) -> Result<(Journal, Summary), OpenError> {
        while self.next_batch()?.is_some() {}
        Journal::at_end(self.disk, self.lock, &self.options, self.reader.into_end()?)
    }
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("read", self.reader.summary()).finish_non_exhaustive()
    }
}
