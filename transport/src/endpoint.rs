//! Endpoints: QUIC on a UDP socket, with the buffers, windows and limits that measuring showed to matter.

use crate::keys::PrivateKey;
use crate::reset;
use crate::tls::{self, TlsError};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, IdleTimeout, TokioRuntime};
use quinn::{MtuDiscoveryConfig, ServerConfig, TransportConfig, TransportErrorCode, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use types::PublicKey;

/// The socket buffers asked for, both ways. The default ones drop packets even on loopback; a system that
/// allows less gives what it allows.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// What a server takes in on one stream before its reader reads on.
const SERVER_STREAM_WINDOW: u32 = 256 << 10;
/// What a client takes in on one stream: a snapshot of a whole market, or a burst of reports, from far away.
const CLIENT_STREAM_WINDOW: u32 = 4 << 20;
/// What either end has sent on one connection and the other not yet acknowledged.
const SEND_WINDOW: u64 = 1 << 20;
/// A connection on which nothing has come for so long is over. So is a handshake left open.
const IDLE_TIMEOUT_MS: u32 = 10_000;
/// The largest datagram that either end takes in and tries to send, in bytes of UDP payload. What a path carries is
/// found out by probes: one machine and many a data centre carry far more than the internet does, and a datagram costs
/// about the same however much is in it. Ten of them, which is what is given to the system at once, must stay below the
/// 65,507 bytes that it takes.
const DATAGRAM_MAX: u16 = 4_400;
/// Something is sent this often, so that a living connection is never idle.
const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// How long [`connect`] tries.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshakes begun and not yet accepted, and the bytes kept for each and for all of them.
const INCOMING_MAX: usize = 1_024;
const INCOMING_BYTES: u64 = 64 << 10;
const INCOMING_BYTES_TOTAL: u64 = 16 << 20;
/// The alert a client sends when the server's key is not the one it was told.
const ALERT_ACCESS_DENIED: u8 = 49;

/// How many streams the other end may have open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepts {
    /// Both ways.
    pub bidirectional: u8,
    /// Towards this end.
    pub unidirectional: u8,
}

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address is in use, not this machine's, or not allowed.
    #[error("UDP address {address} cannot be used: {source}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Nobody can be called at that address from here.
    #[error("{address} cannot be called: {source}")]
    Address {
        /// Which.
        address: SocketAddr,
        /// What is wrong with it.
        source: quinn::ConnectError,
    },
    /// Whoever answers has another key than the one expected.
    #[error("the server at {address} does not have the key {expected}: check the server's key")]
    WrongServer {
        /// Where.
        address: SocketAddr,
        /// The key it should have.
        expected: PublicKey,
    },
    /// Nobody answered in time.
    #[error("nobody answers at {address} (waited {} s)", CONNECT_TIMEOUT.as_secs())]
    NoAnswer {
        /// Where.
        address: SocketAddr,
    },
    /// The handshake failed, or the other end closed.
    #[error("the connection to {address} failed: {source}")]
    Failed {
        /// Where.
        address: SocketAddr,
        /// What happened.
        source: ConnectionError,
    },
}

/// A server's endpoint at `address` (port 0: any free one), known by `key`, speaking `alpn`. Every client that
/// proves an Ed25519 key gets a connection; [`crate::peer_key`] says which. Clients of a server that was there before,
/// with the same key, learn at once that their connections are gone.
///
/// Must be called within a tokio runtime.
///
/// # Errors
/// [`EndpointError`] if the address cannot be used or TLS not be set up.
pub fn serve(
    address: SocketAddr,
    key: &PrivateKey,
    alpn: &[u8],
    accepts: Accepts,
) -> Result<Endpoint, EndpointError> {
    let crypto = QuicServerConfig::try_from(tls::server_config(key, alpn)?).map_err(TlsError::Quic)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport_config(accepts, SERVER_STREAM_WINDOW)))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL);
    endpoint(address, reset::endpoint_config(key, alpn), Some(config))
}

/// A client's endpoint; one serves for any number of connections.
///
/// Must be called within a tokio runtime.
///
/// # Errors
/// [`EndpointError::Bind`] if the system gives no socket.
pub fn client_endpoint(local: SocketAddr) -> Result<Endpoint, EndpointError> {
    endpoint(local, EndpointConfig::default(), None)
}

