//! Code that stands in an answer without a fence: where it is, and in which language.

use serde_json::Value;

use super::lines;
use crate::answer::CodeLanguage;
use crate::language::Language;

/// How much of a text is searched for signs of a language.
const HEAD_BYTES: usize = 8 * 1024;
/// As many different signs as it takes.
const ENOUGH: usize = 2;

/// Pieces of text that hardly stand in another language's code.
const SIGNS: &[(Language, &[&str])] = &[
    (
        Language::Python,
        &[
            "def ", "elif ", "self.", "__name__", "import ", "):\n", "print(", "lambda ",
        ],
    ),
    (
        Language::Rust,
        &[
            "fn ",
            "let mut ",
            "impl ",
            "::",
            "&mut ",
            "println!(",
            "-> ",
            "pub ",
            "match ",
        ],
    ),
    (
        Language::TypeScript,
        &[
            "interface ",
            ": string",
            ": number",
            ": boolean",
            "export type ",
            "=> ",
        ],
    ),
    (
        Language::JavaScript,
        &[
            "console.log(",
            "=> ",
            "const ",
            "function ",
            "===",
            "require(",
            "let ",
        ],
    ),
    (
        Language::Go,
        &[
            "func ",
            " := ",
            "package ",
            "fmt.",
            "chan ",
            "err != nil",
            "import \"",
        ],
    ),
    (
        Language::Java,
        &[
            "public static ",
            "System.out.",
            "public class ",
            "private ",
            "@Override",
            "new ",
        ],
    ),
    (
        Language::Cpp,
        &[
            "std::",
            "cout <<",
            "#include <iostream>",
            "#include <vector>",
            "template <",
        ],
    ),
    (
        Language::C,
        &[
            "#include <std",
            "printf(",
            "malloc(",
            "sizeof(",
            "int main(",
            "char *",
            "void ",
        ],
    ),
    (
        Language::Bash,
        &[
            "#!/bin/", "echo ", "\nfi", "; then", "$(", "\ndone", "$1", "sudo ",
        ],
    ),
    (
        Language::Sql,
        &[
            "SELECT ",
            "FROM ",
            "WHERE ",
            "INSERT INTO ",
            "VALUES",
            "CREATE TABLE ",
            "UPDATE ",
            "JOIN ",
            "GROUP BY ",
        ],
    ),
    (
        Language::Yaml,
        &["apiVersion:", "kind:", "metadata:", "services:", "image:"],
    ),
];

/// The language that a piece of code looks most like.
pub(crate) fn detect(code: &str) -> Option<Language> {
    let head = &code[..code.floor_char_boundary(HEAD_BYTES)];
    let trimmed = head.trim_start();
    if trimmed.starts_with(['{', '[']) && serde_json::from_str::<Value>(code).is_ok() {
        return Some(Language::Json);
    }
    let seen = |signs: &[&str]| signs.iter().filter(|sign| head.contains(*sign)).count();
    let mut best = (ENOUGH - 1, None);
    for (language, signs) in SIGNS {
        let count = seen(signs);
        if count > best.0 {
            best = (count, Some(*language));
        }
    }
    best.1
}

/// The lines from the first to the last that look like code: what stands around them is talk.
pub(crate) fn core(text: &str, asked: CodeLanguage) -> Option<&str> {
    let looks_like_code = match asked {
        CodeLanguage::Known(Language::Yaml) => lines::is_yaml,
        CodeLanguage::Known(Language::Sql) => lines::is_sql,
        _ => lines::is_code,
    };
    let mut begin = None;
    let mut end = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if looks_like_code(line) {
            begin.get_or_insert(at);
            end = at + line.len();
        }
        at += line.len();
    }
    text.get(begin?..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_by_several_signs() {
        let cases = [
            ("def f(self):\n    return self.x\n", Some(Language::Python)),
            (
                "pub fn f() -> u8 { let mut x = 1; x }",
                Some(Language::Rust),
            ),
            (
                "package main\nfunc main() { fmt.Println(1) }",
                Some(Language::Go),
            ),
            ("{\"a\": 1}", Some(Language::Json)),
            ("The sky is blue because of scattering.", None),
        ];
        for (code, language) in cases {
            assert_eq!(detect(code), language, "{code}");
        }
    }

    #[test]
    fn talk_around_code_is_left_out() {
        let text = "Here is the function:\ndef f(x):\n    y = x + 1\n    return y\nIt adds one.";
        let core = |text| core(text, CodeLanguage::Any);
        assert_eq!(core(text), Some("def f(x):\n    y = x + 1\n    return y\n"));
        assert_eq!(core("I would write a loop and add the numbers."), None);
        assert_eq!(core("yes"), None);
        assert_eq!(core("print(1)"), Some("print(1)"));
    }

    #[test]
    fn sql_and_yaml_have_lines_of_their_own() {
        let sql = CodeLanguage::Known(Language::Sql);
        let text = "You can use:\nselect name\nfrom users\nThat is all.";
        assert_eq!(core(text, sql), Some("select name\nfrom users\n"));
        let yaml = CodeLanguage::Known(Language::Yaml);
        let text = "Here it is\nname: web\nports:\n  - 80\nHave fun.";
        assert_eq!(core(text, yaml), Some("name: web\nports:\n  - 80\n"));
    }
}
