//! Calling the exchange, again and again if need be, and understanding how a connection ended.

use crate::error::SessionError;
use protocol::{CloseCode, Frames, WireError};
use quinn::{Connection, ConnectionError, Endpoint, SendStream};
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use transport::{
    Accepts, ConnectError, FrameError, FrameReader, Outbox, PrivateKey, client_endpoint, connect,
};
use types::PublicKey;

/// How long the exchange may take to say its first words on a connection.
pub(crate) const WELCOME_TIMEOUT: Duration = Duration::from_secs(5);
/// Only streams towards this end, and one of them, are the exchange's to open.
const ACCEPTS: Accepts = Accepts { bidirectional: 0, unidirectional: 1 };
/// The pause before the first new call, doubled from call to call up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);
/// A connection that has lasted so long was a good one: the pauses begin anew.
const GOOD_AFTER: Duration = Duration::from_secs(5);
/// How long the last words may take to go out.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// Calls one exchange as one key.
#[derive(Debug)]
pub(crate) struct Dialer {
    endpoint: Endpoint,
    address: SocketAddr,
    server: PublicKey,
    key: PrivateKey,
    alpn: &'static [u8],
}

/// A connection; closed when dropped.
#[derive(Debug)]
pub(crate) struct Call(Connection);

/// The pauses between calls, and when to give up.
#[derive(Debug)]
pub(crate) struct Patience {
    /// For how long to go on without a connection.
    limit: Duration,
    pause: Duration,
    /// Since when there is a connection.
    connected: Instant,
    /// Since when there is none.
    lost: Option<Instant>,
}

impl Dialer {
    pub(crate) fn new(
        address: SocketAddr,
        server: PublicKey,
        key: &PrivateKey,
        alpn: &'static [u8],
    ) -> Result<Dialer, SessionError> {
        let any: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let endpoint = client_endpoint(SocketAddr::new(any, 0))
            .map_err(|error| SessionError::NoSocket(Arc::new(error)))?;
        Ok(Dialer { endpoint, address, server, key: key.clone(), alpn })
    }

    /// Calls once.
    pub(crate) async fn call(&self) -> Result<Call, SessionError> {
        let call = connect(&self.endpoint, self.address, self.server, &self.key, self.alpn, ACCEPTS);
        call.await.map(Call).map_err(|error| match error {
            ConnectError::WrongServer { address, expected } => {
                SessionError::WrongServer { address, expected }
            }
            ConnectError::Failed { source: source @ ConnectionError::ApplicationClosed(_), .. } => {
                ended_by(&source)
            }
            error => SessionError::Unreachable(Arc::new(error)),
        })
    }

    /// Waits until what was said last is out, but not for long.
    pub(crate) async fn goodbye(&self) {
        // If it does not go out, the exchange notices by itself that nobody is there.
        let _ = tokio::time::timeout(GOODBYE_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

impl Deref for Call {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.close(CloseCode::Done.number().into(), b"");
    }
}

impl Patience {
    /// There is a connection from now on; when it is lost, there will be tries for another until `limit` is over.
    pub(crate) fn new(limit: Duration) -> Patience {
        Patience { limit, pause: PAUSE_FIRST, connected: Instant::now(), lost: None }
    }

    /// There is a connection.
    pub(crate) fn connected(&mut self) {
        (self.connected, self.lost) = (Instant::now(), None);
    }

    /// How long to wait before the next call.
    ///
    /// # Errors
    /// `error`, which ended the connection or the last call, if it makes no sense to call again.
    pub(crate) fn pause(&mut self, error: SessionError) -> Result<Duration, SessionError> {
        let now = Instant::now();
        if self.lost.is_none() && now - self.connected >= GOOD_AFTER {
            self.pause = PAUSE_FIRST;
        }
        let lost = *self.lost.get_or_insert(now);
        if error.is_final() || now - lost >= self.limit {
            return Err(error);
        }
        tracing::debug!(%error, "calling again");
        let pause = jittered(self.pause);
        self.pause = (2 * self.pause).min(PAUSE_LONGEST);
        Ok(pause)
    }
}

/// Begins a stream with its first message. The writer ends with the stream or the connection.
pub(crate) fn start(connection: &Connection, stream: SendStream, first: &[u8], capacity: usize) -> Outbox {
    let outbox = Outbox::new(capacity);
    outbox.push(first).expect("an empty outbox takes one message");
    let (writer, connection) = (outbox.clone(), connection.clone());
    tokio::spawn(async move {
        // Either way the end shows where the connection is read.
        tokio::select! {
            _ = writer.write_to(stream) => {}
            _ = connection.closed() => {}
        }
    });
    outbox
}

/// The next messages of the one stream the exchange opens, which is there once its first one is.
pub(crate) async fn next_pushed<'a>(
    connection: &Connection,
    stream: &'a mut Option<FrameReader>,
) -> Result<Result<Option<Frames<'a>>, FrameError>, SessionError> {
    if stream.is_none() {
        let opened = connection.accept_uni().await.map_err(|error| ended(connection, error))?;
        *stream = Some(FrameReader::new(opened));
    }
    let reader = stream.as_mut().expect("it was put there");
    Ok(reader.next().await)
}

