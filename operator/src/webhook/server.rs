//! HTTPS for the API server, which speaks HTTP/1.1 with webhooks and keeps its connections. Slow or broken clients cost a
//! bounded number of connections and a bounded time. Knows nothing of admission.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// Connections at once; an API server holds a few.
const CONNECTIONS: usize = 512;
/// For the handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// For the next request's headers. Go's clients give a silent connection up after 90 s: it is they who close it.
const SILENCE: Duration = Duration::from_secs(120);
/// Between attempts when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not near.
    Serving,
    /// Answers ask for the connection to be closed; new ones are still taken.
    Draining,
    /// No new connections; those at rest are closed.
    Stopping,
}

/// Serves until the phase says otherwise.
///
/// # Errors
/// None; an address that cannot be listened on is the caller's.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    app: Router,
    mut phase: watch::Receiver<Phase>,
) -> anyhow::Result<()> {
    let acceptor = TlsAcceptor::from(tls);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let watched = phase.clone();
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place?,
            () = stopping(&mut phase) => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the webhook cannot be taken");
                    sleep(PAUSE).await;
                    continue;
                }
            },
            () = stopping(&mut phase) => break,
        };
        let (acceptor, app, phase) = (acceptor.clone(), app.clone(), watched.clone());
        connections.spawn(async move {
            if let Err(error) = connection(stream, acceptor, app, phase).await {
                // Scanners, probes and clients that trust another certificate end here.
                tracing::debug!(%error, "a connection to the webhook ended");
            }
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    app: Router,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended.map_err(io::Error::other),
        () = stopping(&mut phase) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(io::Error::other)
}

async fn stopping(phase: &mut watch::Receiver<Phase>) {
    // Who could change the phase is gone: so is the process, in a moment.
    let _ = phase.wait_for(|phase| *phase == Phase::Stopping).await;
}
