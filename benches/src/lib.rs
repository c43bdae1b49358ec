//! Order flows, and who runs them: our book in its uses, the floors below it, and the books of others.

pub mod bare;
pub mod blocks;
pub mod books;
pub mod clock;
pub mod closing;
pub mod exchange;
pub mod flow;
pub mod peers;
pub mod reports;
pub mod resting;
pub mod wide;
