//! A client by hand, who may say anything.

use crate::exchange::PATIENCE;
use client::{ExchangeInfo, PrivateKey};
use protocol::CloseCode;
use protocol::order_entry::{ClientMessage, Hello, ServerMessage};
use quinn::{Connection, ConnectionError, Endpoint, SendStream};
use std::net::SocketAddr;
use tokio::time::timeout;
use transport::{Accepts, ConnectError, FrameReader, client_endpoint, connect};
use types::{Command, ContractId, Lane, NewOrder, Side};

/// What a client by hand lets the exchange open.
pub(super) const ACCEPTS: Accepts = Accepts { bidirectional: 0, unidirectional: 1 };

/// A client by hand, connected to gateway or feed.
pub(super) struct Raw {
    pub(super) connection: Connection,
    pub(super) control: SendStream,
    answers: FrameReader,
    reports: Option<FrameReader>,
    _endpoint: Endpoint,
}

impl Raw {
    pub(super) async fn call(address: SocketAddr, info: &ExchangeInfo, key: &PrivateKey, alpn: &[u8]) -> Raw {
        let endpoint = client_endpoint("127.0.0.1:0".parse().unwrap()).unwrap();
        let connection = connect(&endpoint, address, info.key, key, alpn, ACCEPTS).await.unwrap();
        let (control, answers) = connection.open_bi().await.unwrap();
        Raw { connection, control, answers: FrameReader::new(answers), reports: None, _endpoint: endpoint }
    }

    /// Says hello and waits for the welcome.
    pub(super) async fn greet(&mut self, hello: &[u8]) {
        self.control.write_all(hello).await.unwrap();
        let welcome = self.answers.next().await.unwrap().expect("the exchange answers");
        assert_eq!(welcome.count(), 1);
    }

    /// Opens a stream with some bytes on it.
    pub(super) async fn stream(&self, bytes: &[u8]) -> SendStream {
        let mut stream = self.connection.open_uni().await.unwrap();
        // If the exchange has closed meanwhile, that is what the test waits for.
        let _ = stream.write_all(bytes).await;
        stream
    }

    /// Opens a lane, with some bytes on it.
    pub(super) async fn lane(&self, lane: Lane, bytes: &[u8]) -> SendStream {
        self.stream(&[&said(&ClientMessage::LaneOpen(lane)), bytes].concat()).await
    }

    /// The next so many messages on the reports stream, heartbeats left out.
    pub(super) async fn told(&mut self, count: usize) -> Vec<ServerMessage> {
        let mut told = Vec::new();
        let telling = async {
            while told.len() < count {
                let reader = match &mut self.reports {
                    Some(reader) => reader,
                    None => {
                        let stream = self.connection.accept_uni().await.unwrap();
                        self.reports.insert(FrameReader::new(stream))
                    }
                };
                let frames = reader.next().await.unwrap().expect("more is told");
                let messages = frames.map(|frame| ServerMessage::decode(frame.unwrap()).unwrap());
                told.extend(messages.filter(|message| !matches!(message, ServerMessage::Heartbeat(_))));
            }
        };
        timeout(PATIENCE, telling).await.expect("every command is answered");
        assert_eq!(told.len(), count, "{told:?}");
        told
    }

    /// How the exchange ends it: with a code and a reason.
    pub(super) async fn closed(&self) -> (CloseCode, String) {
        meaning(&self.end().await)
    }

    /// Waits until the exchange ends it, with this code. If the datagram that says so is lost, as it may be while both
    /// ends are flooded, all that comes is a reset; so the exchange's own count is to be looked at beside.
    pub(super) async fn is_closed(&self, code: CloseCode) {
        let ended = self.end().await;
        if !matches!(ended, ConnectionError::Reset) {
            let (found, reason) = meaning(&ended);
            assert_eq!(found, code, "{reason}");
        }
    }

    async fn end(&self) -> ConnectionError {
        timeout(PATIENCE, self.connection.closed()).await.expect("the session is closed")
    }
}

/// How the exchange turns a key away that calls one of its ports.
pub(super) async fn turned_away(
    info: &ExchangeInfo,
    address: SocketAddr,
    key: &PrivateKey,
    alpn: &[u8],
) -> CloseCode {
    let endpoint = client_endpoint("127.0.0.1:0".parse().unwrap()).unwrap();
    let ended = match connect(&endpoint, address, info.key, key, alpn, ACCEPTS).await {
        Ok(connection) => timeout(PATIENCE, connection.closed()).await.expect("the key is turned away"),
        Err(ConnectError::Failed { source, .. }) => source,
        Err(other) => panic!("{other}"),
    };
    meaning(&ended).0
}

/// The code and the reason with which the exchange has closed.
fn meaning(ended: &ConnectionError) -> (CloseCode, String) {
    let ConnectionError::ApplicationClosed(close) = ended else { panic!("{ended}") };
    let code = CloseCode::from_number(close.error_code.into_inner()).unwrap();
    (code, String::from_utf8(close.reason.to_vec()).unwrap())
}

pub(super) fn said(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}

pub(super) fn command(number: u64, command: Command) -> Vec<u8> {
    said(&ClientMessage::Command { number, command })
}

pub(super) fn hello() -> Vec<u8> {
    said(&ClientMessage::Hello(Hello { resume_after: None }))
}

pub(super) fn bid(contract: ContractId) -> Command {
    Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1, 1))
}

/// A whole message of this kind, length and version, filled up with zeros.
pub(super) fn message(kind: u8, length: u16, version: u8) -> Vec<u8> {
    let mut bytes = [length.to_le_bytes().as_slice(), &[kind, version]].concat();
    bytes.resize(usize::from(length).max(4), 0);
    bytes
}
