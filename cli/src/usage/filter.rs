//! Terms of a filter as a shell hands them over, and as the ledger reads them.

/// All terms as one text. A shell has taken the quotes away; where a value needs them, they are
/// put back.
pub(crate) fn of(terms: &[String]) -> String {
    let terms: Vec<String> = terms.iter().map(|term| quoted(term)).collect();
    terms.join(" ")
}

fn quoted(term: &str) -> String {
    let needs_quotes =
        |value: &str| value.starts_with('"') || value.chars().any(char::is_whitespace);
    match term.split_once('=') {
        Some((word, value)) if needs_quotes(value) && !word.chars().any(char::is_whitespace) => {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            format!("{word}=\"{value}\"")
        }
        // Several terms in one argument are the ledger's to read.
        _ => term.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_blanks_gets_its_quotes_back() {
        let terms = [
            "action=edit_file",
            "tag.topic=async io",
            "tag.said=\"a\\b\"",
        ];
        assert_eq!(
            of(&terms.map(str::to_owned)),
            r#"action=edit_file tag.topic="async io" tag.said="\"a\\b\"""#
        );
        assert_eq!(of(&[]), "");
    }
}
