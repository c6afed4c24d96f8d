//! The `healthcheck` subcommand: one request to `/livez`, for containers whose image has no HTTP client.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Error, Result};

/// The time limit for connecting, for sending, and for each read.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Checks that the server that listens on an address answers `/livez` with 200.
///
/// # Errors
/// [`Error::Unhealthy`] where the answer is late, absent or another.
pub fn check(listen: SocketAddr) -> Result<()> {
    let address = reachable(listen);
    match status_line(address) {
        Ok(line) if line == *b"HTTP/1.1 200" => Ok(()),
        Ok(line) => {
            let detail = format!("it answers `{}` to /livez", String::from_utf8_lossy(&line));
            Err(Error::Unhealthy { address, detail })
        }
        Err(e) => Err(Error::Unhealthy { address, detail: e.to_string() }),
    }
}

/// The address to connect to in order to reach a listener: loopback for one on all addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The first line of the answer up to the status.
fn status_line(address: SocketAddr) -> io::Result<[u8; 12]> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET /livez HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = [0; 12];
    stream.read_exact(&mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_by_loopback() {
        let asked = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(asked("[::]:80"), "[::1]:80");
        assert_eq!(asked("10.0.0.7:80"), "10.0.0.7:80");
    }
}
