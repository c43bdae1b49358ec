//! The task behind a session, and what it shares with the session's users: it reads the connection, hands what
//! it reads through the machine to whoever waits, and makes a new connection when that one is lost.

use crate::dial::{Dialer, Patience, failed, next_pushed, stream_ended, violated};
use crate::error::SessionError;
use crate::events::{Batch, Event};
use crate::link::{self, Link, WaysOut};
use crate::machine::Machine;
use crate::session::Options;
use parking_lot::Mutex;
use protocol::order_entry::{HEARTBEATS_MISSED, ServerMessage};
use protocol::{CloseCode, Frames};
use quinn::Connection;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};

/// Where one user reads what the session tells.
pub(crate) type Reader = mpsc::Sender<Arc<Batch>>;

/// What the task and the users of a session share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// Wakes who waits for room for a command, or for all commands to have their outcome.
    pub(crate) answered: Notify,
    /// Wakes the task: the session is to end.
    pub(crate) stop: Notify,
    /// Why the session has ended, once it has.
    pub(crate) error: watch::Sender<Option<SessionError>>,
}

/// What is behind the one lock. It is held for short work only, and never across a wait.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) machine: Machine,
    /// `None` while there is no connection.
    ways_out: Option<WaysOut>,
    pub(crate) readers: Vec<Reader>,
    pub(crate) reconnects: u64,
    /// How many events came together last: about so many will come together next.
    together: usize,
}

/// The session's task: goes on until it makes no sense any more or the session is to end.
pub(crate) async fn run(shared: Arc<Shared>, dialer: Dialer, link: Link, options: Options) {
    let error = tokio::select! {
        error = go_on(&shared, &dialer, link, options) => error,
        () = shared.stop.notified() => SessionError::Finished,
    };
    shared.end(error);
    dialer.goodbye().await;
}

impl Shared {
    /// A session whose first connection is made, with its first reader.
    pub(crate) fn new(machine: Machine, reader: Reader) -> Shared {
        let state = State { machine, ways_out: None, readers: vec![reader], reconnects: 0, together: 0 };
        Shared {
            state: Mutex::new(state),
            answered: Notify::new(),
            stop: Notify::new(),
            error: watch::Sender::new(None),
        }
    }

    /// What is to be said goes to this connection from now on.
    fn write_to(&self, link: &Link) {
        let mut state = self.state.lock();
        state.ways_out = Some(link.ways_out.clone());
        state.flush();
    }

    /// The connection is gone.
    async fn detach(&self) {
        let mut events = Vec::new();
        {
            let mut state = self.state.lock();
            state.ways_out = None;
            state.machine.detach(&mut events);
        }
        self.tell(Instant::now(), events).await;
    }

    /// The session is over.
    fn end(&self, error: SessionError) {
        {
            let mut state = self.state.lock();
            state.machine.end(&error);
            state.ways_out = None;
            state.readers.clear();
        }
        self.error.send_replace(Some(error));
        self.answered.notify_waiters();
    }

    /// Takes in what arrived together, up to the first violation if there is one.
    async fn take(&self, frames: Frames<'_>, connection: &Connection) -> Result<(), SessionError> {
        let received = Instant::now();
        let (result, events) = {
            let mut state = self.state.lock();
            let mut events = Vec::with_capacity(state.together);
            let result = state.take(frames, connection, received, &mut events);
            state.together = events.len();
            state.flush();
            (result, events)
        };
        self.answered.notify_waiters();
        self.tell(received, events).await;
        result
    }

    /// Says from time to time that this end is there, also while nobody reads what it tells.
    async fn beat(&self, every: Duration) -> Infallible {
        loop {
            sleep(every).await;
            let mut state = self.state.lock();
            state.machine.beat();
            state.flush();
        }
    }

    /// Hands a batch to all readers, waiting for each that has not read what it was given before.
    async fn tell(&self, received: Instant, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let readers = self.state.lock().readers.clone();
        let batch = Arc::new(Batch { received, events });
        let mut left = false;
        for reader in readers {
            left |= reader.send(Arc::clone(&batch)).await.is_err();
        }
        if left {
            self.state.lock().readers.retain(|reader| !reader.is_closed());
        }
    }
}

impl State {
    /// Hands what is to be said to the connection, if there is one.
    pub(crate) fn flush(&mut self) {
        if let Some(ways_out) = &self.ways_out {
            ways_out.push(self.machine.out());
        }
    }

    fn take(
        &mut self,
        frames: Frames<'_>,
        connection: &Connection,
        received: Instant,
        events: &mut Vec<Event>,
    ) -> Result<(), SessionError> {
        for frame in frames {
            let message =
                frame.and_then(ServerMessage::decode).map_err(|error| violated(connection, &error))?;
            self.machine.take(message, received, events)?;
        }
        // Nothing follows a goodbye that was asked for.
        if self.machine.logged_out().is_some() { Err(SessionError::Finished) } else { Ok(()) }
    }
}

/// Goes on from connection to connection until it makes no sense any more.
async fn go_on(shared: &Shared, dialer: &Dialer, mut link: Link, options: Options) -> SessionError {
    let mut patience = Patience::new(options.patience);
    loop {
        shared.write_to(&link);
        let Err(error) = speak(shared, link).await;
        shared.detach().await;
        link = match call_again(shared, dialer, &mut patience, error, options.in_flight).await {
            Ok(link) => link,
            Err(error) => return error,
        };
    }
}

/// Calls until there is a connection.
async fn call_again(
    shared: &Shared,
    dialer: &Dialer,
    patience: &mut Patience,
    mut error: SessionError,
    in_flight: usize,
) -> Result<Link, SessionError> {
    loop {
        tokio::time::sleep(patience.pause(error)?).await;
        let hello = shared.state.lock().machine.hello();
        match link::open(dialer, hello, in_flight).await {
            Ok(link) => {
                let mut state = shared.state.lock();
                state.machine.attach(link.welcome, Instant::now())?;
                state.reconnects += 1;
                patience.connected();
                return Ok(link);
            }
            Err(failed) => error = failed,
        }
    }
}

/// Uses a connection to its end.
async fn speak(shared: &Shared, link: Link) -> Result<Infallible, SessionError> {
    let heartbeat = Duration::from_secs(link.welcome.heartbeat.into());
    tokio::select! {
        ended = read(shared, link, HEARTBEATS_MISSED * heartbeat) => ended,
        never = shared.beat(heartbeat) => match never {},
    }
}

/// Reads a connection to its end, which comes when nothing does for too long.
async fn read(shared: &Shared, mut link: Link, silence: Duration) -> Result<Infallible, SessionError> {
    let Link { call, control, reports, .. } = &mut link;
    let connection: &Connection = call;
    loop {
        let next = async {
            tokio::select! {
                frames = control.next() => Ok(frames),
                frames = next_pushed(connection, reports) => frames,
            }
        };
        // Only while this end listens is the other one silent.
        let Ok(frames) = timeout(silence, next).await else {
            let cause = format!("nothing was heard for {} s", silence.as_secs());
            connection.close(CloseCode::Silent.number().into(), cause.as_bytes());
            return Err(SessionError::Lost { cause });
        };
        let frames = frames?;
        match frames.map_err(|error| failed(connection, &error))? {
            Some(frames) => shared.take(frames, connection).await?,
            None => return Err(stream_ended(connection).await),
        }
    }
}
