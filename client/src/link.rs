//! One connection to the gateway: its streams, opened and named, and the first words.

use crate::dial::{Call, Dialer, WELCOME_TIMEOUT, ended, failed, start, stream_ended, violated};
use crate::error::SessionError;
use crate::machine::Out;
use protocol::CloseCode;
use protocol::order_entry::{ClientMessage, Hello, ServerMessage, Welcome};
use quinn::Connection;
use transport::{FrameReader, Outbox, OutboxError};
use types::Lane;

/// More than the longest command.
const COMMAND_BYTES: usize = 128;
/// What may wait on the control stream.
const CONTROL_BYTES: usize = 256 << 10;

/// A connection on which the gateway has said its first words.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) call: Call,
    pub(crate) ways_out: WaysOut,
    pub(crate) control: FrameReader,
    /// There once the first report is.
    pub(crate) reports: Option<FrameReader>,
    pub(crate) welcome: Welcome,
}

/// The way out of a connection, stream by stream.
#[derive(Clone, Debug)]
pub(crate) struct WaysOut {
    connection: Connection,
    control: Outbox,
    orders: Outbox,
    cancels: Outbox,
}

/// Calls the gateway once and introduces itself. At most `in_flight` commands will wait on each lane.
pub(crate) async fn open(dialer: &Dialer, hello: Hello, in_flight: usize) -> Result<Link, SessionError> {
    let call = dialer.call().await?;
    match tokio::time::timeout(WELCOME_TIMEOUT, introduce(call, hello, in_flight)).await {
        Ok(link) => link,
        Err(_) => {
            Err(SessionError::Lost { cause: format!("no welcome within {} s", WELCOME_TIMEOUT.as_secs()) })
        }
    }
}

async fn introduce(call: Call, hello: Hello, in_flight: usize) -> Result<Link, SessionError> {
    let gone = |error: quinn::ConnectionError| ended(&call, error);
    let (control_out, control_in) = call.open_bi().await.map_err(gone)?;
    let control = start(&call, control_out, &encoded(&ClientMessage::Hello(hello)), CONTROL_BYTES);
    let mut reader = FrameReader::new(control_in);
    let welcome = read_welcome(&call, &mut reader).await?;
    let orders = call.open_uni().await.map_err(gone)?;
    let cancels = call.open_uni().await.map_err(gone)?;
    // What waits on a lane are commands without an outcome, each once.
    let capacity = in_flight.saturating_add(1).saturating_mul(COMMAND_BYTES);
    let ways_out = WaysOut {
        connection: call.clone(),
        control,
        orders: start(&call, orders, &encoded(&ClientMessage::LaneOpen(Lane::Orders)), capacity),
        cancels: start(&call, cancels, &encoded(&ClientMessage::LaneOpen(Lane::Cancels)), capacity),
    };
    Ok(Link { call, ways_out, control: reader, reports: None, welcome })
}

fn encoded(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("it is no command");
    bytes
}

async fn read_welcome(connection: &Connection, reader: &mut FrameReader) -> Result<Welcome, SessionError> {
    let frames = reader.next().await.map_err(|error| failed(connection, &error))?;
    let Some(mut frames) = frames else { return Err(stream_ended(connection).await) };
    let frame = frames.next().ok_or_else(|| SessionError::violation("no message"))?;
    let message = frame.and_then(ServerMessage::decode).map_err(|error| violated(connection, &error))?;
    match (message, frames.next()) {
        (ServerMessage::Welcome(welcome), None) => Ok(welcome),
        _ => Err(SessionError::violation("the first words are no welcome")),
    }
}

impl WaysOut {
    /// Hands what there is to the writers, and empties it.
    pub(crate) fn push(&self, out: &mut Out) {
        for (outbox, bytes) in [
            (&self.control, &mut out.control),
            (&self.orders, &mut out.orders),
            (&self.cancels, &mut out.cancels),
        ] {
            if bytes.is_empty() {
                continue;
            }
            if let Err(OutboxError::Overflow { .. }) = outbox.push(bytes) {
                // Only an exchange that answers what it has not read comes here. All is said again on the next
                // connection. A closed outbox has lost its connection, which shows where that is read.
                self.connection.close(CloseCode::TooSlow.number().into(), b"nothing is read");
            }
            bytes.clear();
        }
    }
}
