//! What a backend tells of a model, beside what the config says of it.
//!
//! What the config or the built-in list states holds, except that a context window is never larger
//! than the backend's: a prompt that it has no room for is cut there, or refused. Where neither
//! knows, the backend is believed.

use std::sync::Arc;

use crate::config::Served;
use crate::provider::{Abilities, Found, Traits, Window, same_model};

/// The models with what the backend told: nothing before it has. None of them can do more than its
/// `kind` of backend.
pub(super) fn of(configured: &[Served], found: &[Found], kind: Abilities) -> Vec<Arc<Served>> {
    let traits = |served: &Served| {
        let mut own = found
            .iter()
            .filter(|model| same_model(&served.model.name, &model.name));
        own.next().map(|model| model.traits).unwrap_or_default()
    };
    let completed = configured.iter().map(|served| {
        let mut served = complete(served, traits(served));
        served.model.capabilities = kind.of_model(served.model.capabilities);
        served
    });
    completed.map(Arc::new).collect()
}

fn complete(served: &Served, traits: Traits) -> Served {
    let mut served = served.clone();
    let model = &mut served.model;
    match traits.context_window {
        Some(Window::Running(tokens)) if !model.known.context_window => {
            model.context_window = tokens;
        }
        Some(Window::Running(most) | Window::AtMost(most)) => {
            model.context_window = model.context_window.min(most);
        }
        None => {}
    }
    model.max_output_tokens = model.max_output_tokens.min(model.context_window);
    if let (false, Some(can)) = (model.known.capabilities, traits.capabilities) {
        model.capabilities = can;
    }
    served
}

#[cfg(test)]
mod tests {
    use terrace_config::{BackendKind, Capabilities};

    use super::*;
    use crate::config::for_testing::settings;

    const TOOLS: Capabilities = Capabilities {
        code: false,
        vision: false,
        tools: true,
        json: false,
        logprobs: false,
        embeddings: false,
    };

    fn told(configured: &Served, window: Window) -> Served {
        let found = Found {
            name: "m:latest".into(),
            traits: Traits {
                context_window: Some(window),
                capabilities: Some(TOOLS),
            },
        };
        let served = of(
            std::slice::from_ref(configured),
            &[Found::named("other"), found],
            Abilities {
                tools: true,
                ..Abilities::default()
            },
        );
        served[0].as_ref().clone()
    }

    fn configured() -> Served {
        settings(BackendKind::Ollama, &["m"]).models.remove(0)
    }

    #[test]
    fn the_smaller_window_holds_and_the_output_fits_into_it() {
        let mut configured = configured();
        configured.model.known.context_window = true;
        let window = |told: Served| (told.model.context_window, told.model.max_output_tokens);
        for of in [Window::Running, Window::AtMost] {
            assert_eq!(window(told(&configured, of(131_072))), (8192, 1024));
            assert_eq!(window(told(&configured, of(512))), (512, 512));
        }
    }

    #[test]
    fn a_window_that_nobody_stated_is_the_one_the_model_runs_with() {
        let window = |of| told(&configured(), of).model.context_window;
        assert_eq!(window(Window::Running(32_768)), 32_768);
        assert_eq!(
            window(Window::AtMost(131_072)),
            8192,
            "memory is the operator's to spend"
        );
    }

    #[test]
    fn a_model_can_do_no_more_than_its_kind_of_backend() {
        let mut configured = configured();
        configured.model.capabilities.logprobs = true;
        configured.model.capabilities.code = true;
        configured.model.known.capabilities = true;
        let can = told(&configured, Window::Running(1)).model.capabilities;
        assert!(can.code && !can.logprobs);
    }

    #[test]
    fn the_backend_is_believed_on_capabilities_where_nobody_else_knows() {
        let mut configured = configured();
        assert_eq!(
            told(&configured, Window::Running(1)).model.capabilities,
            TOOLS
        );
        configured.model.known.capabilities = true;
        assert_eq!(
            told(&configured, Window::Running(1)).model.capabilities,
            Capabilities::default()
        );
    }
}