/// Connects from `endpoint` to the server at `address` that has the key `server`, as `key`, to speak `alpn`.
///
/// # Errors
/// [`ConnectError`] if nobody answers, somebody else does, or the handshake fails.
pub async fn connect(
    endpoint: &Endpoint,
    address: SocketAddr,
    server: PublicKey,
    key: &PrivateKey,
    alpn: &[u8],
    accepts: Accepts,
) -> Result<Connection, ConnectError> {
    let crypto =
        QuicClientConfig::try_from(tls::client_config(key, server, alpn)?).map_err(TlsError::Quic)?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport_config(accepts, CLIENT_STREAM_WINDOW)));
    // The name is neither sent nor checked: the key is the identity.
    let connecting = endpoint
        .connect_with(config, address, "cuex")
        .map_err(|source| ConnectError::Address { address, source })?;
    match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(ConnectionError::TimedOut)) | Err(_) => Err(ConnectError::NoAnswer { address }),
        Ok(Err(ConnectionError::TransportError(error)))
            if error.code == TransportErrorCode::crypto(ALERT_ACCESS_DENIED) =>
        {
            Err(ConnectError::WrongServer { address, expected: server })
        }
        Ok(Err(source)) => Err(ConnectError::Failed { address, source }),
    }
}

fn endpoint(
    address: SocketAddr,
    mut config: EndpointConfig,
    server: Option<ServerConfig>,
) -> Result<Endpoint, EndpointError> {
    let bind = |source| EndpointError::Bind { address, source };
    let socket = socket(address).map_err(bind)?;
    config.max_udp_payload_size(DATAGRAM_MAX).expect("it is more than the least that QUIC allows");
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).map_err(bind)
}

