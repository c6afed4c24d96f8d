//! A client on one connection that costs little beside the server that it loads: a thread and a socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::TIMEOUT;

/// A connection for one request after another.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    line: String,
    answer: LeanAnswer,
}

/// An answer, with the headers that matter under load.
#[derive(Debug, Default)]
pub struct LeanAnswer {
    /// The status code.
    pub status: u16,
    /// The header `x-generation`.
    pub generation: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    /// I/O errors.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let (stream, answer) = (BufReader::new(stream), LeanAnswer::default());
        Ok(Self { stream, request: Vec::new(), line: String::new(), answer })
    }

    /// Sends a GET request and reads the answer.
    ///
    /// # Errors
    /// I/O errors, a truncated answer, and an answer that is not HTTP/1.1 with a length.
    pub fn get(&mut self, path: &str) -> io::Result<&LeanAnswer> {
        self.request.clear();
        write!(self.request, "GET {path} HTTP/1.1\r\nHost: server\r\n\r\n")?;
        self.stream.get_mut().write_all(&self.request)?;

        let answer = &mut self.answer;
        read_line(&mut self.stream, &mut self.line)?;
        let status = self.line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        answer.status = status.ok_or_else(|| malformed(&self.line))?;
        answer.generation.clear();
        let mut length = None;
        loop {
            read_line(&mut self.stream, &mut self.line)?;
            match self.line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok(),
                Some(("x-generation", value)) => answer.generation.push_str(value),
                Some(_) => {}
                None if self.line.is_empty() => break,
                None => return Err(malformed(&self.line)),
            }
        }
        answer.body.resize(length.ok_or_else(|| malformed("no length"))?, 0);
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}

/// Reads a line of an answer's head, without its end.
fn read_line(stream: &mut impl BufRead, line: &mut String) -> io::Result<()> {
    line.clear();
    stream.read_line(line)?;
    match line.strip_suffix("\r\n").map(str::len) {
        Some(length) => line.truncate(length),
        None => return Err(io::ErrorKind::UnexpectedEof.into()),
    }
    Ok(())
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not an answer of HTTP/1.1: {what}"))
}

/// Sets a flag that ends clients when it is dropped, also after a panic.
#[derive(Debug)]
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
