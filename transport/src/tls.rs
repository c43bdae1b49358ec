//! TLS as cuex speaks it: version 1.3 only, no early data, no resumption, and on both sides a certificate that
//! says nothing but an Ed25519 key, which the handshake proves.
//!
//! A client lets in only the server key it was told. A server lets in every key: who may speak is in the
//! exchange's key table, and a key that is not can be told so with a close code after the handshake.

use crate::keys::PrivateKey;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme,
};
use std::sync::Arc;
use types::PublicKey;

/// What comes before the 32 bytes of an Ed25519 key in the one encoding of its SubjectPublicKeyInfo
/// (RFC 8410: a sequence of the algorithm 1.3.101.112 and a bit string).
const ED25519_INFO_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a certificate or a TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate could be made from the key.
    #[error("no certificate can be made from the key: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] Error),
    /// The QUIC library found no cipher to start with.
    #[error("TLS cannot be set up for QUIC: {0}")]
    Quic(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// Who is at the other end: the key it proved in the handshake. `None` only if it showed none, which
/// connections made by [`crate::serve`] and [`crate::connect`] do not let happen.
#[must_use]
pub fn peer_key(connection: &quinn::Connection) -> Option<PublicKey> {
    let identity = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    key_of(identity.first()?).ok()
}

/// The server's side: shows `key`, asks for the client's.
pub(crate) fn server_config(key: &PrivateKey, alpn: &[u8]) -> Result<rustls::ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let (certificate, private) = identity(key)?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(AnyKey { provider }))
        .with_single_cert(vec![certificate], private)?;
    config.alpn_protocols = vec![alpn.to_vec()];
    config.max_early_data_size = 0;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// The client's side: shows `key`, goes on only if the other end proves `server`.
pub(crate) fn client_config(
    key: &PrivateKey,
    server: PublicKey,
    alpn: &[u8],
) -> Result<rustls::ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let (certificate, private) = identity(key)?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedKey { server, provider }))
        .with_client_auth_cert(vec![certificate], private)?;
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_early_data = false;
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Lets in every client that proves an Ed25519 key.
#[derive(Debug)]
struct AnyKey {
    provider: Arc<CryptoProvider>,
}

/// Lets in the one server that proves this key.
#[derive(Debug)]
struct PinnedKey {
    server: PublicKey,
    provider: Arc<CryptoProvider>,
}

/// What both verifiers do about signatures: TLS 1.3 only, Ed25519 only. A macro, because each trait asks for these
/// methods anew.
macro_rules! signatures_by_ed25519 {
    () => {
        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _certificate: &CertificateDer<'_>,
            _signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(refused_tls12())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }
    };
}

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        key_of(certificate).map(|_| ClientCertVerified::assertion())
    }

    signatures_by_ed25519!();
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if key_of(certificate)? == self.server {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    signatures_by_ed25519!();
}

/// A fresh self-signed certificate around the key, and the key for the TLS library.
fn identity(key: &PrivateKey) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), TlsError> {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "cuex");
    let certificate = params.self_signed(key.pair())?;
    let private = PrivatePkcs8KeyDer::from(key.pair().serialize_der());
    Ok((certificate.der().clone(), private.into()))
}

/// The Ed25519 key a certificate is about. Nothing else in it is looked at: the key is the identity.
fn key_of(certificate: &CertificateDer<'_>) -> Result<PublicKey, Error> {
    let info = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    info.strip_prefix(&ED25519_INFO_PREFIX)
        .and_then(|key| key.try_into().ok())
        .map(PublicKey)
        .ok_or_else(|| CertificateError::BadEncoding.into())
}

fn refused_tls12() -> Error {
    PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_the_key_it_was_made_from() {
        let key = PrivateKey::generate();
        let (certificate, _) = identity(&key).unwrap();
        assert_eq!(key_of(&certificate).unwrap(), key.public());
    }

    #[test]
    fn a_certificate_around_another_kind_of_key_is_refused() {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
        assert!(key_of(certificate.der()).is_err());
        assert!(key_of(&CertificateDer::from(vec![1, 2, 3])).is_err());
    }

    /// As SECURITY.md lists them.
    #[test]
    fn only_the_listed_algorithms_are_spoken() {
        let key = PrivateKey::generate();
        let server = server_config(&key, b"cuex-test/1").unwrap();
        let client = client_config(&key, key.public(), b"cuex-test/1").unwrap();
        for provider in [server.crypto_provider(), client.crypto_provider()] {
            let suites = provider.cipher_suites.iter().filter(|suite| suite.tls13().is_some());
            let suites: Vec<_> = suites.map(|suite| format!("{:?}", suite.suite())).collect();
            let expected =
                ["TLS13_AES_256_GCM_SHA384", "TLS13_AES_128_GCM_SHA256", "TLS13_CHACHA20_POLY1305_SHA256"];
            assert_eq!(suites, expected);
            let groups: Vec<_> =
                provider.kx_groups.iter().map(|group| format!("{:?}", group.name())).collect();
            assert_eq!(groups, ["X25519", "secp256r1", "secp384r1"]);
        }
        let provider = Arc::new(ring::default_provider());
        assert_eq!(AnyKey { provider }.supported_verify_schemes(), [SignatureScheme::ED25519]);
        assert_eq!((server.max_early_data_size, server.send_tls13_tickets), (0, 0));
        assert!(!client.enable_early_data && !client.enable_sni);
    }
}
