//! Framing: a stream of bytes cut into messages, each with a header of four bytes.

use crate::choice::Misfit;
use crate::close::CloseCode;
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The version of both protocols this code speaks.
pub const VERSION: u8 = 3;

/// The longest message in bytes, header and all.
pub const MESSAGE_MAX: usize = 4096;

/// The length of a message's header in bytes, and so of the shortest message.
pub const HEADER_LEN: usize = size_of::<Header>();

/// What every message starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Header {
    /// The length of the whole message with this header.
    pub(crate) length: U16,
    /// Which message it is.
    pub(crate) kind: u8,
    /// [`VERSION`].
    pub(crate) version: u8,
}

/// One whole message of a known length and the right version; its kind and fields are yet to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Which message it is.
    pub kind: u8,
    /// All of it, header included: [`HEADER_LEN`] to [`MESSAGE_MAX`] bytes.
    pub bytes: &'a [u8],
}

/// Why bytes are no message. Each is a violation that ends the connection with [`WireError::close_code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The stream ended inside a message.
    #[error("the stream ended inside a message, {have} bytes into it")]
    Truncated {
        /// How many bytes of the message came.
        have: usize,
    },
    /// The header states a length shorter than itself.
    #[error("a message of {length} bytes is shorter than its header of {HEADER_LEN}")]
    TooShort {
        /// The stated length.
        length: u16,
    },
    /// The header states a length above [`MESSAGE_MAX`].
    #[error("a message of {length} bytes is too long: expected at most {MESSAGE_MAX}")]
    TooLong {
        /// The stated length.
        length: u16,
    },
    /// The message is of another version.
    #[error("version {version} is not spoken here: expected {VERSION}")]
    WrongVersion {
        /// The stated version.
        version: u8,
    },
    /// There is no such message from this side of this protocol.
    #[error("there is no message of kind {kind:#04x} here")]
    UnknownKind {
        /// The stated kind.
        kind: u8,
    },
    /// The length does not go with the kind.
    #[error("a message of kind {kind:#04x} is {expected} bytes long, not {length}")]
    WrongLength {
        /// The kind.
        kind: u8,
        /// The stated length.
        length: usize,
        /// What that kind needs.
        expected: usize,
    },
    /// A field holds what names nothing.
    #[error(transparent)]
    BadValue(#[from] Misfit),
}

/// The whole messages in a buffer, one after the other. Stops at the first error, or where the bytes of the
/// next message are not all there; [`Frames::consumed`] says how far it came.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    buffer: &'a [u8],
    consumed: usize,
}

/// Cuts the first message off `buffer`: the message and what follows it, or `None` while its bytes are not
/// all there. A bad length or version shows as soon as the header is there.
///
/// # Errors
/// [`WireError::TooShort`], [`WireError::TooLong`], [`WireError::WrongVersion`].
pub fn split(buffer: &[u8]) -> Result<Option<(Frame<'_>, &[u8])>, WireError> {
    let Ok((header, _)) = Header::ref_from_prefix(buffer) else { return Ok(None) };
    let length = header.length.get();
    if usize::from(length) < HEADER_LEN {
        return Err(WireError::TooShort { length });
    }
    if usize::from(length) > MESSAGE_MAX {
        return Err(WireError::TooLong { length });
    }
    if header.version != VERSION {
        return Err(WireError::WrongVersion { version: header.version });
    }
    let whole = buffer.split_at_checked(usize::from(length));
    Ok(whole.map(|(bytes, rest)| (Frame { kind: header.kind, bytes }, rest)))
}

impl<'a> Frames<'a> {
    /// The messages in `buffer`, whose first byte is the first of a message.
    #[must_use]
    pub fn new(buffer: &'a [u8]) -> Frames<'a> {
        Frames { buffer, consumed: 0 }
    }

    /// How many bytes the messages given out so far make up. What follows them is to be kept and put before
    /// what comes next.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// To be asked when nothing more will come.
    ///
    /// # Errors
    /// [`WireError::Truncated`] if bytes of an unfinished message are left.
    pub fn finish(&self) -> Result<(), WireError> {
        match self.buffer.len() - self.consumed {
            0 => Ok(()),
            have => Err(WireError::Truncated { have }),
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = split(&self.buffer[self.consumed..]).transpose()?;
        Some(frame.map(|(frame, _)| {
            self.consumed += frame.bytes.len();
            frame
        }))
    }
}

impl WireError {
    /// With which code the connection ends.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            WireError::TooLong { .. } => CloseCode::TooLong,
            WireError::WrongVersion { .. } => CloseCode::WrongVersion,
            WireError::UnknownKind { .. } => CloseCode::UnknownKind,
            WireError::Truncated { .. }
            | WireError::TooShort { .. }
            | WireError::WrongLength { .. }
            | WireError::BadValue(_) => CloseCode::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_cut_wherever_the_bytes_break() {
        let stream =
            [[8, 0, 7, VERSION, 1, 2, 3, 4].as_slice(), &[4, 0, 9, VERSION], &[6, 0, 5, VERSION, 8, 8]]
                .concat();
        for end in 0..=stream.len() {
            let mut frames = Frames::new(&stream[..end]);
            let kinds: Vec<u8> = frames.by_ref().map(|frame| frame.unwrap().kind).collect();
            let (expected, consumed): (&[u8], usize) = match end {
                0..8 => (&[], 0),
                8..12 => (&[7], 8),
                12..18 => (&[7, 9], 12),
                _ => (&[7, 9, 5], 18),
            };
            assert_eq!((kinds.as_slice(), frames.consumed()), (expected, consumed));
            let left = end - consumed;
            let finish = if left == 0 { Ok(()) } else { Err(WireError::Truncated { have: left }) };
            assert_eq!(frames.finish(), finish);
        }
    }

    #[test]
    fn a_bad_header_shows_before_the_rest_has_come() {
        assert_eq!(split(&[3, 0, 1, VERSION]), Err(WireError::TooShort { length: 3 }));
        assert_eq!(split(&[1, 16, 1, VERSION]), Err(WireError::TooLong { length: 4097 }));
        assert_eq!(split(&[8, 0, 1, 1]), Err(WireError::WrongVersion { version: 1 }));
        assert_eq!(split(&[0, 16, 1, VERSION]), Ok(None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut frames = Frames::new(&bytes);
            let whole: usize = frames.by_ref().map_while(Result::ok).map(|frame| frame.bytes.len()).sum();
            prop_assert_eq!(whole, frames.consumed());
        }
    }
}
