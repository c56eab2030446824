//! Fetching a model: finds the backend that the config puts it on, and passes on how far it is.

use futures::stream::BoxStream;
use terrace_domain::{BackendName, Failure, ModelName, Reason};

use crate::catalog::Catalog;
use crate::ports::{Call, Pulled};

/// A fetch as it goes on.
pub type Pulling = BoxStream<'static, Result<Pulled, Failure>>;

impl Catalog {
    /// Has a backend fetch `model`: `wanted`, or the one backend that has it by the config.
    ///
    /// # Errors
    /// No backend, or more than one, is meant; or the backend cannot fetch.
    pub async fn pull(
        &self,
        model: &ModelName,
        wanted: Option<BackendName>,
        call: Call,
    ) -> Result<(BackendName, Pulling), Failure> {
        let backend = match wanted {
            Some(wanted) => wanted,
            None => self.backend_of(model)?,
        };
        let Some(gateway) = self.gateway(&backend) else {
            let message = format!("there is no backend {backend}: see `terrace models`");
            return Err(Failure::new(Reason::InvalidRequest, message));
        };
        let steps = gateway.pull(model, call).await?;
        Ok((backend, steps))
    }

    /// The backend that the config puts a model on.
    fn backend_of(&self, model: &ModelName) -> Result<BackendName, Failure> {
        let models = self.snapshot();
        let own = models.iter().filter(|own| &own.name == model);
        let mut backends: Vec<&BackendName> = own.map(|own| &own.backend).collect();
        backends.sort_unstable();
        backends.dedup();
        let message = match backends.as_slice() {
            [backend] => return Ok((*backend).clone()),
            [] => {
                format!("no tier of the config has an enabled model {model}: put it there first")
            }
            several => {
                let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                let names = names.join(", ");
                format!("{model} is on several backends: say which one, of {names}")
            }
        };
        Err(Failure::new(Reason::InvalidRequest, message))
    }
}
