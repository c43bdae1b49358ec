//! What all wire messages have in common: a struct that is its own bytes, and one way in and out.

use crate::header::{Frame, Header, MESSAGE_MAX, VERSION, WireError};
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A message of fixed length. Declared with [`message!`].
pub(crate) trait Wire: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Sized {
    /// Its number in the header, unique over both protocols.
    const KIND: u8;
    /// The header it starts with.
    const HEADER: Header = header_of(Self::KIND, size_of::<Self>());
}

/// Declares a wire message: a struct of fields in wire order with no gap between them, and its kind.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident = $kind:literal { $($field:ident: $type:ty,)* }) => {
        crate::wire::layout! { $(#[$doc])* $name { $($field: $type,)* } }

        impl crate::wire::Wire for $name {
            const KIND: u8 = $kind;
        }
    };
}

/// Declares a struct that is its own bytes: a message, or a part that several messages share.
macro_rules! layout {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(
            Clone,
            Copy,
            Debug,
            PartialEq,
            Eq,
            zerocopy::FromBytes,
            zerocopy::IntoBytes,
            zerocopy::Immutable,
            zerocopy::KnownLayout,
            zerocopy::Unaligned,
        )]
        #[repr(C)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }

        #[cfg(test)]
        impl $name {
            /// The fields as the documentation must show them: name, offset, length, type.
            pub(crate) const FIELDS: &'static [(&'static str, usize, usize, &'static str)] = &[
                $((
                    stringify!($field),
                    std::mem::offset_of!($name, $field),
                    size_of::<$type>(),
                    stringify!($type),
                ),)*
            ];
        }
    };
}

pub(crate) use {layout, message};

/// The header of a message of `kind` that is `length` bytes long. The length is checked when the message is
/// compiled.
pub(crate) const fn header_of(kind: u8, length: usize) -> Header {
    assert!(length <= MESSAGE_MAX && length.is_multiple_of(4));
    let bytes = length.to_le_bytes();
    Header { length: U16::from_bytes([bytes[0], bytes[1]]), kind, version: VERSION }
}

/// Reads a message of fixed length. The caller has looked at the kind.
pub(crate) fn read<M: Wire>(frame: Frame<'_>) -> Result<&M, WireError> {
    M::ref_from_bytes(frame.bytes).map_err(|_| WireError::WrongLength {
        kind: frame.kind,
        length: frame.bytes.len(),
        expected: size_of::<M>(),
    })
}

/// Appends a message.
pub(crate) fn put<M: Wire>(message: &M, out: &mut Vec<u8>) {
    out.extend_from_slice(message.as_bytes());
}
