//! The messages of a stream within the process, and what ends them before their time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, select};
use futures::stream::Stream;
use futures::{FutureExt as _, StreamExt as _};
use tonic::{Code, Status};
use tracing::Span;

use super::{Counted, Held, Messages};
use crate::body::Knife as _;
use crate::panic::internal;
use crate::reject::in_our_words;
use crate::status::to_status;

/// A stream that is counted, limited and ended as one over a network is.
pub(super) struct Streamed<A> {
    /// None once it is over.
    open: Option<Open<A>>,
    /// Made where there is something to wait for: most messages are there when they are asked for.
    waiting: Option<BoxFuture<'static, ()>>,
}

struct Open<A> {
    messages: Messages<A>,
    span: Span,
    held: Held,
    counted: Counted,
}

impl<A> Streamed<A> {
    pub(super) fn new(messages: Messages<A>, held: Held, counted: Counted) -> Self {
        let span = counted.hop.span();
        Self {
            open: Some(Open {
                messages,
                span,
                held,
                counted,
            }),
            waiting: None,
        }
    }

    fn end(&mut self, status: Status) -> Poll<Option<Result<A, Status>>> {
        self.close(status.code());
        Poll::Ready(Some(Err(status)))
    }

    fn close(&mut self, code: Code) {
        self.waiting = None;
        if let Some(open) = self.open.take() {
            open.counted.end(code);
        }
    }
}

impl<A> Open<A> {
    /// The status that ends it now, if one does.
    fn ended(&self) -> Option<Status> {
        let (over, until) = (&self.held.call.over, &self.held.until);
        if over.is_due() {
            return Some(over.status());
        }
        until.is_due().then(|| until.status())
    }

    /// Waits until something ends it.
    fn ending(&self) -> BoxFuture<'static, ()> {
        select(self.held.call.over.due(), self.held.until.due())
            .map(|_| ())
            .boxed()
    }
}

impl<A> Stream for Streamed<A> {
    type Item = Result<A, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<A, Status>>> {
        let this = &mut *self;
        let Some(open) = &mut this.open else {
            return Poll::Ready(None);
        };
        if let Some(status) = open.ended() {
            return this.end(status);
        }
        let messages = &mut open.messages;
        let next = AssertUnwindSafe(|| messages.poll_next_unpin(context));
        let polled = open.span.in_scope(|| catch_unwind(next));
        match polled {
            Err(panic) => {
                let status = to_status(&open.span.in_scope(|| internal(&*panic)));
                this.end(status)
            }
            Ok(Poll::Ready(None)) => {
                this.close(Code::Ok);
                Poll::Ready(None)
            }
            Ok(Poll::Ready(Some(Err(status)))) => this.end(in_our_words(status)),
            Ok(Poll::Ready(message)) => Poll::Ready(message),
            Ok(Poll::Pending) => this.wait(context),
        }
    }
}

impl<A> Streamed<A> {
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<A, Status>>> {
        let Some(open) = &self.open else {
            return Poll::Ready(None);
        };
        let waiting = self.waiting.get_or_insert_with(|| open.ending());
        match waiting.poll_unpin(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let status = open.ended().unwrap_or_else(|| open.held.until.status());
                self.end(status)
            }
        }
    }
}
