//! The end of a request's body (RFC 9112, section 6): what of the received bytes belongs to it.
//!
//! hyper decodes the body. Here its end is found, so that the head of the next request can be checked before hyper reads it.
//! Where a body is malformed, it has no end: hyper refuses it, and reads nothing behind it.

/// The missing part of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
}

/// The next byte of a body in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// The first digit of a size.
    SizeStart,
    /// A further digit of a size, or what follows it.
    Size(u64),
    /// An extension of a chunk of some size.
    Extension(u64),
    /// The line feed behind a size.
    SizeEnd(u64),
    /// So many bytes of data.
    Data(u64),
    /// The carriage return behind data.
    DataEnd,
    /// The line feed behind data.
    DataLineEnd,
    /// The first byte of a line behind the last chunk.
    TrailerStart,
    /// A further byte of such a line.
    Trailer,
    /// The line feed behind such a line.
    TrailerEnd,
    /// The line feed of the empty line that ends the body.
    LastLineEnd,
    /// None: the body is complete.
    Complete,
    /// Any: the body is malformed.
    Malformed,
}

impl Body {
    /// No body.
    pub(super) const NONE: Self = Self::Length(0);
    /// A body in chunks, from its beginning.
    pub(super) const CHUNKED: Self = Self::Chunked(Chunks::SizeStart);

    /// Whether nothing is missing.
    pub(super) fn is_complete(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunks::Complete))
    }

    /// Takes the bytes that belong to the body. Returns how many of the first ones do.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Length(missing) => {
                let n = bytes.len().min(usize::try_from(*missing).unwrap_or(usize::MAX));
                *missing -= n as u64;
                n
            }
            Self::Chunked(chunks) => {
                let mut n = 0;
                while n < bytes.len() && *chunks != Chunks::Complete {
                    n += chunks.take(&bytes[n..]);
                }
                n
            }
        }
    }
}

impl Chunks {
    /// Takes at least one of the bytes. Returns how many.
    fn take(&mut self, bytes: &[u8]) -> usize {
        if let Self::Data(missing) = *self {
            let n = bytes.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
            let missing = missing - n as u64;
            *self = if missing == 0 { Self::DataEnd } else { Self::Data(missing) };
            return n;
        }
        if *self == Self::Malformed {
            return bytes.len();
        }
        *self = self.after(bytes[0]);
        1
    }

    fn after(self, byte: u8) -> Self {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        match (self, byte) {
            (Self::SizeStart, _) => digit.map_or(Self::Malformed, Self::Size),
            (Self::Size(size) | Self::Extension(size), b'\r') => Self::SizeEnd(size),
            (Self::Size(size), b';' | b' ' | b'\t') => Self::Extension(size),
            (Self::Size(size), _) => match (digit, size.checked_mul(16)) {
                (Some(digit), Some(size)) => Self::Size(size + digit),
                _ => Self::Malformed,
            },
            (Self::Extension(size), byte) if byte != b'\n' => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') => Self::TrailerStart,
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataEnd, b'\r') => Self::DataLineEnd,
            (Self::DataLineEnd, b'\n') => Self::SizeStart,
            (Self::TrailerStart, b'\r') => Self::LastLineEnd,
            (Self::Trailer, b'\r') => Self::TrailerEnd,
            (Self::TrailerStart | Self::Trailer, _) => Self::Trailer,
            (Self::TrailerEnd, b'\n') => Self::TrailerStart,
            (Self::LastLineEnd, b'\n') => Self::Complete,
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of bytes that belong to a body, which is taken in pieces of some length.
    fn taken(mut body: Body, bytes: &[u8], piece: usize) -> (usize, bool) {
        let n = bytes.chunks(piece).map(|piece| body.take(piece)).sum();
        (n, body.is_complete())
    }

    #[test]
    fn a_body_ends_where_its_length_or_its_last_chunk_says() {
        let chunked = [
            "0\r\n\r\n",
            "5\r\nabcde\r\n0\r\n\r\n",
            "005;name=\"x\"\r\nabcde\r\nA\r\n0123456789\r\n00\r\nX: y\r\nZ:\r\n\r\n",
            "1 \t\r\n\n\r\n0\r\n\r\n",
        ];
        for body in chunked {
            let bytes = format!("{body}GET / HTTP/1.1\r\n\r\n");
            for piece in 1..=bytes.len() {
                assert_eq!(taken(Body::CHUNKED, bytes.as_bytes(), piece), (body.len(), true), "{body}");
            }
        }
        assert_eq!(taken(Body::Length(3), b"abcde", 2), (3, true));
        assert_eq!(taken(Body::Length(9), b"abcde", 2), (5, false));
        assert_eq!(taken(Body::NONE, b"abcde", 2), (0, true));
    }

    #[test]
    fn a_malformed_body_has_no_end() {
        for bytes in [
            "g\r\n",
            "\r\n",
            "1\nx\r\n0\r\n\r\n",
            "1\r\nxx\r\n0\r\n\r\n",
            "1;\n\r\nx\r\n0\r\n\r\n",
            "ffffffffffffffff0\r\n",
            "0\r\nX: y\r\r\n\r\n",
            "0\r\n\r\r",
        ] {
            for piece in 1..=bytes.len() {
                assert_eq!(taken(Body::CHUNKED, bytes.as_bytes(), piece), (bytes.len(), false), "{bytes:?}");
            }
        }
    }
}
