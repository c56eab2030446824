//! Somebody else's clients, who take every connection that PostgreSQL gives, and keep them.
//!
//! They say who they are and then do not log in: a connection counts from its first words on, and
//! nobody has to know a password.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Before somebody who was refused tries again.
const PAUSE: Duration = Duration::from_millis(20);
/// How long the first answer is waited for.
const ANSWER: Duration = Duration::from_secs(1);
/// How PostgreSQL begins to ask for a password.
const ASKED: u8 = b'R';

/// Connections that are held until this is dropped.
#[derive(Debug)]
pub(crate) struct Crowd {
    _holding: JoinSet<()>,
    full: CancellationToken,
}

impl Crowd {
    /// Takes all that are free at this address, and whatever becomes free later.
    pub(super) fn gather(address: String) -> Self {
        let full = CancellationToken::new();
        let mut holding = JoinSet::new();
        holding.spawn(hold_all(address, full.clone()));
        Self {
            _holding: holding,
            full,
        }
    }

    /// Waits until no connection is left.
    pub(super) async fn is_there(&self) {
        self.full.cancelled().await;
    }
}

async fn hold_all(address: String, full: CancellationToken) {
    let mut held = Vec::new();
    loop {
        match take(&address).await {
            Some(connection) => held.push(connection),
            None => {
                full.cancel();
                sleep(PAUSE).await;
            }
        }
    }
}

/// One connection, if there is one left.
async fn take(address: &str) -> Option<TcpStream> {
    let mut connection = TcpStream::connect(address).await.ok()?;
    connection.write_all(&first_words()).await.ok()?;
    let answer = timeout(ANSWER, connection.read_u8()).await;
    matches!(answer, Ok(Ok(ASKED))).then_some(connection)
}

/// The start of protocol 3.0: who wants to speak to which database.
fn first_words() -> Vec<u8> {
    let mut words = 196_608_u32.to_be_bytes().to_vec();
    words.extend(b"user\0terrace\0database\0terrace\0\0");
    let length = u32::try_from(words.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().to_vec(), words].concat()
}
