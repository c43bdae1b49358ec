//! Whether the journal has room for what is about to be stamped. So a full disk is met before a command has its
//! place, while it can still be refused.
//!
//! Of the room that is left, the last parts are kept for those who make the market smaller: a sixteenth of a segment
//! for cancels and the exchange's own commands, a sixty-fourth for its own alone.

use crate::codec::RECORD_MAX;
use journal::{NoRoom, Space, batch_bytes};

/// This part of a segment is kept from orders.
const KEPT_FROM_ORDERS: u64 = 16;
/// This part of a segment is kept from cancels too.
const KEPT_FROM_CANCELS: u64 = 64;

/// Who asks for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// Commands of the orders lane.
    Orders,
    /// Commands of the cancels lane.
    Cancels,
    /// The exchange's own commands.
    Own,
}

/// The room of a journal, asked for by the one who stamps.
pub(crate) struct Room {
    space: Space,
    /// The bytes that were given to the journal, appended by now or not.
    given: u64,
    /// False after orders were refused for want of room, until there is some again.
    is_open: bool,
}

impl Room {
    pub(crate) fn new(space: Space) -> Room {
        let given = space.appended();
        Room { space, given, is_open: true }
    }

    /// True if so many commands, in one batch, can surely be appended behind all that was given. Waits for a segment
    /// that is being prepared, not for a full disk.
    pub(crate) fn is_for(&self, commands: usize, whom: For) -> bool {
        let most = self.space.most();
        let kept = match whom {
            For::Orders => most / KEPT_FROM_ORDERS,
            For::Cancels => most / KEPT_FROM_CANCELS,
            For::Own => 0,
        };
        let pending = self.given - self.space.appended();
        let needed = pending + batch_bytes(commands.saturating_mul(RECORD_MAX)) + kept;
        // Commands alone always fit, as no more are taken than a batch holds.
        let needed = needed.min(most);
        self.space.room() >= needed
            || match self.space.wait_for(needed) {
                Ok(()) => true,
                Err(NoRoom::Full { .. }) => false,
                // The journal says itself why it ends, when it needs what it cannot have.
                Err(NoRoom::TooMuch { .. } | NoRoom::Failed(_) | NoRoom::Ended) => true,
            }
    }

    /// A batch with so many bytes of records is on its way to the journal.
    pub(crate) fn give(&mut self, records: usize) {
        self.given += batch_bytes(records);
    }

    /// Says so, once, when orders are refused, and when they are taken again.
    pub(crate) fn tell(&mut self, is_open: bool) {
        match (self.is_open, is_open) {
            (true, false) => tracing::error!("the disk is full: orders are refused until there is space"),
            (false, true) => tracing::info!("there is space again: orders are taken"),
            _ => {}
        }
        self.is_open = is_open;
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("given", &self.given).field("is_open", &self.is_open).finish()
    }
}
