//! The only wiring: settings in, a server's stack out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use terrace_domain::BackendName;
use terrace_learned::Head;
use terrace_learned::head::{InvalidHead, identity};
use terrace_proto::judge::v1::FILE_DESCRIPTOR_SET;
use terrace_proto::judge::v1::judge_service_server::{JudgeService as _, JudgeServiceServer};
use terrace_rpc::link::{InvalidUrl, Link, Network};
use terrace_rpc::server::{InvalidDescriptors, MAX_MESSAGE_BYTES, ServerSettings, Services, Stack};

use crate::clients::Panel;
use crate::clients::gateways::Gateways;
use crate::config::Settings;
use crate::grpc::Grpc;
use crate::head;
use crate::judge::Judge;
use crate::rules::{InvalidRule, Rules};
use crate::second::Seconds;

/// The judge, built and not yet listening.
#[derive(Debug, Clone)]
pub struct App {
    grpc: Grpc,
}

/// A judge that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A built-in pattern is no pattern: a defect of the build.
    #[error("the judge's own patterns do not compile: {0}")]
    Pattern(#[from] regex::Error),
    /// The head's file cannot be read.
    #[error("judge.head: {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// It is no head, or not one of this version.
    #[error("judge.head: {} {cause}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: InvalidHead,
    },
    /// A rule does not compile.
    #[error("judge.rules: {0}")]
    Rule(#[from] InvalidRule),
    /// There is no way to a judge of the user's own.
    #[error("judge.external: {0}")]
    External(#[from] InvalidUrl),
    /// There is no way to a gateway.
    #[error("backends: {0}")]
    Gateway(InvalidUrl),
}

/// Builds the judge, with gateways over the network. It connects to nothing and is ready at once; to
/// be called inside a tokio runtime where there are external judges or models to ask.
///
/// # Errors
/// The configured head or judge cannot be used, or a defect of the build.
pub fn build(settings: Settings, network: &Network) -> Result<App, BuildError> {
    let wanted = settings
        .gateways
        .iter()
        .filter(|_| settings.seconds.is_some());
    let links = wanted.map(|(backend, url)| {
        let link = network.link("gateway", url).map_err(BuildError::Gateway)?;
        Ok((backend.clone(), link))
    });
    let links = links.collect::<Result<Vec<_>, BuildError>>()?;
    build_with(settings, links, network)
}

/// Builds the judge with links to its gateways; the user's own judges are reached over `network`.
///
/// # Errors
/// As [`build`].
pub fn build_with(
    settings: Settings,
    gateways: Vec<(BackendName, Link)>,
    network: &Network,
) -> Result<App, BuildError> {
    let head = match &settings.head {
        Some(path) => read_head(path)?,
        None => head::built_in(),
    };
    let judge = Judge::new(settings.profiles)?
        .with_head(head)?
        .with_rules(Rules::new(&settings.rules)?);
    let panel = Panel::new(&settings.external, network)?;
    let ask = Arc::new(Gateways::new(gateways));
    let seconds = settings.seconds.map(|seconds| Seconds::new(seconds, ask));
    Ok(App {
        grpc: Grpc::new(judge, panel, settings.max_messages).with_seconds(seconds.transpose()?),
    })
}

fn read_head(path: &Path) -> Result<Head, BuildError> {
    let path = || path.to_owned();
    let bytes = fs::read(path()).map_err(|cause| BuildError::Unreadable {
        path: path(),
        cause,
    })?;
    Head::from_bytes(&bytes, identity(&head::NAMES)).map_err(|cause| BuildError::Invalid {
        path: path(),
        cause,
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
        let (judging, watching) = (self.grpc.clone(), self.grpc.clone());
        let services = Services::new(&[FILE_DESCRIPTOR_SET])
            .with(server)
            .direct("terrace.judge.v1.JudgeService/Judge", move |request| {
                let grpc = judging.clone();
                async move { grpc.judge(request).await }
            })
            .direct("terrace.judge.v1.JudgeService/JudgeStream", move |pieces| {
                let grpc = watching.clone();
                async move { grpc.watch(pieces).await }
            });
        Stack::new("quality-judge", settings, services)
    }
}