fn socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // Best effort: the kernel caps what it gives, and smaller buffers only cost packets under load.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn transport_config(accepts: Accepts, stream_window: u32) -> TransportConfig {
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(DATAGRAM_MAX);
    let mut config = TransportConfig::default();
    config
        .mtu_discovery_config(Some(mtu))
        .max_concurrent_bidi_streams(accepts.bidirectional.into())
        .max_concurrent_uni_streams(accepts.unidirectional.into())
        .stream_receive_window(stream_window.into())
        .receive_window((2 * stream_window).into())
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))));
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer_key;
    use std::net::{Ipv4Addr, UdpSocket};

    const ALPN: &[u8] = b"cuex-test/1";
    const NONE: Accepts = Accepts { bidirectional: 0, unidirectional: 0 };
    const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    #[tokio::test]
    async fn both_ends_know_each_other_by_key() {
        let (server_key, client_key) = (PrivateKey::generate(), PrivateKey::generate());
        let server = serve(LOOPBACK, &server_key, ALPN, NONE).unwrap();
        let client = client_endpoint(LOOPBACK).unwrap();
        let address = server.local_addr().unwrap();
        let call = connect(&client, address, server_key.public(), &client_key, ALPN, NONE);
        let answer = async { server.accept().await.unwrap().await.unwrap() };
        let (called, answered) = tokio::join!(call, answer);
        assert_eq!(peer_key(&called.unwrap()), Some(server_key.public()));
        assert_eq!(peer_key(&answered), Some(client_key.public()));
    }

    /// What this machine's loopback carries, which is more than the internet does.
    #[tokio::test]
    async fn datagrams_grow_to_what_the_path_carries() {
        const STREAM: Accepts = Accepts { bidirectional: 0, unidirectional: 1 };
        let key = PrivateKey::generate();
        let server = serve(LOOPBACK, &key, ALPN, STREAM).unwrap();
        let client = client_endpoint(LOOPBACK).unwrap();
        let address = server.local_addr().unwrap();
        let client_key = PrivateKey::generate();
        let call = connect(&client, address, key.public(), &client_key, ALPN, STREAM);
        let answer = async { server.accept().await.unwrap().await.unwrap() };
        let (called, answered) = tokio::join!(call, answer);
        let (called, large) = (called.unwrap(), DATAGRAM_MAX / 10 * 9);
        let mut out = called.open_uni().await.unwrap();
        let mut buffer = vec![0; 64 << 10];
        out.write_all(&buffer).await.unwrap();
        let mut received = answered.accept_uni().await.unwrap();
        // Probes go while there is traffic. If they never got through, the test would not end.
        while called.stats().path.current_mtu < large {
            out.write_all(&[0; 1_000]).await.unwrap();
            received.read(&mut buffer).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_server_with_another_key_is_not_spoken_to() {
        let (key, expected) = (PrivateKey::generate(), PrivateKey::generate().public());
        let server = serve(LOOPBACK, &PrivateKey::generate(), ALPN, NONE).unwrap();
        let client = client_endpoint(LOOPBACK).unwrap();
        let address = server.local_addr().unwrap();
        let call = connect(&client, address, expected, &key, ALPN, NONE);
        let answer = async { server.accept().await.unwrap().await };
        let (called, answered) = tokio::join!(call, answer);
        assert!(matches!(called, Err(ConnectError::WrongServer { expected: key, .. }) if key == expected));
        assert!(answered.is_err());
    }

    /// A client that would like to say something early, to a server that it has spoken to before.
    #[tokio::test]
    async fn nothing_is_said_before_the_handshake_is_over() {
        let key = PrivateKey::generate();
        let server = serve(LOOPBACK, &key, ALPN, NONE).unwrap();
        let address = server.local_addr().unwrap();
        let mut crypto = tls::client_config(&PrivateKey::generate(), key.public(), ALPN).unwrap();
        crypto.enable_early_data = true;
        crypto.resumption = rustls::client::Resumption::in_memory_sessions(8);
        let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(crypto).unwrap()));
        let client = client_endpoint(LOOPBACK).unwrap();
        for _ in 0..2 {
            let calling = client.connect_with(config.clone(), address, "cuex").unwrap();
            let Err(calling) = calling.into_0rtt() else { panic!("there is something to resume") };
            let answer = async { server.accept().await.unwrap().await.unwrap() };
            let (called, answered) = tokio::join!(calling, answer);
            // A ticket would come before this is told.
            answered.close(7u8.into(), b"bye");
            called.unwrap().closed().await;
        }
    }

    #[tokio::test]
    async fn another_language_is_refused() {
        let key = PrivateKey::generate();
        let server = serve(LOOPBACK, &key, ALPN, NONE).unwrap();
        let client = client_endpoint(LOOPBACK).unwrap();
        let address = server.local_addr().unwrap();
        let call = connect(&client, address, key.public(), &key, b"cuex-other/1", NONE);
        let answer = async { server.accept().await.unwrap().await };
        let (called, answered) = tokio::join!(call, answer);
        assert!(matches!(called, Err(ConnectError::Failed { .. })), "{called:?}");
        assert!(answered.is_err());
    }

    #[tokio::test]
    async fn a_close_code_given_right_after_the_handshake_reaches_the_client() {
        let key = PrivateKey::generate();
        let server = serve(LOOPBACK, &key, ALPN, NONE).unwrap();
        let client = client_endpoint(LOOPBACK).unwrap();
        let address = server.local_addr().unwrap();
        let call = async {
            let connection =
                connect(&client, address, key.public(), &PrivateKey::generate(), ALPN, NONE).await;
            match connection {
                Ok(connection) => connection.closed().await,
                Err(ConnectError::Failed { source, .. }) => source,
                Err(other) => panic!("{other}"),
            }
        };
        let refuse = async { server.accept().await.unwrap().await.unwrap().close(7u8.into(), b"unknown") };
        let (reason, ()) = tokio::join!(call, refuse);
        let ConnectionError::ApplicationClosed(close) = reason else { panic!("{reason}") };
        assert_eq!((close.error_code, close.reason.as_ref()), (7u8.into(), b"unknown".as_slice()));
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let taken = UdpSocket::bind(LOOPBACK).unwrap();
        let address = taken.local_addr().unwrap();
        let error = serve(address, &PrivateKey::generate(), ALPN, NONE).unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_there_is_said_within_the_timeout() {
        let silent = UdpSocket::bind(LOOPBACK).unwrap();
        let address = silent.local_addr().unwrap();
        let client = client_endpoint(LOOPBACK).unwrap();
        let key = PrivateKey::generate();
        let error = connect(&client, address, key.public(), &key, ALPN, NONE).await.unwrap_err();
        assert!(matches!(error, ConnectError::NoAnswer { address: at } if at == address), "{error}");
    }
}
