//! Services of other parts on the one port of `terrace up`: calls are handed on as they are.
//!
//! Gateways all speak the same service, so with several of them a call names its backend in the
//! metadata `terrace-backend`. Nothing is decoded here, and every method there will ever be works.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use terrace_domain::{BackendName, Failure, FieldViolation, Reason};
use terrace_proto::gateway::v1::gateway_service_server::GatewayServiceServer;
use terrace_rpc::Link;
use terrace_rpc::status::to_status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::{Service, ServiceExt as _};

/// Metadata that chooses a gateway.
const CHOICE: &str = "terrace-backend";

type Request = http::Request<Body>;
type Response = http::Response<Body>;
type Answer = BoxFuture<'static, Result<Response, Infallible>>;

/// The service with the name of `S`, answered behind a link.
#[derive(Debug)]
pub(super) struct Forward<S> {
    link: Link,
    named: PhantomData<fn() -> S>,
}

impl<S> Forward<S> {
    pub(super) const fn to(link: Link) -> Self {
        Self {
            link,
            named: PhantomData,
        }
    }
}

impl<S> Clone for Forward<S> {
    fn clone(&self) -> Self {
        Self::to(self.link.clone())
    }
}

impl<S: NamedService> NamedService for Forward<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request> for Forward<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The call waits for the link instead.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        Box::pin(self.link.clone().oneshot(request))
    }
}

/// The gateways, one of which answers each call.
#[derive(Debug, Clone)]
pub(super) struct Gateways {
    gateways: Arc<[(BackendName, Link)]>,
}

impl Gateways {
    pub(super) fn to(gateways: &[(BackendName, Link)]) -> Self {
        Self {
            gateways: gateways.into(),
        }
    }

    /// The gateway that the request names, or the only one.
    fn choose(&self, request: &Request) -> Result<Link, Failure> {
        let chosen = request.headers().get(CHOICE);
        let found = match (chosen, &*self.gateways) {
            (None, [(_, only)]) => Some(only),
            (None, _) => None,
            (Some(name), gateways) => gateways
                .iter()
                .find(|(backend, _)| backend.as_str().as_bytes() == name.as_bytes())
                .map(|(_, link)| link),
        };
        found.cloned().ok_or_else(|| self.which(chosen.is_some()))
    }

    fn which(&self, is_named: bool) -> Failure {
        let names: Vec<&str> = self
            .gateways
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let names = names.join(", ");
        let description = match is_named {
            true => format!("names no backend of this server; there are {names}"),
            false => format!("must name the backend that is meant, one of {names}"),
        };
        Failure {
            fields: vec![FieldViolation {
                field: CHOICE.to_owned(),
                description: description.clone(),
            }],
            ..Failure::new(
                Reason::InvalidRequest,
                format!("the metadata {CHOICE} {description}"),
            )
        }
    }
}

impl NamedService for Gateways {
    const NAME: &'static str = GatewayServiceServer::<()>::NAME;
}

impl Service<Request> for Gateways {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        match self.choose(&request) {
            Ok(link) => Box::pin(link.oneshot(request)),
            Err(failure) => Box::pin(async move { Ok(to_status(&failure).into_http()) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_proto::judge::v1::judge_service_server::JudgeServiceServer;

    fn gateways(names: &[&str]) -> Gateways {
        let gateway = |name: &&str| {
            let link = Link::network("gateway", &format!("http://{name}:1")).unwrap();
            (BackendName::new(*name).unwrap(), link)
        };
        Gateways::to(&names.iter().map(gateway).collect::<Vec<_>>())
    }

    fn asking_for(name: Option<&str>) -> Request {
        let mut request = http::Request::new(Body::empty());
        if let Some(name) = name {
            request.headers_mut().insert(CHOICE, name.parse().unwrap());
        }
        request
    }

    #[tokio::test]
    async fn the_only_gateway_needs_no_name() {
        let link = gateways(&["a"]).choose(&asking_for(None)).unwrap();
        assert_eq!(link.target(), "http://a:1");
    }

    #[tokio::test]
    async fn one_of_several_is_chosen_by_its_name() {
        let several = gateways(&["a", "b"]);
        let link = several.choose(&asking_for(Some("b"))).unwrap();
        assert_eq!(link.target(), "http://b:1");
        for wrong in [None, Some("c")] {
            let failure = several.choose(&asking_for(wrong)).unwrap_err();
            assert_eq!(failure.reason, Reason::InvalidRequest);
            assert!(failure.message.contains("a, b"), "{failure}");
        }
    }

    #[test]
    fn a_forwarded_service_keeps_its_name() {
        assert_eq!(
            <Forward<JudgeServiceServer<()>> as NamedService>::NAME,
            "terrace.judge.v1.JudgeService"
        );
    }
}
