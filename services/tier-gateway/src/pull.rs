//! Fetching a model onto the backend.
//!
//! Only models of the config are fetched: a caller who could name any would fill the disk.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use terrace_domain::{Failure, ModelName};

use crate::error::Fault;
use crate::generate::Generate;
use crate::provider::Progress;

/// One step of a fetch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It goes on.
    Progress(Progress),
    /// The model is there.
    Done,
}

/// A fetch on its way; dropping it ends the work of the backend.
pub(crate) type Fetch = BoxStream<'static, Result<Step, Failure>>;

impl Generate {
    /// Fetches a model of the config.
    pub(crate) async fn pull(&self, model: &ModelName) -> Result<Fetch, Failure> {
        let fail = |fault: &Fault| self.blame.failure(fault, model);
        self.registry
            .callable(model)
            .map_err(|fault| fail(&fault))?;
        let provider = self
            .endpoints
            .first()
            .ok_or_else(|| fail(&Fault::Unreachable))?;
        let progress = provider.pull(model).await;
        let progress = progress.map_err(|fault| fail(&fault))?;
        let (blame, registry) = (self.blame.clone(), Arc::clone(&self.registry));
        let name = model.clone();
        let steps = progress.map(move |step| match step {
            Ok(progress) => Ok(Step::Progress(progress)),
            Err(fault) => Err(blame.failure(&fault, &name)),
        });
        // A fetch without a fault has come to its end, and the list of models has changed.
        let done = stream::once(async move {
            registry.look_again();
            Ok(Step::Done)
        });
        Ok(until_failure(steps.chain(done).boxed()))
    }
}

/// The steps up to the first failure.
fn until_failure(steps: Fetch) -> Fetch {
    stream::unfold(Some(steps), |steps| async move {
        let mut steps = steps?;
        let step = steps.next().await?;
        let rest = step.is_ok().then_some(steps);
        Some((step, rest))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_domain::Reason;

    #[tokio::test]
    async fn nothing_comes_after_a_failure() {
        let failure = Failure::new(Reason::BackendFailed, "no");
        let steps = stream::iter([Err(failure), Ok(Step::Done)]).boxed();
        assert_eq!(until_failure(steps).count().await, 1);
    }
}