/// The exchange has ended a stream, which it does only together with the connection.
pub(crate) async fn stream_ended(connection: &Connection) -> SessionError {
    match tokio::time::timeout(GOODBYE_TIMEOUT, connection.closed()).await {
        Ok(reason) => ended_by(&reason),
        Err(_) => SessionError::Lost { cause: "the exchange ended a stream".to_owned() },
    }
}

/// What it means that a stream gives no more messages.
pub(crate) fn failed(connection: &Connection, error: &FrameError) -> SessionError {
    match error {
        FrameError::Wire(error) => violated(connection, error),
        FrameError::Lost(error) => ended(connection, error),
    }
}

/// The exchange has said what is no message: the connection is closed.
pub(crate) fn violated(connection: &Connection, error: &WireError) -> SessionError {
    connection.close(error.close_code().number().into(), error.to_string().as_bytes());
    SessionError::violation(error.to_string())
}

/// Why the connection on which `error` came has ended.
pub(crate) fn ended(connection: &Connection, error: impl Display) -> SessionError {
    match connection.close_reason() {
        Some(reason) => ended_by(&reason),
        None => SessionError::Lost { cause: error.to_string() },
    }
}

/// What the end of a connection means.
fn ended_by(reason: &ConnectionError) -> SessionError {
    let ConnectionError::ApplicationClosed(close) = reason else {
        return SessionError::Lost { cause: reason.to_string() };
    };
    let number = close.error_code.into_inner();
    match CloseCode::from_number(number) {
        Some(code) => {
            SessionError::Closed { code, reason: String::from_utf8_lossy(&close.reason).into_owned() }
        }
        None => SessionError::violation(format!("it ended the session with the unknown code {number}")),
    }
}

/// Half to all of a pause, so that those who lost an exchange together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let random = u32::try_from(RandomState::new().hash_one(()) % 512).expect("less than 512");
    pause / 2 + pause / 1024 * random
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_patience_ends() {
        let lost = || SessionError::Lost { cause: "cut".to_owned() };
        let mut patience = Patience::new(Duration::from_secs(10));
        let mut pauses = Vec::new();
        while let Ok(pause) = patience.pause(lost()) {
            tokio::time::advance(pause).await;
            pauses.push(pause);
        }
        assert!(pauses[0] <= PAUSE_FIRST && pauses.iter().all(|pause| *pause <= PAUSE_LONGEST));
        assert!(pauses.windows(3).take(4).all(|three| three[0] <= three[2]), "{pauses:?}");
        let total: Duration = pauses.iter().sum();
        assert!((Duration::from_secs(10)..Duration::from_secs(12)).contains(&total), "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_mended_is_not_tried() {
        let superseded = SessionError::Closed { code: CloseCode::Superseded, reason: String::new() };
        let error = Patience::new(Duration::MAX).pause(superseded).unwrap_err();
        assert!(matches!(error, SessionError::Closed { code: CloseCode::Superseded, .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_do_not_last_are_not_called_at_once_again() {
        let stopping = || SessionError::Closed { code: CloseCode::Stopping, reason: String::new() };
        let mut patience = Patience::new(Duration::from_secs(60));
        for _ in 0..10 {
            patience.pause(stopping()).unwrap();
            patience.connected();
        }
        assert!(patience.pause(stopping()).unwrap() >= PAUSE_LONGEST / 2);
        patience.connected();
        tokio::time::advance(GOOD_AFTER).await;
        assert!(patience.pause(stopping()).unwrap() <= PAUSE_FIRST);
    }
}
