//! The bytes of one segment, read through a buffer of bounded size: [`Window`].

use crate::disk::DiskFile;
use crate::format::{ALIGNMENT, FRAME_HEADER, FrameHeader, MAX_FRAME, begins_frame};
use std::io;

/// How much is read at once. It holds the longest frame, and some of them, so that frames cut by its end are few.
const CAPACITY: usize = 4 << 20;
/// How much of a segment's rest is looked through at once.
const STEP: usize = 64 << 10;
static ZEROS: [u8; STEP] = [0; STEP];
const _: () = assert!(CAPACITY > MAX_FRAME + STEP);

/// A segment's file with the part of it that was read last.
pub(crate) struct Window {
    file: Box<dyn DiskFile>,
    /// Length of the file.
    size: u64,
    /// Where in the file the buffer begins.
    start: u64,
    buffer: Vec<u8>,
}

/// What a segment holds from some offset on, where no frame begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Zeros,
    /// An intact frame begins at `later`.
    Batch { later: u64 },
    /// Something else, of this length up to the last byte that is not zero.
    Bytes { length: u64 },
}

impl Window {
    pub(crate) fn open(file: Box<dyn DiskFile>) -> io::Result<Self> {
        Ok(Self { size: file.length()?, file, start: 0, buffer: Vec::new() })
    }

    /// Length of the segment.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The `length` bytes from `offset` on, or as many as the segment has. At most [`CAPACITY`].
    pub(crate) fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = length.min(left);
        let end = self.start + self.buffer.len() as u64;
        if offset < self.start || offset + length as u64 > end {
            self.buffer.resize(CAPACITY.min(left), 0);
            self.start = offset;
            if let Err(error) = self.file.read_at(offset, &mut self.buffer) {
                // What the buffer holds now is not what stands in the file.
                self.buffer.clear();
                return Err(error);
            }
        }
        Ok(self.held(offset, length))
    }

    /// Bytes of which [`Window::bytes`] said just now that they are here.
    pub(crate) fn held(&self, offset: u64, length: usize) -> &[u8] {
        let at = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        &self.buffer[at..at + length]
    }

    /// The header of the frame at `offset`, if an intact one begins there. The whole frame is then held.
    pub(crate) fn frame_at(&mut self, offset: u64, seed: u32) -> io::Result<Option<FrameHeader>> {
        let Some(header) = FrameHeader::decode(self.bytes(offset, FRAME_HEADER)?) else { return Ok(None) };
        let length = header.frame_length();
        let frame = self.bytes(offset, length)?;
        let intact = frame.len() == length && header.is_intact(seed, frame);
        Ok(intact.then_some(header))
    }

    /// Judges what follows `offset`, where no frame begins.
    pub(crate) fn rest_after(&mut self, offset: u64, seed: u32) -> io::Result<Rest> {
        let mut end = offset;
        let mut position = offset;
        while position < self.size {
            let step = self.bytes(position, STEP)?;
            let length = step.len();
            // A whole segment of zeros is looked through at each start: compared as a block, that takes no time.
            if *step == ZEROS[..length] {
                position += length as u64;
                continue;
            }
            let Some(last) = step.iter().rposition(|byte| *byte != 0) else {
                position += length as u64;
                continue;
            };
            end = position + last as u64 + 1;
            // Offsets of frames are multiples of the alignment, as are `offset` and the step.
            let candidates: Vec<u64> = (position..end)
                .step_by(ALIGNMENT)
                .zip(step.chunks(ALIGNMENT))
                .filter_map(|(at, bytes)| begins_frame(bytes).then_some(at))
                .collect();
            for later in candidates {
                if self.frame_at(later, seed)?.is_some() {
                    return Ok(Rest::Batch { later });
                }
            }
            position += length as u64;
        }
        Ok(if end == offset { Rest::Zeros } else { Rest::Bytes { length: end - offset } })
    }
}
