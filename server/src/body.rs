//! The body of a request, read whole within limits of size and time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, TryStreamExt};
use tokio::time::timeout;
use warp::Buf;

use crate::problem::Problem;
use crate::received::{ReceiveMemory, Received};

/// The time for a body that no route reads.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// Reads a body that no route reads, so that the connection can go on behind it. A body that is slow or has more than `max`
/// bytes is left: the connection then ends.
pub(crate) async fn discard(body: impl Stream<Item = Result<impl Buf, warp::Error>>, max: usize) {
    let mut body = pin!(body);
    let read = async {
        let mut n = 0;
        while n <= max
            && let Ok(Some(part)) = body.try_next().await
        {
            n += part.remaining();
        }
    };
    let _ = timeout(DISCARD_TIME, read).await;
}

/// Reads a body.
///
/// # Errors
/// 413 for more than `max` bytes, 408 for one that takes longer than `time_limit`, 400 where the connection or the framing
/// fails, 503 where the memory is used up.
pub(crate) async fn read(
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    max: usize,
    time_limit: Duration,
    memory: &Arc<ReceiveMemory>,
) -> Result<Received, Problem> {
    let read = async {
        let (mut body, mut bytes) = (pin!(body), Received::none(Arc::clone(memory)));
        loop {
            match body.try_next().await {
                Ok(Some(mut part)) => {
                    if part.remaining() > max - bytes.len() {
                        return Err(Problem::body_too_long(max as u64));
                    }
                    while part.has_remaining() {
                        let chunk = part.chunk();
                        bytes.extend(chunk)?;
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
