//! Names of hosts to addresses, without those at which clouds keep the keys of a machine.
//!
//! The config refuses such an address where it is written out; a name may lead to one at any
//! moment, so it is looked at when it is resolved, which is before every connection.

use std::io;
use std::net::SocketAddr;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use terrace_config::is_link_local;

/// Asks the system for the addresses of a host.
type Lookup = fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// Resolves names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver {
    lookup: Lookup,
}

/// A name that leads to link-local addresses alone.
#[derive(Debug, thiserror::Error)]
#[error("it has link-local addresses alone")]
pub(super) struct LinkLocal;

impl Resolver {
    /// The one of the system.
    pub(super) const fn system() -> Self {
        Self { lookup }
    }
}

fn lookup(host: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) })
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let mut addresses = found.await?;
            let is_empty = addresses.is_empty();
            addresses.retain(|address| !is_link_local(address.ip()));
            if addresses.is_empty() && !is_empty {
                return Err(LinkLocal.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
pub(super) mod for_testing {
    //! A system whose every name leads where the keys of a machine are.

    use super::*;

    pub(in crate::provider) const TO_KEYS: Resolver = Resolver {
        lookup: |_| Box::pin(async { Ok(vec!["169.254.169.254:0".parse().unwrap()]) }),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(lookup: Lookup) -> Result<Vec<String>, String> {
        let name = "models.example".parse().unwrap();
        let addresses = Resolver { lookup }.resolve(name).await;
        let addresses = addresses.map_err(|error| error.to_string())?;
        Ok(addresses.map(|address| address.ip().to_string()).collect())
    }

    #[tokio::test]
    async fn of_several_addresses_the_link_local_ones_are_left_out() {
        let found = resolved(|_| {
            let all = [
                "[fe80::1]:0",
                "10.0.0.1:0",
                "[::ffff:169.254.1.1]:0",
                "[2001:db8::1]:0",
            ];
            Box::pin(async move { Ok(all.map(|text| text.parse().unwrap()).to_vec()) })
        });
        assert_eq!(found.await.unwrap(), ["10.0.0.1", "2001:db8::1"]);
    }

    #[tokio::test]
    async fn a_name_of_link_local_addresses_alone_is_refused() {
        let found = resolved(for_testing::TO_KEYS.lookup).await;
        assert_eq!(found.unwrap_err(), "it has link-local addresses alone");
    }

    #[tokio::test]
    async fn the_system_knows_this_machine() {
        let name = "localhost".parse().unwrap();
        let mut addresses = Resolver::system().resolve(name).await.unwrap();
        assert!(addresses.all(|address| address.ip().is_loopback()));
    }
}
