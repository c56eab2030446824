//! Where a callee is, taken apart: how to speak to it, by which name, at which port.
//!
//! A name is looked up again and again and may stand for many replicas; an IP address is one.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::uri::Scheme;

/// A URL that a link can be made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) uri: Uri,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) secure: bool,
}

/// The host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// One server.
    Ip(IpAddr),
    /// As many as the name has addresses.
    Name(String),
}

impl Address {
    /// # Errors
    /// It is no `http://` or `https://` address with a host; says why.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url
            .parse()
            .map_err(|error: http::uri::InvalidUri| error.to_string())?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err("it has to begin with http:// or https://".to_owned()),
        };
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err("it has no host".to_owned());
        }
        // An IPv6 address stands in brackets.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let host = match bare.parse() {
            Ok(ip) => Host::Ip(ip),
            Err(_) => Host::Name(bare.to_owned()),
        };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self {
            host,
            port,
            secure,
            uri,
        })
    }

    /// The one server it names, if it names one.
    pub(super) fn single(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, self.port)),
            Host::Name(_) => None,
        }
    }

    /// What the callee's certificate has to say it is.
    pub(super) fn server_name(&self) -> String {
        match &self.host {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.trim_end_matches('.').to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ip_address_is_one_server_and_a_name_may_be_many() {
        let one = Address::parse("http://127.0.0.1:7001").unwrap();
        assert_eq!(one.single(), Some(([127, 0, 0, 1], 7001).into()));
        let one = Address::parse("https://[::1]").unwrap();
        assert_eq!((one.port, one.secure), (443, true));
        assert_eq!(one.server_name(), "::1");
        let many = Address::parse("http://terrace-gateway-gpu.ns.svc.:50051/").unwrap();
        assert_eq!(many.single(), None);
        assert_eq!(many.server_name(), "terrace-gateway-gpu.ns.svc");
    }
}
