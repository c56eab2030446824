//! Connections shared out among lanes, each to the one that has the fewest.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{Stream, StreamExt as _};
use terrace_runtime::{Lane, Lanes};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Error;

use super::{Answering, Place, Placed};

/// A connection that leaves the runtime that it was accepted in.
type Parted = (std::net::TcpStream, Place);

/// One lane's share of the connections.
struct Share {
    open: Arc<AtomicUsize>,
    connections: mpsc::UnboundedSender<Parted>,
}

/// An open connection of a lane, until it is dropped.
pub(super) struct Open(Arc<AtomicUsize>);

/// Answers in the lanes until it is time to close, and then until all connections have ended.
pub(super) async fn out(
    lanes: &Lanes,
    placed: impl Stream<Item = io::Result<Placed>>,
    answering: &Answering,
) -> Result<(), Error> {
    let begun = lanes.iter().map(|lane| Share::begin(lane, answering));
    let (shares, answered): (Vec<_>, Vec<_>) = begun.unzip();
    tokio::select! {
        () = share(placed, &shares) => {}
        () = answering.closing.cancelled() => {}
    }
    drop(shares);
    for answered in answered {
        match answered.await {
            Ok(ended) => ended?,
            Err(lost) => {
                tracing::error!(error = %lost, "a lane is answered no more");
            }
        }
    }
    Ok(())
}

async fn share(placed: impl Stream<Item = io::Result<Placed>>, shares: &[Share]) {
    let mut placed = pin!(placed);
    while let Some(next) = placed.next().await {
        let fewest = shares.iter().min_by_key(|share| share.count());
        let shared = next.and_then(|placed| fewest.map_or(Ok(()), |share| share.take(placed)));
        if let Err(error) = shared {
            tracing::debug!(%error, "a connection could not be accepted");
        }
    }
}

impl Share {
    /// Begins to answer in a lane.
    fn begin(lane: &Lane, answering: &Answering) -> (Self, JoinHandle<Result<(), Error>>) {
        let (connections, received) = mpsc::unbounded_channel();
        let answering = answering.clone();
        let arrived = UnboundedReceiverStream::new(received).map(arrive);
        let answered = lane.run(async move { answering.to(arrived).await });
        let open = Arc::default();
        (Self { open, connections }, answered)
    }

    fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn take(&self, (stream, mut place): Placed) -> io::Result<()> {
        self.open.fetch_add(1, Ordering::Relaxed);
        place.lane = Some(Open(Arc::clone(&self.open)));
        // Whoever does not receive any more is closing, as the connection is then.
        let _closing = self.connections.send((stream.into_std()?, place));
        Ok(())
    }
}

fn arrive((stream, place): Parted) -> io::Result<Placed> {
    Ok((TcpStream::from_std(stream)?, place))
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
