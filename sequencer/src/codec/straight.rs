//! Reading a batch's records straight into where they are to lie. A [`Stamped`] is as long as its longest command, and
//! [`decode`] hands each one up through a few results, copying it every time: three quarters of what reading a journal
//! cost. The three kinds of which nearly all of a journal consists are put together in place here; whatever is of
//! another kind, or is no record, goes the long way, which also says what is wrong.

use super::orders::{NewOrderBody, OrderRefBody, ReplaceBody};
use super::{Header, RECORD_VERSION, RecordError, decode, kind};
use std::mem::size_of;
use types::{Command, Stamped, Timestamp};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Reads the record at the start of `bytes`, appends its command, and gives the bytes behind it: the very same as
/// [`decode`]. After an error nothing was appended.
pub(crate) fn decode_onto<'a>(bytes: &'a [u8], commands: &mut Vec<Stamped>) -> Result<&'a [u8], RecordError> {
    if let Some(rest) = common(bytes, commands) {
        return Ok(rest);
    }
    let (stamped, rest) = decode(bytes)?;
    commands.push(stamped);
    Ok(rest)
}

/// The same for a sound record of a common kind. `None`: it is not one.
#[inline]
fn common<'a>(bytes: &'a [u8], commands: &mut Vec<Stamped>) -> Option<&'a [u8]> {
    let (header, rest) = Header::ref_from_prefix(bytes).ok()?;
    if header.version != RECORD_VERSION {
        return None;
    }
    let (sequence, time) = (header.sequence.get(), Timestamp(header.time.get()));
    let sender = header.sender().ok()?;
    match header.kind {
        kind::NEW_ORDER => {
            let (body, rest) = body::<NewOrderBody>(header, rest)?;
            let command = Command::NewOrder(body.sound()?);
            commands.push(Stamped { sequence, time, sender, command });
            Some(rest)
        }
        kind::CANCEL => {
            let (body, rest) = body::<OrderRefBody>(header, rest)?;
            let command = Command::Cancel(body.sound()?);
            commands.push(Stamped { sequence, time, sender, command });
            Some(rest)
        }
        kind::REPLACE => {
            let (body, rest) = body::<ReplaceBody>(header, rest)?;
            let command = body.sound()?;
            commands.push(Stamped { sequence, time, sender, command });
            Some(rest)
        }
        _ => None,
    }
}

/// The body behind a header, if the header's length is that of it.
#[inline]
fn body<'a, B: FromBytes + KnownLayout + Immutable + Unaligned>(
    header: &Header,
    rest: &'a [u8],
) -> Option<(&'a B, &'a [u8])> {
    let is_as_long = usize::from(header.length) == size_of::<Header>() + size_of::<B>();
    if is_as_long { B::ref_from_prefix(rest).ok() } else { None }
}
