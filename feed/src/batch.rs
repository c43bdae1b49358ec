//! What sessions are given: pieces of one batch, each encoded once, copied into a bounded queue of every session that is
//! to have it.

use crate::hub::{QUEUE_BYTES_MAX, SessionId};
use crate::subscriptions::SubscriptionId;
use protocol::CloseCode;
use protocol::market_data::Depth;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::Notify;
use types::{ContractId, KeyNo, PublicKey, Sequence};

/// A subscriber that is connected.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) public: PublicKey,
    pub(crate) key: KeyNo,
    pub(crate) wake: Arc<Notify>,
    pub(crate) queue: Vec<u8>,
    /// What of the batch goes into the queue next.
    pub(crate) stretch: Range<usize>,
    /// The last piece it was given of each depth, so that two subscriptions do not bring it twice.
    pub(crate) last_pieces: [u64; 3],
    /// The last command in several contracts of which it was given something.
    pub(crate) command: Sequence,
    pub(crate) subscriptions: BTreeMap<u32, SubscriptionId>,
    /// Those whose snapshots are not all out, in the order in which they came.
    pub(crate) pending: VecDeque<SubscriptionId>,
    /// Ends with this code; when all it was given is taken, or at once for one that is cut.
    pub(crate) ends: Option<CloseCode>,
    pub(crate) cut: bool,
}

/// What has been released since the last flush, encoded.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// The contracts whose best bid or ask has changed; what they are is told at the flush.
    pub(crate) tops: BTreeSet<ContractId>,
    /// How many pieces were ever encoded; the number of the last.
    pub(crate) pieces: u64,
    /// The sessions that are given something of it.
    pub(crate) touched: Vec<SessionId>,
    /// Those that are given something of the command in several contracts that is being released.
    pub(crate) concerned: Vec<SessionId>,
}

/// A part of the batch that a session is given whole or not at all.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) number: u64,
    pub(crate) place: Range<usize>,
}

impl Session {
    /// A session of this key that has been given nothing.
    pub(crate) fn new(public: PublicKey, key: KeyNo) -> Session {
        Session {
            public,
            key,
            wake: Arc::default(),
            queue: Vec::new(),
            stretch: 0..0,
            last_pieces: [0; 3],
            command: 0,
            subscriptions: BTreeMap::new(),
            pending: VecDeque::new(),
            ends: None,
            cut: false,
        }
    }

    /// Gives it a piece of a depth, unless another of its subscriptions has brought that already.
    pub(crate) fn give_once(&mut self, depth: Depth, id: SessionId, piece: &Piece, batch: &mut Batch) {
        let last = &mut self.last_pieces[depth_no(depth)];
        if *last != piece.number {
            *last = piece.number;
            self.give(id, piece, batch);
        }
    }

    /// Gives it a piece. Pieces that follow each other are copied together.
    pub(crate) fn give(&mut self, id: SessionId, piece: &Piece, batch: &mut Batch) {
        if piece.place.is_empty() {
            return;
        }
        if self.stretch.is_empty() {
            batch.touched.push(id);
            self.stretch = piece.place.clone();
        } else if self.stretch.end == piece.place.start {
            self.stretch.end = piece.place.end;
        } else {
            self.flush(&batch.bytes);
            self.stretch = piece.place.clone();
        }
    }

    /// Copies what it was given of the batch into its queue; with too much waiting there it is cut.
    pub(crate) fn flush(&mut self, batch: &[u8]) {
        let bytes = &batch[std::mem::take(&mut self.stretch)];
        if self.queue.len() + bytes.len() > QUEUE_BYTES_MAX {
            self.cut(CloseCode::TooSlow);
        }
        if !self.cut {
            self.queue.extend_from_slice(bytes);
        }
    }

    /// Ends it at once: what it was given is not sent any more.
    pub(crate) fn cut(&mut self, code: CloseCode) {
        if !self.cut {
            (self.cut, self.ends) = (true, Some(code));
            self.queue = Vec::new();
            self.wake.notify_one();
        }
    }
}

impl Batch {
    /// Encodes the next piece.
    pub(crate) fn piece(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Piece {
        let start = self.bytes.len();
        encode(&mut self.bytes);
        self.pieces += 1;
        Piece { number: self.pieces, place: start..self.bytes.len() }
    }
}

/// The place of a depth in [`Session::last_pieces`].
pub(crate) fn depth_no(depth: Depth) -> usize {
    match depth {
        Depth::Book => 0,
        Depth::Top => 1,
        Depth::Trades => 2,
    }
}
