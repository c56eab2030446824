//! The only wiring: settings in, a server's stack out.

use std::fmt;
use std::sync::Arc;

use futures::StreamExt as _;
use terrace_proto::gateway::v1::FILE_DESCRIPTOR_SET;
use terrace_proto::gateway::v1::gateway_service_server::{
    GatewayService as _, GatewayServiceServer,
};
use terrace_rpc::server::{InvalidDescriptors, MAX_MESSAGE_BYTES, ServerSettings, Services, Stack};
use terrace_runtime::{Kind, Tasks};

use crate::config::Settings;
use crate::endpoints::{Endpoints, REREAD_EVERY};
use crate::error::{Blame, Error};
use crate::generate::Generate;
use crate::grpc::Grpc;
use crate::registry::{Pace, Registry};

/// A gateway, built and not yet listening.
#[derive(Clone)]
pub struct TierGateway {
    grpc: Grpc,
    endpoints: Arc<Endpoints>,
    registry: Arc<Registry>,
    pace: Pace,
    warm_up: bool,
    backend: String,
}

/// Builds a gateway whose answers are read in `tasks`. It connects to nothing; see
/// [`TierGateway::start`].
///
/// # Errors
/// The HTTP client cannot be built: a defect of the build.
pub fn build(settings: &Settings, tasks: &Tasks) -> Result<TierGateway, Error> {
    let backend = &settings.backend;
    let blame = Blame {
        backend: backend.name.clone(),
        kind: backend.kind,
        url: backend.url.as_str().trim_end_matches('/').to_owned(),
    };
    let endpoints = Arc::new(Endpoints::new(backend)?);
    let kind = endpoints.abilities();
    let registry = Registry::new(settings, endpoints.keys(), kind, blame.clone());
    let registry = Arc::new(registry);
    let generate = Generate::new(
        settings,
        Arc::clone(&endpoints),
        Arc::clone(&registry),
        blame,
        tasks.clone(),
    );
    Ok(TierGateway {
        grpc: Grpc::new(Arc::new(generate), Arc::clone(&registry), settings.limits),
        endpoints,
        registry,
        pace: Pace {
            every: backend.refresh_interval,
            soon: settings.refresh_soon,
        },
        warm_up: backend.warm_up,
        backend: backend.name.to_string(),
    })
}

impl TierGateway {
    /// The layered server, for a socket or for an in-process link.
    ///
    /// # Errors
    /// The contract's descriptors cannot be served: a defect of the build.
    pub fn stack(&self, settings: &ServerSettings) -> Result<Stack, InvalidDescriptors> {
        let server = GatewayServiceServer::new(self.grpc.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let grpc = self.grpc.clone();
        let services = Services::new(&[FILE_DESCRIPTOR_SET]).with(server).direct(
            "terrace.gateway.v1.GatewayService/GenerateStream",
            move |request| {
                let grpc = grpc.clone();
                async move {
                    let answer = grpc.generate_stream(request).await?;
                    Ok(answer.map(|messages| messages.boxed()))
                }
            },
        );
        Stack::new(crate::NAME, settings, services)
    }

    /// Asks the backend once what it has, then keeps asking in the background.
    ///
    /// Returns after a few seconds at most, whatever the backend does.
    pub async fn start(&self, tasks: &Tasks) {
        let answered = self.registry.look(&self.endpoints).await;
        self.keep_keys_fresh(tasks);
        if self.warm_up {
            self.load_models(tasks);
        }
        let (registry, endpoints) = (Arc::clone(&self.registry), Arc::clone(&self.endpoints));
        let pace = self.pace;
        tasks.spawn("refresh models", Kind::Background, async move {
            registry.keep_fresh(endpoints, pace, answered).await;
        });
    }

    fn load_models(&self, tasks: &Tasks) {
        let (registry, endpoints) = (Arc::clone(&self.registry), Arc::clone(&self.endpoints));
        tasks.spawn("warm up models", Kind::Background, async move {
            for provider in endpoints.all() {
                registry.warm_up(provider).await;
            }
        });
    }

    fn keep_keys_fresh(&self, tasks: &Tasks) {
        let keys = Arc::clone(self.endpoints.keys());
        tasks.spawn("reread keys", Kind::Background, async move {
            loop {
                tokio::time::sleep(REREAD_EVERY).await;
                keys.reread();
            }
        });
    }
}

impl fmt::Debug for TierGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TierGateway")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}
