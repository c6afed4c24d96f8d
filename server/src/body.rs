//! The body of a request, read whole within limits of size and time.

use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, TryStreamExt};
use tokio::time::timeout;
use warp::Buf;

use crate::problem::Problem;

/// Reads a body.
///
/// # Errors
/// 413 for more than `max` bytes, 408 for one that takes longer than `time_limit`, 400 where the connection or the framing
/// fails.
pub(crate) async fn read(
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    max: usize,
    time_limit: Duration,
) -> Result<Vec<u8>, Problem> {
    let read = async {
        let (mut body, mut bytes) = (pin!(body), Vec::new());
        loop {
            match body.try_next().await {
                Ok(Some(mut part)) => {
                    if part.remaining() > max - bytes.len() {
                        return Err(Problem::body_too_long(max));
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
    timeout(time_limit, read).await.unwrap_or_else(|_| Err(Problem::body_too_slow()))
}
