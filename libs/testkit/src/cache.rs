//! A part of a real Valkey for a test: keys with a beginning that no other test has.
//!
//! The server is named by `TERRACE_TEST_CACHE_URL`.

use terrace_domain::RequestId;
use url::Url;

/// Environment variable with the URL of a Valkey, or of a Redis.
pub const SERVER_VARIABLE: &str = "TERRACE_TEST_CACHE_URL";

const NO_SERVER: &str = "TERRACE_TEST_CACHE_URL is not set: run `make test`, or start a server \
    with `scripts/valkey.sh start DIR` and export TERRACE_TEST_CACHE_URL";

/// A beginning of keys on the server.
#[derive(Debug, Clone)]
pub struct TestCache {
    url: Url,
    prefix: String,
}

impl TestCache {
    /// Makes one.
    ///
    /// # Panics
    /// When the server is not named, or not by a URL; the message says what to do.
    #[must_use]
    #[expect(
        clippy::panic,
        clippy::disallowed_methods,
        reason = "a test without its server cannot run; this variable is for tests alone"
    )]
    pub fn create() -> Self {
        let Ok(server) = std::env::var(SERVER_VARIABLE) else {
            panic!("{NO_SERVER}");
        };
        let Ok(url) = Url::parse(&server) else {
            panic!("{SERVER_VARIABLE} is no URL");
        };
        let id = RequestId::generate().as_uuid().simple();
        let prefix = format!("terrace_test_{id}");
        Self { url, prefix }
    }

    /// The URL of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The URL of the same server behind another address, as that of a relay.
    ///
    /// # Panics
    /// When `address` is no host and port.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test gives a relay's address")]
    pub fn url_behind(&self, address: &str) -> String {
        let (host, port) = address.rsplit_once(':').expect("an address has a port");
        let mut url = self.url.clone();
        url.set_host(Some(host)).expect("an address has a host");
        let port = port.parse().expect("a port is a number");
        url.set_port(Some(port)).expect("the URL has a host");
        url.into()
    }

    /// Host and port of the server, as `127.0.0.1:6379`.
    #[must_use]
    pub fn address(&self) -> String {
        let host = self.url.host_str().unwrap_or("127.0.0.1");
        format!("{host}:{}", self.url.port().unwrap_or(6379))
    }

    /// What every key of the test begins with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}
