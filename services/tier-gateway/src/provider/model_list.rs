//! The list of models that OpenAI's API has, and Anthropic's: `GET /models`.
//!
//! Some servers add to it: llama.cpp gives `meta.n_ctx`, the context window that it was started with; vLLM
//! gives `max_model_len`. The others give names.

use serde_json::Value;

use super::{Found, Traits, Window};

/// The models by their ids and aliases, in the order of these; `None` if it is no such list.
pub(super) fn read(list: &Value) -> Option<Vec<Found>> {
    let models = list.get("data")?.as_array()?;
    let mut found: Vec<Found> = models.iter().flat_map(under_each_name).collect();
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    Some(found)
}

fn under_each_name(model: &Value) -> Vec<Found> {
    let traits = Traits {
        context_window: context_window(model),
        capabilities: None,
    };
    let aliases = model.get("aliases").and_then(Value::as_array);
    let names = model
        .get("id")
        .into_iter()
        .chain(aliases.into_iter().flatten());
    let found = |name: &str| Found {
        name: name.to_owned(),
        traits,
    };
    names.filter_map(Value::as_str).map(found).collect()
}

fn context_window(model: &Value) -> Option<Window> {
    let window = model
        .get("max_model_len")
        .or_else(|| model.get("meta")?.get("n_ctx"));
    let tokens = u32::try_from(window?.as_u64()?).ok()?;
    (tokens > 0).then_some(Window::Running(tokens))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn windows(list: &Value) -> Vec<(String, Option<Window>)> {
        let found = read(list).unwrap().into_iter();
        found
            .map(|model| (model.name, model.traits.context_window))
            .collect()
    }

    #[test]
    fn aliases_count_as_names() {
        let list = json!({"data": [{"id": "b", "aliases": ["a", "b"]}, {"id": "c"}]});
        let none = |name: &str| (name.to_owned(), None);
        assert_eq!(windows(&list), [none("a"), none("b"), none("c")]);
        assert_eq!(read(&json!({"models": []})), None);
    }

    #[test]
    fn the_window_of_llama_cpp_is_the_one_it_runs_with_and_not_the_one_of_the_training() {
        let meta = json!({"n_ctx": 4096, "n_ctx_train": 8192});
        let list = json!({"data": [{"id": "m", "meta": meta}]});
        assert_eq!(
            windows(&list),
            [("m".to_owned(), Some(Window::Running(4096)))]
        );
    }

    #[test]
    fn the_window_of_vllm_is_taken_and_nonsense_is_not() {
        let list = json!({"data": [{"id": "a", "max_model_len": 32768},
            {"id": "b", "max_model_len": -1}, {"id": "c", "max_model_len": "8k"}]});
        let of = |name: &str, window| (name.to_owned(), window);
        let expected = [
            of("a", Some(Window::Running(32768))),
            of("b", None),
            of("c", None),
        ];
        assert_eq!(windows(&list), expected);
    }
}
