//! The certificate that new connections get. It can be exchanged at any time; connections that are open keep theirs.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::expiry;
use crate::webhook::metrics::WebhookMetrics;

/// What is served now; nothing at first.
#[derive(Debug)]
pub struct Served {
    now: RwLock<Option<Arc<CertifiedKey>>>,
    metrics: WebhookMetrics,
}

impl Served {
    /// Nothing yet; these metrics say until when what is served is valid.
    pub fn new(metrics: WebhookMetrics) -> Self {
        Self { now: RwLock::default(), metrics }
    }

    /// Serves another certificate from now on.
    ///
    /// # Errors
    /// When either cannot be read, or they do not belong together; the one before stays.
    pub fn exchange(&self, certificates: &str, key: &str) -> anyhow::Result<()> {
        let chain = CertificateDer::pem_slice_iter(certificates.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .context("the certificate cannot be read")?;
        let leaf = chain.first().context("there is no certificate")?;
        let expires = expiry::of(leaf).context("the certificate does not say until when it is valid")?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).context("the key cannot be read")?;
        let certified =
            CertifiedKey::from_der(chain, key, &ring::default_provider()).context("certificate and key do not fit")?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(certified));
        self.metrics.certificate_expires(expires);
        Ok(())
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// TLS 1.2 and 1.3 without client certificates: the API server shows none unless it is told to.
///
/// # Errors
/// None that a released version of rustls has.
pub fn server_config(served: Arc<Served>) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(served);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
