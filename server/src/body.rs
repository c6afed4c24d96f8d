//! Reads the body of a request whole: no longer than it may be, no slower than it may be.

use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, TryStreamExt};
use tokio::time::timeout;
use warp::Buf;

use crate::problem::Problem;

/// The bytes of a body of at most `most` bytes that arrives within `patience`.
pub(crate) async fn read(
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    most: usize,
    patience: Duration,
) -> Result<Vec<u8>, Problem> {
    let read = async {
        let (mut body, mut bytes) = (pin!(body), Vec::new());
        loop {
            match body.try_next().await {
                Ok(Some(mut part)) => {
                    if part.remaining() > most - bytes.len() {
                        return Err(Problem::body_too_long(most));
                    }
                    while part.has_remaining() {
                        let chunk = part.chunk();
                        bytes.extend_from_slice(chunk);
                        let n = chunk.len();
                        part.advance(n);
                    }
                }
                Ok(None) => return Ok(bytes),
                Err(error) => return Err(Problem::bad_body(format!("the body cannot be read: {error}"))),
            }
        }
    };
    timeout(patience, read).await.unwrap_or_else(|_| Err(Problem::body_too_slow()))
}
