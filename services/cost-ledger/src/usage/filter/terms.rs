//! Cuts a filter into its terms: `word=value` or `word="value with blanks"`.

/// A word and its value, or what is wrong with the term.
pub(super) type Term = Result<(String, String), String>;

/// The terms of a filter, in order.
pub(super) fn of(text: &str) -> Vec<Term> {
    let mut rest = text.trim_start();
    let mut terms = Vec::new();
    while !rest.is_empty() {
        let (term, behind) = first(rest);
        terms.push(term);
        rest = behind.trim_start();
    }
    terms
}

/// The first term and what stands behind it.
fn first(text: &str) -> (Term, &str) {
    let word = text.find(|c: char| c == '=' || c.is_whitespace());
    let (word, behind) = text.split_at(word.unwrap_or(text.len()));
    let Some(value) = behind.strip_prefix('=') else {
        let problem = format!("{word:?} is no term: write word=value, as action=edit_file");
        return (Err(problem), behind);
    };
    if word.is_empty() {
        let end = value.find(char::is_whitespace).unwrap_or(value.len());
        return (
            Err("has a = without a word before it".to_owned()),
            &value[end..],
        );
    }
    match value.strip_prefix('"') {
        Some(quoted) => in_quotes(word, quoted),
        None => {
            let end = value.find(char::is_whitespace).unwrap_or(value.len());
            let (value, behind) = value.split_at(end);
            (checked(word, value.to_owned()), behind)
        }
    }
}

/// A value up to its closing quote; a backslash takes the next character as it is.
fn in_quotes<'a>(word: &str, text: &'a str) -> (Term, &'a str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (checked(word, value), &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, next)| next)),
            plain => value.push(plain),
        }
    }
    (Err(format!("has no closing quote behind {word}=")), "")
}

/// The database cannot hold a NUL, so no row has one.
fn checked(word: &str, value: String) -> Term {
    if word.contains('\0') || value.contains('\0') {
        return Err("has a NUL, which no row has".to_owned());
    }
    Ok((word.to_owned(), value))
}
