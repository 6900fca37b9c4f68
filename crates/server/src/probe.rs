//! Asks the process beside this one whether it is ready: what a container's engine runs again and again, in an image that
//! holds no other program that could.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

/// Below what the engine waits for, so that it is this process that says what was wrong.
const PATIENCE: Duration = Duration::from_secs(3);

/// `HTTP/1.1 200`
const STATUS_LINE: usize = 12;

/// Succeeds if whoever serves at `address` says that it is ready.
///
/// # Errors
/// If nobody answers there in time, or with anything else than 200.
pub fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let address = reachable(address);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("nobody listens at {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut status = [0; STATUS_LINE];
    stream
        .read_exact(&mut status)
        .with_context(|| format!("{address} did not answer within {} s", PATIENCE.as_secs()))?;
    anyhow::ensure!(
        &status == b"HTTP/1.1 200",
        "{address} says that it is not ready: its log says why"
    );
    Ok(())
}

/// Who listens on every address of the machine is asked at its own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers one request on every address of the machine with `answer`; gives where, and the request that came.
    fn answering(answer: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (address, asked)
    }

    #[test]
    fn who_says_that_it_is_ready_is_healthy() {
        let (address, asked) = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        ask(address).unwrap();
        assert!(
            asked
                .join()
                .unwrap()
                .starts_with("GET /readyz HTTP/1.1\r\n")
        );
    }

    #[test]
    fn who_is_draining_hangs_up_or_is_not_there_is_not_healthy() {
        let (address, asked) = answering("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        let error = ask(address).unwrap_err().to_string();
        assert!(error.contains("is not ready"), "{error}");
        asked.join().unwrap();

        let (address, asked) = answering("HTTP");
        let error = ask(address).unwrap_err().to_string();
        assert!(error.contains("did not answer"), "{error}");
        asked.join().unwrap();

        // Its listener is gone.
        let error = ask(address).unwrap_err().to_string();
        assert!(error.starts_with("nobody listens at 127.0.0.1:"), "{error}");
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_this_machine() {
        for (listens, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.0.0.7:8080", "10.0.0.7:8080"),
        ] {
            let address = reachable(listens.parse().unwrap());
            assert_eq!(address.to_string(), asked);
        }
    }
}
