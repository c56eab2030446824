//! A request body that can be sent once more.
//!
//! What a callee was sent is kept until it has answered, so that a call which it never got can go
//! to another replica. A body that grows beyond what a message of ours may have is sent on and not
//! kept any more: then there is no second time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tonic::Status;
use tonic::body::Body;

use crate::server::MAX_MESSAGE_BYTES;

/// A body and what of it was sent so far.
#[derive(Clone)]
pub(super) struct Replay(Arc<Mutex<Sent>>);

struct Sent {
    /// What is not sent yet.
    rest: Body,
    /// None once it is too much to keep.
    kept: Option<Vec<Bytes>>,
    bytes: usize,
    /// Which sending may go on: an earlier one that is still held somewhere may not.
    sending: usize,
    over: bool,
}

/// One sending of the body.
struct Sending {
    replay: Replay,
    number: usize,
    next: usize,
}

impl Replay {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Sent {
            over: body.is_end_stream(),
            rest: body,
            kept: Some(Vec::new()),
            bytes: 0,
            sending: 0,
        })))
    }

    /// The body from its beginning; `None` where that is not kept.
    pub(super) fn send(&self) -> Option<Body> {
        let number = self.begin()?;
        // Not under the lock: a new body is asked at once whether it has ended.
        Some(Body::new(Sending {
            replay: self.clone(),
            number,
            next: 0,
        }))
    }

    /// The callee has answered: nothing is kept any more.
    pub(super) fn forget(&self) {
        self.lock().kept = None;
    }

    /// The number of the next sending.
    fn begin(&self) -> Option<usize> {
        let mut sent = self.lock();
        sent.kept.as_ref()?;
        sent.sending += 1;
        Some(sent.sending)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    fn poll_next(
        &mut self,
        next: &mut usize,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(again) = self.kept.as_ref().and_then(|kept| kept.get(*next)) {
            *next += 1;
            return Poll::Ready(Some(Ok(Frame::data(again.clone()))));
        }
        let polled = Pin::new(&mut self.rest).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                *next += 1;
                self.keep(frame);
            }
            Poll::Ready(Some(Err(_)) | None) => self.over = true,
            Poll::Pending => {}
        }
        self.over |= self.rest.is_end_stream();
        polled
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        match frame.data_ref() {
            Some(data) if self.bytes + data.len() <= MAX_MESSAGE_BYTES => {
                self.bytes += data.len();
                if let Some(kept) = &mut self.kept {
                    kept.push(data.clone());
                }
            }
            // Too much, or trailers, which no request of gRPC has.
            Some(_) | None => self.kept = None,
        }
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let mut sent = this.replay.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.sending != this.number {
            return Poll::Ready(Some(Err(Status::cancelled("sent elsewhere"))));
        }
        sent.poll_next(&mut this.next, context)
    }

    fn is_end_stream(&self) -> bool {
        let sent = self.replay.lock();
        let kept = sent.kept.as_ref().map_or(0, Vec::len);
        sent.over && self.next >= kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};

    fn body(pieces: Vec<Vec<u8>>) -> Body {
        let frames = stream::iter(pieces).map(|piece| Ok::<_, Status>(Frame::data(piece.into())));
        Body::new(StreamBody::new(frames))
    }

    async fn all(body: Body) -> Vec<u8> {
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn what_was_sent_in_part_is_sent_again_as_a_whole() {
        let replay = Replay::new(body(vec![b"one".to_vec(), b"two".to_vec()]));
        let mut first = replay.send().unwrap();
        let piece = first.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(&piece[..], b"one");
        drop(first);
        assert_eq!(all(replay.send().unwrap()).await, b"onetwo");
        assert_eq!(all(replay.send().unwrap()).await, b"onetwo");
    }

    #[tokio::test]
    async fn an_earlier_sending_takes_nothing_from_a_later_one() {
        let replay = Replay::new(body(vec![b"one".to_vec()]));
        let mut first = replay.send().unwrap();
        let second = replay.send().unwrap();
        first.frame().await.unwrap().unwrap_err();
        assert_eq!(all(second).await, b"one");
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_goes_out_once() {
        let piece = vec![0_u8; MAX_MESSAGE_BYTES / 2 + 1];
        let replay = Replay::new(body(vec![piece.clone(), piece.clone(), piece]));
        let sent = all(replay.send().unwrap()).await;
        assert_eq!(sent.len(), 3 * (MAX_MESSAGE_BYTES / 2 + 1));
        assert!(replay.send().is_none());
    }

    #[tokio::test]
    async fn after_the_answer_there_is_no_second_time() {
        let replay = Replay::new(body(vec![b"one".to_vec()]));
        assert_eq!(all(replay.send().unwrap()).await, b"one");
        replay.forget();
        assert!(replay.send().is_none());
    }
}
