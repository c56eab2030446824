//! gRPC-web for browsers, and gRPC as it is: the orchestrator's own service, handed on.
//!
//! A body of gRPC-web is turned into one of gRPC and back (the library's part), the call goes to the
//! link as it is: nothing is decoded here, every method there will ever be works, and the door behind
//! the link looks at the key.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use futures::future::BoxFuture;
use http::{HeaderMap, header};
use terrace_rpc::Link;
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service, ServiceExt as _};

/// The paths of the orchestrator's service.
const PATH: &str = "/terrace.router.v1.RouterService/{method}";

/// Headers that are about one connection and not about the call.
const HOP_BY_HOP: [header::HeaderName; 7] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::EXPECT,
];

/// The routes that lead through `link`.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(link: Link) -> Router<S> {
    Router::new().route_service(PATH, GrpcWebLayer::new().layer(Forward { link }))
}

/// The service behind a link.
#[derive(Debug, Clone)]
struct Forward {
    link: Link,
}

impl Service<http::Request<Body>> for Forward {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The call waits for the link instead.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        for name in HOP_BY_HOP {
            parts.headers.remove(name);
        }
        let request = called(&parts.uri, parts.headers, body);
        Box::pin(self.link.clone().oneshot(request))
    }
}

/// The call as a link takes it: by its path alone.
fn called(uri: &http::Uri, headers: HeaderMap, body: Body) -> http::Request<Body> {
    let mut request = http::Request::new(body);
    *request.method_mut() = http::Method::POST;
    *request.version_mut() = http::Version::HTTP_2;
    *request.headers_mut() = headers;
    if let Ok(path) = uri.path().parse() {
        *request.uri_mut() = path;
    }
    request
}
