//! One connection for all calls, made when it is first used and made anew after it failed.
//!
//! A call waits for its answer as long as the config says. Making a connection may take longer
//! than that, with TLS or from afar: it goes on from call to call, and only one that has worked
//! is given up for being late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, Pipeline, RedisError, RedisResult};

/// How long it may take to make a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The connection.
pub(super) struct Connection {
    client: Client,
    timeout: Duration,
    line: ArcSwap<Line>,
}

struct Line {
    manager: ConnectionManager,
    has_worked: AtomicBool,
}

impl Connection {
    /// Prepares a connection; nothing is asked of the server yet.
    pub(super) fn new(client: Client, timeout: Duration) -> RedisResult<Self> {
        let line = Line::new(&client)?;
        Ok(Self {
            client,
            timeout,
            line: ArcSwap::from_pointee(line),
        })
    }

    /// Makes all calls of a pipeline in one go.
    pub(super) async fn query<T: FromRedisValue>(&self, pipeline: &Pipeline) -> RedisResult<T> {
        let line = self.line.load_full();
        let mut manager = line.manager.clone();
        let end = tokio::time::timeout(self.timeout, pipeline.query_async(&mut manager))
            .await
            .unwrap_or_else(|_late| Err(late()));
        match &end {
            Ok(_) => line.has_worked.store(true, Ordering::Relaxed),
            Err(error) if line.is_over(error) => self.make_anew(&line),
            Err(_) => {}
        }
        end
    }

    fn make_anew(&self, line: &Arc<Line>) {
        if let Ok(new) = Line::new(&self.client) {
            self.line.compare_and_swap(line, Arc::new(new));
        }
    }
}

impl Line {
    fn new(client: &Client) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None);
        Ok(Self {
            manager: ConnectionManager::new_lazy_with_config(client.clone(), config)?,
            has_worked: AtomicBool::new(false),
        })
    }

    /// Whether nothing more is to be had of it after this error.
    fn is_over(&self, error: &RedisError) -> bool {
        if self.has_worked.load(Ordering::Relaxed) {
            // One that is stuck would stay so until the kernel gives it up.
            return error.is_io_error() || error.is_connection_dropped() || error.is_timeout();
        }
        // One that could not be made, as for a wrong password, is not tried again by itself.
        !error.is_timeout()
    }
}

fn late() -> RedisError {
    let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time");
    RedisError::from(error)
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client would show its password.
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
