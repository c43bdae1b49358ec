//! What a world is to go through: how long it lives, which faults come to it, which promise it breaks.

use rand::RngExt;
use rand::rngs::StdRng;

/// How a world is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many steps it takes before the faults stop.
    pub steps: u32,
    /// The promise that is broken on purpose.
    pub broken: Option<Break>,
}

/// A promise broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The disk's syncs do nothing, as if the program made none.
    NoSync,
    /// What is released does not wait for its sync.
    ReleaseBeforeSync,
    /// The gateway forgets at a restart which numbers were taken.
    GatewayForgetsNumbers,
    /// The gateway's mirror is not told of every batch.
    MirrorMissesBatch,
    /// One report in many never reaches its session.
    ReportLost,
    /// Bytes of a finished batch are cut off the journal behind its back, at a restart.
    LastBatchCut,
    /// One command in many is sent on once more, under another number.
    CommandSentAgain,
    /// What has rotted is read as if it had not.
    RotPassedOver,
}

/// How often each kind of fault comes to a world: of a thousand steps about so many. A world has some of them only,
/// so that those it has can go far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// The process is killed; what it wrote stays.
    pub(crate) kills: u32,
    /// The power fails between two steps of the exchange.
    pub(crate) power: u32,
    /// The power fails in the middle of an operation of the disk that is yet to come.
    pub(crate) power_within: u32,
    /// The exchange stops in good order and is started again.
    pub(crate) stops: u32,
    /// Of a hundred starts, how many lose power on the way.
    pub(crate) power_at_start: u32,
    /// An operation of the disk fails.
    pub(crate) disk: u32,
    /// The disk fills up, and is given space again later.
    pub(crate) full: u32,
    /// Of a hundred times that the exchange is down, how often a bit of the disk rots.
    pub(crate) rot: u32,
    /// Syncs take long for a while.
    pub(crate) slow: u32,
    /// A connection is lost.
    pub(crate) cuts: u32,
    /// Of a hundred times that something is written to a stream that only repeats may follow, how often it is written
    /// twice.
    pub(crate) doubles: u32,
    /// A client dies and comes back knowing what it was told.
    pub(crate) deaths: u32,
    /// A client logs out in good order.
    pub(crate) leaves: u32,
    /// Somebody comes with a key that is in use.
    pub(crate) rivals: u32,
    /// The clock is set, either way.
    pub(crate) clock: u32,
    /// A trader puts a new key in the place of its own.
    pub(crate) rotations: u32,
    /// The operator revokes a trader's key.
    pub(crate) revocations: u32,
    /// The operator registers a key, some of them for a short time.
    pub(crate) registrations: u32,
    /// Of a million unsynced sectors, how many a power failure leaves wrong.
    pub(crate) garble: u32,
}

impl Plan {
    /// So many steps, and nothing broken on purpose.
    #[must_use]
    pub fn steps(steps: u32) -> Plan {
        Plan { steps, broken: None }
    }

    /// The same with a promise broken.
    #[must_use]
    pub fn breaking(self, promise: Break) -> Plan {
        Plan { broken: Some(promise), ..self }
    }
}

impl Faults {
    /// None of them.
    pub(crate) fn none() -> Faults {
        Faults::default()
    }

    /// The faults of one world: each kind is there or not, and often or not.
    pub(crate) fn draw(random: &mut StdRng) -> Faults {
        let mut often = |most: u32| if random.random_bool(0.4) { random.random_range(1..=most) } else { 0 };
        Faults {
            kills: often(6),
            power: often(8),
            power_within: often(8),
            stops: often(3),
            power_at_start: often(60),
            disk: often(8),
            full: often(5),
            rot: often(60),
            slow: often(6),
            cuts: often(25),
            doubles: often(10),
            deaths: often(6),
            leaves: often(6),
            rivals: often(3),
            clock: often(15),
            rotations: often(8),
            revocations: often(5),
            registrations: often(15),
            garble: often(500_000),
        }
    }
}
