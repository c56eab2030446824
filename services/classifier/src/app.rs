//! The only wiring: settings in, a server's stack out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use terrace_learned::Weights;
use terrace_learned::weights::InvalidWeights;
use terrace_proto::classifier::v1::FILE_DESCRIPTOR_SET;
use terrace_proto::classifier::v1::classifier_service_server::{
    ClassifierService as _, ClassifierServiceServer,
};
use terrace_rpc::server::{InvalidDescriptors, MAX_MESSAGE_BYTES, ServerSettings, Services, Stack};

use crate::classify::Classifier;
use crate::config::Settings;
use crate::grpc::Grpc;
use crate::learning::{Learning, LearningSettings};
use crate::residual;

/// The classifier, built and not yet listening.
#[derive(Debug, Clone)]
pub struct App {
    grpc: Grpc,
}

/// A file or folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It cannot be read.
    #[error("routing.classifier_weights: {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// It is no file of weights, or not one of this version.
    #[error("routing.classifier_weights: {} {cause}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: InvalidWeights,
    },
    /// What is learned cannot be kept.
    #[error("routing.learning.folder: {} cannot be used: {cause}", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// Why not.
        cause: io::Error,
    },
}

/// Builds the classifier. It connects to nothing and is ready at once.
///
/// # Errors
/// The configured file of weights, or the folder of what is learned, cannot be used.
pub fn build(settings: Settings) -> Result<App, BuildError> {
    let weights = match &settings.weights {
        Some(path) => read_weights(path)?,
        None => residual::built_in(),
    };
    let learning = settings.learning.as_ref();
    let learning = learning
        .map(|own| open_learning(&weights, own))
        .transpose()?;
    let classifier = Classifier::new(settings.overrides, settings.markers, weights);
    Ok(App {
        grpc: Grpc::new(classifier, learning, settings.limits),
    })
}

fn open_learning(weights: &Weights, own: &LearningSettings) -> Result<Learning, BuildError> {
    let folder = own.folder.clone().unwrap_or_default();
    Learning::open(weights.clone(), own).map_err(|cause| BuildError::Folder { folder, cause })
}

fn read_weights(path: &Path) -> Result<Weights, BuildError> {
    let path = || path.to_owned();
    let bytes = fs::read(path()).map_err(|cause| BuildError::Unreadable {
        path: path(),
        cause,
    })?;
    Weights::from_bytes(&bytes).map_err(|cause| BuildError::Invalid {
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
        let server = ClassifierServiceServer::new(self.grpc.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let grpc = self.grpc.clone();
        let services = Services::new(&[FILE_DESCRIPTOR_SET]).with(server).direct(
            "terrace.classifier.v1.ClassifierService/Classify",
            move |request| {
                let grpc = grpc.clone();
                async move { grpc.classify(request).await }
            },
        );
        Stack::new("classifier", settings, services)
    }
}
