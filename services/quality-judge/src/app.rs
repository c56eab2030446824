//! The only wiring: settings in, a server's stack out.

use terrace_proto::judge::v1::FILE_DESCRIPTOR_SET;
use terrace_proto::judge::v1::judge_service_server::JudgeServiceServer;
use terrace_rpc::server::{InvalidDescriptors, MAX_MESSAGE_BYTES, ServerSettings, Services, Stack};

use crate::config::Settings;
use crate::grpc::Grpc;
use crate::judge::Judge;

/// The judge, built and not yet listening.
#[derive(Debug, Clone)]
pub struct App {
    grpc: Grpc,
}

/// A judge that cannot be built: a built-in pattern is no pattern.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the judge's own patterns do not compile: {0}")]
pub struct BuildError(#[from] regex::Error);

/// Builds the judge. It connects to nothing and is ready at once.
///
/// # Errors
/// A defect of the build.
pub fn build(settings: Settings) -> Result<App, BuildError> {
    let judge = Judge::new(settings.profiles)?;
    Ok(App {
        grpc: Grpc::new(judge, settings.max_messages),
    })
}

impl App {
    /// The layered server, for a socket or for an in-process link.
    ///
    /// # Errors
    /// The contract's descriptors cannot be served: a defect of the build.
    pub fn stack(&self, settings: &ServerSettings) -> Result<Stack, InvalidDescriptors> {
        let server = JudgeServiceServer::new(self.grpc.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let services = Services::new(&[FILE_DESCRIPTOR_SET]).with(server);
        Stack::new("quality-judge", settings, services)
    }
}
