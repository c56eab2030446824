//! Whether a configured name and a listed one mean the same model.
//!
//! Ollama lists `llama3.2:latest` for `llama3.2`; vendors list dated versions of the names that
//! people use. Anything looser would call models present that are not.

use terrace_domain::ModelName;

/// Whether a backend that lists `listed` can be asked for `configured`.
pub(crate) fn same_model(configured: &ModelName, listed: &str) -> bool {
    let Some(rest) = listed.strip_prefix(configured.as_str()) else {
        return false;
    };
    match rest {
        "" | ":latest" | "-latest" => true,
        version => is_date(version),
    }
}

/// `-20250514` or `-2025-05-14`.
fn is_date(text: &str) -> bool {
    let Some(date) = text.strip_prefix('-') else {
        return false;
    };
    let digits = date.chars().filter(char::is_ascii_digit).count();
    digits == 8 && date.chars().all(|c| c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_dates_do_not_make_another_model_and_sizes_do() {
        let same =
            |configured: &str, listed| same_model(&ModelName::new(configured).unwrap(), listed);
        assert!(same("llama3.2", "llama3.2"));
        assert!(same("llama3.2", "llama3.2:latest"));
        assert!(same("claude-sonnet-4", "claude-sonnet-4-20250514"));
        assert!(same("gpt-4o", "gpt-4o-2024-11-20"));
        assert!(!same("llama3.2", "llama3.2:1b"));
        assert!(!same("gpt-4o", "gpt-4o-mini"));
        assert!(!same("gpt-4o", "gpt-4"));
    }
}
