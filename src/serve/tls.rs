//! TLS with `ring`: certificates from files, read again on SIGHUP.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::config::{ServeError, TlsFiles};

/// The certificates in use.
pub(super) struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, ServeError> {
        Ok(Self {
            files: files.clone(),
            config: RwLock::new(Arc::new(configure(files)?)),
        })
    }

    /// Reads them again, for connections from now on. Where they cannot be used, those before stay.
    pub(super) fn read_again(&self) -> Result<(), ServeError> {
        let fresh = Arc::new(configure(&self.files)?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(config.clone())
    }
}

fn configure(files: &TlsFiles) -> Result<ServerConfig, ServeError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key);
    let key = key.map_err(|fault| unusable(&files.key, fault))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|fault| unusable(&files.certificate, fault))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(
            client_verifier(path, provider).map_err(|why| unusable(path, why))?,
        ),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|fault| unusable(&files.certificate, fault))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn client_verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn tokio_rustls::rustls::server::danger::ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for root in certificates(path).map_err(|fault| fault.to_string())? {
        roots.add(root).map_err(|fault| fault.to_string())?;
    }
    // Whoever shows no certificate needs a token, which comes with each request.
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|fault| fault.to_string())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(read) if read.is_empty() => Err(unusable(path, "there is no certificate in it")),
        read => read.map_err(|fault| unusable(path, fault)),
    }
}

fn unusable(path: &Path, why: impl ToString) -> ServeError {
    ServeError::Tls {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
