//! `--tls-self-signed`: for clients that insist on https where there is no certificate.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A client that has not shaken hands by then is let go.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// A listener in plain text for a server, behind a front that speaks TLS on `outer`.
pub struct Front {
    /// Where the server accepts what came in over TLS.
    pub inner: TcpListener,
    /// The certificate, for clients that want to trust it.
    pub certificate_pem: String,
}

/// Puts a front with a certificate made on the spot before a new listener on loopback.
pub async fn front(outer: TcpListener) -> anyhow::Result<Front> {
    let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let names = names(outer.local_addr()?.ip());
    let made = rcgen::generate_simple_self_signed(names).context("no certificate could be made")?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    tokio::spawn(accept(outer, inner.local_addr()?, TlsAcceptor::from(Arc::new(config))));
    Ok(Front { inner, certificate_pem: made.cert.pem() })
}

fn names(ip: IpAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()];
    if !ip.is_unspecified() && !ip.is_loopback() {
        names.push(ip.to_string());
    }
    names
}

async fn accept(outer: TcpListener, inner: SocketAddr, acceptor: TlsAcceptor) {
    loop {
        match outer.accept().await {
            Ok((stream, _)) => {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Err(error) = carry(stream, inner, acceptor).await {
                        tracing::debug!(%error, "a TLS connection ended");
                    }
                });
            }
            // Out of file descriptors, mostly: others will close theirs.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                super::look_again(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn carry(outside: TcpStream, inner: SocketAddr, acceptor: TlsAcceptor) -> io::Result<()> {
    let mut outside = tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(outside)).await??;
    let mut inside = TcpStream::connect(inner).await?;
    copy_bidirectional(&mut outside, &mut inside).await?;
    Ok(())
}
