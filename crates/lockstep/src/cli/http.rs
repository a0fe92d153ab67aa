//! Serves HTTP on a listener. Clients that dawdle are let go, so that they cannot use up the open files.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::Layer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::stop::{self, Stop};

/// How long a client may take for the head of a request, and between two pieces of its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers requests until asked to stop; then takes no more and ends with the last of those under way.
pub async fn serve(listener: TcpListener, router: Router, stop: Stop) {
    // Around the router rather than a layer of it, which each request would copy.
    let service = TowerToHyperService::new(RequestBodyTimeoutLayer::new(PATIENCE).layer(router));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // What was asked is done to its end though the client has gone: a call to a vendor may be under way.
    server.half_close(true);
    // Each connection listens; when none is left that does, all have ended.
    let closing = watch::Sender::new(());
    let mut asked = pin!(stop::asked(stop));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut asked => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let answered = server.serve_connection(TokioIo::new(stream), service.clone()).with_upgrades();
                let mut asked = closing.subscribe();
                tokio::spawn(async move {
                    let mut answered = pin!(answered);
                    let ended = tokio::select! {
                        ended = answered.as_mut() => ended,
                        _ = asked.changed() => {
                            answered.as_mut().graceful_shutdown();
                            answered.await
                        }
                    };
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a client's connection ended early");
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
    drop(listener);
    closing.send_replace(());
    closing.closed().await;
}
