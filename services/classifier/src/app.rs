//! The only wiring: settings in, a server's stack out.

use terrace_proto::classifier::v1::FILE_DESCRIPTOR_SET;
use terrace_proto::classifier::v1::classifier_service_server::ClassifierServiceServer;
use terrace_rpc::server::{InvalidDescriptors, MAX_MESSAGE_BYTES, ServerSettings, Services, Stack};

use crate::classify::Classifier;
use crate::config::Settings;
use crate::grpc::Grpc;

/// The classifier, built and not yet listening.
#[derive(Debug, Clone)]
pub struct App {
    grpc: Grpc,
}

/// Builds the classifier. It connects to nothing, so it cannot fail and is ready at once.
#[must_use]
pub fn build(settings: Settings) -> App {
    let classifier = Classifier::new(settings.overrides, settings.markers);
    App {
        grpc: Grpc::new(classifier, settings.limits),
    }
}

impl App {
    /// The layered server, for a socket or for an in-process link.
    ///
    /// # Errors
    /// The contract's descriptors cannot be served: a defect of the build.
    pub fn stack(&self, settings: &ServerSettings) -> Result<Stack, InvalidDescriptors> {
        let server = ClassifierServiceServer::new(self.grpc.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let services = Services::new(&[FILE_DESCRIPTOR_SET]).with(server);
        Stack::new("classifier", settings, services)
    }
}
