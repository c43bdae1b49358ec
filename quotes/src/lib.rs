//! The comparison shopper: the cheapest ways to get so many accelerators for so many hours in a row, from what the
//! public books show. A pure function; it reads no clock and asks nobody.
//!
//! A way is one or more orders to buy that all start at the same hour:
//!
//! - all units from the single-slot orders of one class, swept slot by slot;
//! - all units from blocks that rest in one class for exactly that window, as the exchange would take them: the best
//!   limit first, of equal ones the earlier, each only if at least its minimum is still wanted;
//! - the cheapest split by units over several classes from single-slot orders. The cost of one more unit never falls
//!   within a class, so taking the cheapest next unit over all classes, again and again, is the cheapest split;
//! - as many units as it pays from one such block, the rest as the cheapest split.
//!
//! Every start within the asked time is looked at, and every class that fits. A slot counts only while it trades
//! continuously, and as far as its price bands allow. "Cheapest" is of value and fees; the split goes by fees before
//! they are rounded, the totals stated are exact, fill by fill. Of an iceberg the books show one clip, so a way can
//! come out cheaper than stated, and it does not come out dearer unless a book has changed.

mod blocks;
mod books;
mod keep;
mod request;
mod row;
mod search;
mod split;
mod way;

pub use books::{ClassBooks, SlotBook};
pub use request::{Request, RequestError};
pub use search::{Quote, quote};
pub use way::{How, Move, Part, Way};
