//! Asks whether the driver's port answers: before an executor starts, often and with a limit; while it works, now and
//! then. It opens a connection and closes it, and says nothing on it.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tracing::info;

use crate::{Error, Result};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
const START_LIMIT: Duration = Duration::from_secs(300);
const SAY_EVERY: Duration = Duration::from_secs(5);
/// A packet that goes out before kube-proxy knows the Service is swallowed, and so is each that repeats it: a new connection,
/// which a later rule sees, must not wait for the old one's end.
const FIRST_CONNECT_LIMIT: Duration = Duration::from_millis(150);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Nobody listens on the driver's address any more: a driver does not come back.
const REFUSED_LIMIT: Duration = Duration::from_secs(4);
/// No answer at all may be the network's fault.
const SILENT_LIMIT: Duration = Duration::from_secs(16);

/// Returns when `host` answers on `port`.
pub(super) async fn wait_for(host: &str, port: u16) -> Result<()> {
    let started = Instant::now();
    let (mut pause, mut limit, mut said) = (FIRST_PAUSE, FIRST_CONNECT_LIMIT, started);
    loop {
        let Err(reason) = connect(host, port, limit).await else {
            info!(seconds = started.elapsed().as_secs_f64(), "the driver answers at {host}:{port}");
            return Ok(());
        };
        if started.elapsed() > START_LIMIT {
            let seconds = START_LIMIT.as_secs();
            return Err(Error::platform(format!(
                "the driver did not answer at {host}:{port} within {seconds} s: {reason}"
            )));
        }
        if said.elapsed() > SAY_EVERY {
            said = Instant::now();
            info!("waits for the driver at {host}:{port} since {} s: {reason}", started.elapsed().as_secs());
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        limit = (limit * 5 / 4).min(CONNECT_LIMIT);
    }
}

/// Returns when `host` has not answered on `port` for too long.
pub(super) async fn until_gone(host: &str, port: u16) -> Error {
    let mut answered = Instant::now();
    loop {
        match connect(host, port, CONNECT_LIMIT).await {
            Ok(()) => {
                answered = Instant::now();
                sleep(LOOK_EVERY).await;
            }
            Err(reason) => {
                let refused = reason.kind() == ErrorKind::ConnectionRefused;
                let limit = LOOK_EVERY + if refused { REFUSED_LIMIT } else { SILENT_LIMIT };
                if answered.elapsed() > limit {
                    let seconds = answered.elapsed().as_secs();
                    return Error::platform(format!("the driver at {host}:{port} is gone since {seconds} s: {reason}"));
                }
                sleep(LONGEST_PAUSE).await;
            }
        }
    }
}

async fn connect(host: &str, port: u16, limit: Duration) -> std::io::Result<()> {
    match timeout(limit, TcpStream::connect((host, port))).await {
        Ok(connected) => connected.map(drop),
        Err(_) => Err(ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_open_port_answers() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("port");
        let port = listener.local_addr().expect("address").port();
        wait_for("127.0.0.1", port).await.expect("reached");
    }

    #[tokio::test]
    async fn a_closed_port_is_gone_in_the_end() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("port");
        let port = listener.local_addr().expect("address").port();
        drop(listener);
        assert!(until_gone("127.0.0.1", port).await.to_string().contains("is gone"));
    }
}
