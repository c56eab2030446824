//! The generated services of a server, with what reflection tells about them.
//!
//! Health and reflection (v1, and v1alpha for clients that know no other) are added to every
//! server. Names come from the services and methods from their descriptors, so metrics know which
//! methods exist.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use axum::response::IntoResponse;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Request;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_reflection::server::Builder;
use tower::Service;

use crate::direct::{Answer, Methods};
use crate::server::health::Health;

/// The services of one server, collected.
#[derive(Debug, Clone)]
pub struct Services {
    routes: Routes,
    names: Vec<&'static str>,
    descriptors: Vec<&'static [u8]>,
    direct: Methods,
}

/// Descriptors that describe nothing.
#[derive(Debug, thiserror::Error)]
#[error("the descriptors of {service} cannot be served: {problem}")]
pub struct InvalidDescriptors {
    service: String,
    problem: String,
}

/// Everything a stack needs of its services.
pub(super) struct Described {
    pub(super) routes: Routes,
    pub(super) methods: BTreeSet<String>,
    pub(super) direct: Methods,
    pub(super) health: Health,
}

impl Services {
    /// Begins a collection that is described by `descriptors`: encoded `FileDescriptorSet`s that
    /// include what they import. They may describe more than is added.
    #[must_use]
    pub fn new(descriptors: &[&'static [u8]]) -> Self {
        let mut descriptors = descriptors.to_vec();
        descriptors.extend([
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            // So that tools can print the details of a failure.
            tonic_types::pb::FILE_DESCRIPTOR_SET,
        ]);
        Self {
            routes: Routes::default(),
            names: Vec::new(),
            descriptors,
            direct: Methods::default(),
        }
    }

    /// Adds a generated service. Give it its size limits before, see
    /// [`crate::server::MAX_MESSAGE_BYTES`].
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes = self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Lets callers in this process call a method of what was added without bytes. `name` is its full
    /// name, as `terrace.classifier.v1.ClassifierService/Classify`; `Q` is the request of no other.
    #[must_use]
    pub fn direct<Q, A, F>(
        mut self,
        name: &'static str,
        handle: impl Fn(Request<Q>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        Q: 'static,
        A: 'static,
        F: Future<Output = Answer<A>> + Send + 'static,
    {
        self.direct.add(name, handle);
        self
    }

    /// Adds health and reflection.
    pub(super) fn describe(self) -> Result<Described, InvalidDescriptors> {
        let methods = self.methods()?;
        if let Some(name) = self.direct.names().find(|name| !methods.contains(*name)) {
            return Err(self.invalid(&format_args!("there is no method {name}")));
        }
        let (health, health_service) = Health::new(&self.names);
        let refused = |error: tonic_reflection::server::Error| self.invalid(&error);
        let v1 = self.reflection().build_v1().map_err(refused)?;
        let v1alpha = self.reflection().build_v1alpha().map_err(refused)?;
        let routes = self
            .routes
            .add_service(health_service)
            .add_service(v1)
            .add_service(v1alpha);
        Ok(Described {
            routes: routes.prepare(),
            methods,
            direct: self.direct,
            health,
        })
    }

    fn reflection(&self) -> Builder<'static> {
        let builder = Builder::configure()
            .with_service_name("grpc.health.v1.Health")
            .with_service_name("grpc.reflection.v1.ServerReflection");
        let builder = self
            .names
            .iter()
            .fold(builder, |builder, name| builder.with_service_name(*name));
        self.descriptors.iter().fold(builder, |builder, set| {
            builder.register_encoded_file_descriptor_set(set)
        })
    }

    /// Every method that this server has, as `package.Service/Method`.
    fn methods(&self) -> Result<BTreeSet<String>, InvalidDescriptors> {
        let mut served = self.names.clone();
        served.push("grpc.health.v1.Health");
        let mut methods = BTreeSet::new();
        for set in &self.descriptors {
            let set = FileDescriptorSet::decode(*set).map_err(|error| self.invalid(&error))?;
            for (name, service) in set.file.iter().flat_map(services_of) {
                if served.contains(&name.as_str()) {
                    let names = service
                        .method
                        .iter()
                        .map(|m| format!("{name}/{}", m.name()));
                    methods.extend(names);
                }
            }
        }
        Ok(methods)
    }

    fn invalid(&self, problem: &dyn fmt::Display) -> InvalidDescriptors {
        InvalidDescriptors {
            service: self.names.join(", "),
            problem: problem.to_string(),
        }
    }
}

fn services_of(
    file: &prost_types::FileDescriptorProto,
) -> impl Iterator<Item = (String, &prost_types::ServiceDescriptorProto)> {
    file.service
        .iter()
        .map(|service| (format!("{}.{}", file.package(), service.name()), service))
}
