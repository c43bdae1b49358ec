//! A connection between a client and the gateway as the network sees it: five ordered streams of bytes that arrive in
//! pieces of any size, and are cut off anywhere.

use gateway::{Closing, Connected};
use protocol::{Frames, WireError};
use std::collections::VecDeque;
use types::{Lane, Timestamp};

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// Its name, never used twice.
    pub(crate) no: u64,
    /// The client's end, until that knows the connection is over.
    pub(crate) user: Option<usize>,
    /// The gateway's end, until that knows.
    pub(crate) server: Option<ServerEnd>,
    /// Nothing passes any more; the ends find out each for itself.
    pub(crate) is_cut: bool,
    /// Control, orders, cancels.
    pub(crate) to_server: [Pipe; 3],
    /// Control, reports.
    pub(crate) to_client: [Pipe; 2],
    /// Why the gateway has closed it, on the way to the client.
    pub(crate) closing: Option<Closing>,
    /// Until when the gateway does not read the streams to it, by its watch.
    pub(crate) held: [Timestamp; 3],
    /// The client has had its welcome.
    pub(crate) is_greeted: bool,
}

/// What the gateway has of a connection.
#[derive(Debug)]
pub(crate) struct ServerEnd {
    pub(crate) connected: Connected,
    /// Which lane each of the two streams has said it is.
    pub(crate) lanes: [Option<Lane>; 2],
}

/// A stream of bytes in one direction.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    on_the_way: VecDeque<u8>,
    arrived: Vec<u8>,
}

impl Link {
    pub(crate) fn new(no: u64, user: usize, connected: Connected) -> Link {
        Link {
            no,
            user: Some(user),
            server: Some(ServerEnd { connected, lanes: [None; 2] }),
            is_cut: false,
            to_server: Default::default(),
            to_client: Default::default(),
            closing: None,
            held: [Timestamp(0); 3],
            is_greeted: false,
        }
    }
}

impl Pipe {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.on_the_way.extend(bytes);
    }

    /// How many bytes have not arrived.
    pub(crate) fn on_the_way(&self) -> usize {
        self.on_the_way.len()
    }

    /// Lets so many bytes arrive, and gives all whole messages that are there then.
    pub(crate) fn deliver(&mut self, count: usize) -> Result<Vec<u8>, WireError> {
        self.arrived.extend(self.on_the_way.drain(..count.min(self.on_the_way.len())));
        let mut frames = Frames::new(&self.arrived);
        if let Some(error) = frames.by_ref().find_map(Result::err) {
            return Err(error);
        }
        let whole = frames.consumed();
        let rest = self.arrived.split_off(whole);
        Ok(std::mem::replace(&mut self.arrived, rest))
    }
}
