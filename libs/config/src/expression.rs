//! A rule's expression in CEL, checked before anything is judged by it.
//!
//! CEL always ends, but neither its parser nor its interpreter counts what it does. So a rule is
//! short and flat, and has no loops (`all`, `exists`, `map`, `filter`): what is left takes time in
//! proportion to its length and to the texts that it looks at.

use std::str::FromStr;

use cel::Program;
use cel::common::ast::{Expr, IdedExpr};

/// What a rule may look at.
pub(crate) const VARIABLES: [&str; 7] = [
    "answer",
    "question",
    "action",
    "finish",
    "code_language",
    "answer_bytes",
    "answer_words",
];
/// What a rule may call, beside operators.
pub(crate) const FUNCTIONS: [&str; 9] = [
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "size",
    "int",
    "double",
    "string",
    "bool",
];
/// The longest expression: a long sum is a tree as deep as it is long.
const MAX_BYTES: usize = 1024;
/// How deep brackets may go, and how many conditions may be in each other.
const MAX_DEPTH: usize = 12;
/// How deep the tree of an expression may be: each level of it takes several KiB of the stack.
const MAX_LEVELS: usize = 24;
/// How many signs may stand before a value.
const MAX_SIGNS: usize = 4;

/// An expression that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(String);

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExpression {
    /// It has too many bytes.
    #[error("has to have at most {MAX_BYTES} bytes")]
    TooLong,
    /// It nests too deep.
    #[error("goes too deep: use fewer brackets in each other and shorter sums")]
    TooDeep,
    /// It is not written right.
    #[error("is no CEL expression: {0}")]
    Malformed(String),
    /// It names something that is not there.
    #[error("names {0}, and may name {known}", known = VARIABLES.join(", "))]
    Variable(String),
    /// It calls something that is not there.
    #[error("calls {0}, and may call {known}", known = FUNCTIONS.join(", "))]
    Function(String),
    /// It uses what rules have no need of.
    #[error("has a loop (all, exists, map, filter), a map or a field, and may have none")]
    Shape,
}

impl Expression {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Self, InvalidExpression> {
        if text.len() > MAX_BYTES {
            return Err(InvalidExpression::TooLong);
        }
        if is_deep(text) {
            return Err(InvalidExpression::TooDeep);
        }
        let malformed = |message: String| InvalidExpression::Malformed(first_line(&message));
        let program = Program::compile(text).map_err(|errors| malformed(errors.to_string()))?;
        check(program.expression(), MAX_LEVELS)?;
        Ok(Self(text.to_owned()))
    }
}

/// Whether brackets, conditions or signs go deep, those in quotes among them.
fn is_deep(text: &str) -> bool {
    let (mut depth, mut signs) = (0_usize, 0_usize);
    let conditions = text.matches('?').count();
    conditions > MAX_DEPTH
        || text.bytes().any(|byte| {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            signs = match byte {
                b'!' | b'-' => signs + 1,
                byte if byte.is_ascii_whitespace() => signs,
                _ => 0,
            };
            depth > MAX_DEPTH || signs > MAX_SIGNS
        })
}

/// The parser draws a picture below its message, of which the first line says it all.
fn first_line(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty());
    line.unwrap_or("it does not parse")
        .trim_start_matches("ERROR: <input>:")
        .to_owned()
}

fn check(expression: &IdedExpr, levels: usize) -> Result<(), InvalidExpression> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(InvalidExpression::TooDeep);
    };
    let parts = |parts: &[IdedExpr]| parts.iter().try_for_each(|part| check(part, levels));
    match &expression.expr {
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if VARIABLES.contains(&name.as_str()) => Ok(()),
        Expr::Ident(name) => Err(InvalidExpression::Variable(name.clone())),
        Expr::List(list) => parts(&list.elements),
        Expr::Call(call) => {
            let name = call.func_name.as_str();
            // Operators are calls too, of names that nobody can write: `_&&_`, `!_`, `@in`.
            let is_operator = name.contains(['_', '@']);
            if !is_operator && !FUNCTIONS.contains(&name) {
                return Err(InvalidExpression::Function(name.to_owned()));
            }
            parts(call.target.as_deref().map_or(&[], std::slice::from_ref))?;
            parts(&call.args)
        }
        Expr::Comprehension(_)
        | Expr::Map(_)
        | Expr::Select(_)
        | Expr::Struct(_)
        | Expr::Unspecified => Err(InvalidExpression::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> InvalidExpression {
        text.parse::<Expression>().unwrap_err()
    }

    #[test]
    fn ordinary_rules_are_taken() {
        for text in [
            r#"answer.contains("http") || answer_words < 20"#,
            r#"action == "cite" && !answer.startsWith("I")"#,
            r#"answer.matches("(?i)[a-z]+-[0-9]+") ? 1.0 : 0.4"#,
            r#"finish in ["stop", "length"] && size(answer) > 3 && answer_bytes - 1 > 2"#,
        ] {
            assert_eq!(text.parse::<Expression>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(matches!(
            refused("answer =="),
            InvalidExpression::Malformed(_)
        ));
        assert!(matches!(refused(""), InvalidExpression::Malformed(_)));
        assert_eq!(
            refused("answr == 'a'"),
            InvalidExpression::Variable("answr".into())
        );
        assert_eq!(
            refused("system('ls')"),
            InvalidExpression::Function("system".into())
        );
        assert_eq!(refused("answer.length > 3"), InvalidExpression::Shape);
    }

    #[test]
    fn loops_are_refused_however_they_are_written() {
        for text in [
            "[1, 2].all(x, x > 0)",
            "[1, 2] . // why not\n exists(x, x > 0)",
            "[1].map(x, [2].map(y, x * y)).size() > 0",
            "[1].filter(x, true) == []",
        ] {
            assert_eq!(refused(text), InvalidExpression::Shape, "{text}");
        }
    }

    #[test]
    fn long_and_deep_ones_are_refused_before_they_are_parsed() {
        assert_eq!(refused(&"1+".repeat(5000)), InvalidExpression::TooLong);
        for piece in ["(", "[", "!", "- ", "true?", "size("] {
            let text = piece.repeat(1000 / piece.len());
            assert_eq!(refused(&text), InvalidExpression::TooDeep, "{piece}");
        }
    }

    #[test]
    fn the_longest_that_are_left_fit_the_stack() {
        for (piece, end) in [
            ("1+", "1"),
            ("true&&", "true"),
            ("true||", "true"),
            ("answer+", "answer"),
            ("1==", "1"),
            ("answer in ", "[answer]"),
        ] {
            let text = format!("{}{end}", piece.repeat((MAX_BYTES - 16) / piece.len()));
            let _any = text.parse::<Expression>();
        }
        assert_eq!(
            refused(&format!("{}1 > 0", "1+".repeat(40))),
            InvalidExpression::TooDeep
        );
        let dots = format!("answer{}", ".a".repeat(500));
        assert_eq!(refused(&dots), InvalidExpression::Shape);
        let calls = format!("answer{}", ".size()".repeat(140));
        let _any = calls.parse::<Expression>();
    }
}
