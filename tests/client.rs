//! A client that keeps its connection, made to be cheap beside the server that it loads: a thread and a socket each.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long an answer may take before the request counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection on which one request follows another.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    line: String,
    answer: Answer,
}

/// What the server answered, whole.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The generation that it names.
    pub(crate) generation: String,
    /// Whether the server closes after it.
    pub(crate) is_last: bool,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Connects to an address: host:port.
    pub(crate) fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (stream, answer) = (BufReader::new(stream), Answer::default());
        Ok(Self { stream, request: Vec::new(), line: String::new(), answer })
    }

    /// Asks for a path. An answer that is cut off, or is none of HTTP/1.1 with a length, is an error.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<&Answer> {
        self.request.clear();
        write!(self.request, "GET {path} HTTP/1.1\r\nHost: server\r\n\r\n")?;
        self.stream.get_mut().write_all(&self.request)?;

        let answer = &mut self.answer;
        read_line(&mut self.stream, &mut self.line)?;
        let status = self.line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        answer.status = status.ok_or_else(|| malformed(&self.line))?;
        answer.generation.clear();
        answer.is_last = false;
        let mut length = None;
        loop {
            read_line(&mut self.stream, &mut self.line)?;
            match self.line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok(),
                Some(("connection", "close")) => answer.is_last = true,
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
    io::Error::new(io::ErrorKind::InvalidData, format!("no answer of HTTP/1.1: {what}"))
}

/// Tells clients to stop when it is dropped, be it because what they were needed for has failed.
pub(crate) struct Stop<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
