//! Three models of one backend that say the same: `first` at once, `last` a moment later, `never`
//! begins and does not end. What is measured begins when `last` has written its answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::stub::{last, piece, read_request};

const MODELS: &str = r#"{"object":"list","data":[{"id":"first"},{"id":"last"},{"id":"never"}]}"#;
/// By how much `last` is later than `first`.
const LATER: Duration = Duration::from_millis(20);

/// What happened last, and when.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    /// `last` began to write its answer.
    pub(crate) voted: Option<Instant>,
    /// The connection of `never` was closed.
    pub(crate) closed: Option<Instant>,
}

/// The panel; it ends when dropped.
pub(crate) struct Panel {
    address: String,
    moments: watch::Sender<Moments>,
    _serving: JoinSet<()>,
}

impl Panel {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let moments = watch::Sender::new(Moments::default());
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, moments.clone()));
        Ok(Self {
            address,
            moments,
            _serving: serving,
        })
    }

    /// Where it listens, as `127.0.0.1:8080`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Forgets what happened.
    pub(crate) fn forget(&self) {
        self.moments.send_replace(Moments::default());
    }

    /// When `last` answered and `never` was hung up on, once both have happened.
    ///
    /// # Errors
    /// They do not happen.
    pub(crate) async fn moments(&self) -> anyhow::Result<(Instant, Instant)> {
        let mut moments = self.moments.subscribe();
        let both = moments.wait_for(|seen| seen.voted.is_some() && seen.closed.is_some());
        let seen = tokio::time::timeout(Duration::from_secs(10), both).await??;
        seen.voted
            .zip(seen.closed)
            .ok_or_else(|| anyhow::anyhow!("a moment is missing"))
    }
}

async fn accept(listener: TcpListener, moments: watch::Sender<Moments>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream.set_nodelay(true));
        let moments = moments.clone();
        connections.spawn(async move { drop(serve(stream, moments).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, moments: watch::Sender<Moments>) -> anyhow::Result<()> {
    let mut stream = BufReader::with_capacity(2048, stream);
    while let Some(body) = read_request(&mut stream).await? {
        let asks = |model: &[u8]| body.windows(model.len()).any(|part| part == model);
        if body.is_empty() {
            let length = MODELS.len();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
            let listed = format!("{head}\r\ncontent-length: {length}\r\n\r\n{MODELS}");
            stream.get_mut().write_all(listed.as_bytes()).await?;
            continue;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        let said = piece("The answer to it is 42.", "null");
        let begun = format!("{head}{said}");
        let whole = format!("{begun}{}", last(""));
        if asks(b"\"never\"") {
            stream.get_mut().write_all(begun.as_bytes()).await?;
            let hung_up = stream.read(&mut [0; 1]).await;
            moments.send_modify(|seen| seen.closed = Some(Instant::now()));
            hung_up?;
            return Ok(());
        }
        if asks(b"\"last\"") {
            tokio::time::sleep(LATER).await;
            moments.send_modify(|seen| seen.voted = Some(Instant::now()));
        }
        stream.get_mut().write_all(whole.as_bytes()).await?;
    }
    Ok(())
}
