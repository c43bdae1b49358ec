//! How a server that was started again tells the clients of its former life that their connections are gone: by QUIC's
//! stateless reset, at the first packet that comes for one of them. Without it they would wait until a connection
//! that is silent counts as lost.
//!
//! The proof in a reset follows from the server's private key, so that nobody else can end a connection, and the next
//! start can. It also follows from what is spoken, as the endpoints of one exchange have one key: otherwise a packet
//! sent to one of them would be answered with the proof that ends a connection to another.

use crate::keys::PrivateKey;
use quinn::crypto::{CryptoError, HmacKey};
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// What the secret is for; another use of the same private key never comes to the same one.
const CONTEXT: &str = "cuex 2026-11 QUIC stateless reset";

/// Keyed hashing with a secret that follows from a private key.
struct ResetKey([u8; 32]);

/// Names for connections that nobody can guess, and that say nothing of the process that gave them: QUIC's usual ones
/// are taken for noise by the next.
#[derive(Default)]
struct ConnectionIds {
    random: RandomState,
    given: u64,
}

/// The settings of an endpoint that goes on resetting connections after a restart.
pub(crate) fn endpoint_config(key: &PrivateKey, alpn: &[u8]) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(ResetKey::new(key, alpn)));
    config.cid_generator(|| Box::new(ConnectionIds::default()));
    config
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        self.given += 1;
        ConnectionId::new(&self.random.hash_one(self.given).to_le_bytes())
    }

    fn cid_len(&self) -> usize {
        size_of::<u64>()
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

impl ResetKey {
    fn new(key: &PrivateKey, alpn: &[u8]) -> ResetKey {
        let secret = [key.pair().serialize_der().as_slice(), alpn].concat();
        ResetKey(blake3::derive_key(CONTEXT, &secret))
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature: &mut [u8]) {
        signature.copy_from_slice(blake3::keyed_hash(&self.0, data).as_bytes());
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let signature: [u8; blake3::OUT_LEN] = signature.try_into().map_err(|_| CryptoError)?;
        // Hashes are compared in constant time.
        if blake3::keyed_hash(&self.0, data) == signature { Ok(()) } else { Err(CryptoError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accepts, client_endpoint, connect, serve};
    use quinn::ConnectionError;
    use std::net::{Ipv4Addr, SocketAddr};

    const ALPN: &[u8] = b"cuex-test/1";
    const ACCEPTS: Accepts = Accepts { bidirectional: 0, unidirectional: 1 };

    #[test]
    fn a_proof_follows_from_key_and_language() {
        let (key, other) = (PrivateKey::generate(), PrivateKey::generate());
        let proof = |key: &PrivateKey, alpn: &[u8]| {
            let key = ResetKey::new(key, alpn);
            let mut proof = vec![0; key.signature_len()];
            key.sign(b"id", &mut proof);
            assert!(key.verify(b"id", &proof).is_ok() && key.verify(b"di", &proof).is_err());
            proof
        };
        assert_eq!(proof(&key, ALPN), proof(&key, ALPN));
        assert_ne!(proof(&key, ALPN), proof(&key, b"cuex-other/1"));
        assert_ne!(proof(&key, ALPN), proof(&other, ALPN));
    }

    #[tokio::test]
    async fn the_next_life_of_a_server_resets_the_connections_of_the_one_before() {
        let key = PrivateKey::generate();
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // The first one lives in a runtime of its own and is never let go, so that its end says goodbye to nobody.
        let server =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (told, address) = tokio::sync::oneshot::channel();
        let first = key.clone();
        server.spawn(async move {
            let endpoint = serve(loopback, &first, ALPN, ACCEPTS).unwrap();
            told.send(endpoint.local_addr().unwrap()).unwrap();
            let _connection = endpoint.accept().await.unwrap().await.unwrap();
            std::future::pending::<()>().await;
        });
        let address = address.await.unwrap();
        let client = client_endpoint(loopback).unwrap();
        let connection =
            connect(&client, address, key.public(), &PrivateKey::generate(), ALPN, ACCEPTS).await;
        let connection = connection.unwrap();
        tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
        let next = serve(address, &key, ALPN, ACCEPTS).unwrap();
        tokio::spawn(async move { while next.accept().await.is_some() {} });
        let mut stream = connection.open_uni().await.unwrap();
        let _ = stream.write_all(b"is anybody there?").await;
        assert_eq!(connection.closed().await, ConnectionError::Reset);
    }
}
