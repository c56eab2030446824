//! Single lines without a fence around them: do they read like code, or like talk?

/// Whether a line reads like code: it begins or ends as prose does not, assigns, or calls.
pub(super) fn is_code(line: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "def ",
        "class ",
        "import ",
        "from ",
        "return",
        "fn ",
        "let ",
        "const ",
        "var ",
        "func ",
        "public ",
        "private ",
        "package ",
        "#include",
        "#!",
        "@",
        "//",
        "/*",
        "impl ",
        "use ",
        "pub ",
        "struct ",
        "async ",
        "export ",
        "type ",
        "interface ",
        "}",
        "{",
        "try:",
        "else",
    ];
    let is_indented = line.starts_with([' ', '\t']);
    let line = line.trim();
    let begins = BEGINNINGS.iter().any(|word| line.starts_with(word));
    let ends = line.ends_with([';', '{', '}', ')', ':', '(', ',', ']']);
    let assigns = [" = ", " := ", " += ", " -> ", " => ", "=="]
        .iter()
        .any(|sign| line.contains(sign));
    let is_sentence = line.ends_with(['.', '!', '?']) || line.split(' ').count() > 14;
    let closes = line.ends_with([';', '{', '}']);
    let says_something = !line.is_empty() && !is_sentence;
    closes
        || (says_something
            && ((begins && ends) || assigns || (is_indented && (begins || ends)) || calls(line)))
}

/// Whether a line reads like YAML: an entry of a list, or a key and what it is.
pub(super) fn is_yaml(line: &str) -> bool {
    let line = line.trim();
    let is_key = |key: &str| !key.is_empty() && !key.contains(' ');
    let keyed = line.split_once(':').is_some_and(|(key, value)| {
        is_key(key.trim_start_matches("- ")) && (value.is_empty() || value.starts_with(' '))
    });
    keyed || line.starts_with("- ") || line == "---"
}

/// Whether a line reads like SQL: it begins a statement or a part of one.
pub(super) fn is_sql(line: &str) -> bool {
    const BEGINNINGS: [&str; 18] = [
        "select", "from", "where", "insert", "update", "delete", "create", "with", "join", "left",
        "inner", "group", "order", "having", "limit", "values", "set", "union",
    ];
    let line = line.trim();
    let first = line.split([' ', '(', '\t']).next().unwrap_or_default();
    let begins = BEGINNINGS
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word));
    let is_sentence = line.ends_with(['.', '!', '?', ':']);
    line.ends_with(';') || line.starts_with("--") || (begins && !is_sentence)
}

/// Whether it is a call and nothing else, as `print(x)`.
fn calls(line: &str) -> bool {
    let named = line.split('(').next().unwrap_or("");
    let is_name = !named.is_empty()
        && named
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '!' | ':'));
    line.contains('(') && line.ends_with(')') && is_name
}
