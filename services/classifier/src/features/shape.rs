//! The outer form of a text, line by line: lists, options, code, questions, notation.

use crate::language::Tally;

/// How many lines of code are looked at for their language.
const LINES_FOR_LANGUAGE: usize = 60;

/// What a text is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Lines that begin with a bullet or a number.
    pub(crate) list_items: usize,
    /// Lines that begin with a letter and a dot, as the options of a test question.
    pub(crate) options: usize,
    /// Lines of code, inside and outside of fences.
    pub(crate) code_lines: usize,
    /// Fenced blocks that were opened.
    pub(crate) fences: usize,
    /// Question marks.
    pub(crate) questions: usize,
    /// Signs of mathematical notation.
    pub(crate) notation: usize,
}

/// Reads the shape of `text` and tells `languages` about its fences and its code.
pub(crate) fn read(text: &str, languages: &mut Tally) -> Shape {
    let mut shape = Shape::default();
    let mut inside = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("~~~") {
            inside = !inside;
            if inside {
                shape.fences += 1;
                languages.saw_tag(tag_of(line));
            }
        } else if inside || looks_like_code(line) {
            shape.code_lines += 1;
            if shape.code_lines <= LINES_FOR_LANGUAGE {
                languages.saw_code(line);
            }
        } else {
            shape.read_prose(line);
        }
    }
    shape
}

impl Shape {
    /// The shape of both texts together.
    pub(crate) const fn plus(&self, other: &Self) -> Self {
        Self {
            list_items: self.list_items + other.list_items,
            options: self.options + other.options,
            code_lines: self.code_lines + other.code_lines,
            fences: self.fences + other.fences,
            questions: self.questions + other.questions,
            notation: self.notation + other.notation,
        }
    }

    fn read_prose(&mut self, line: &str) {
        self.list_items += usize::from(is_list_item(line));
        self.options += usize::from(is_option(line));
        for byte in line.bytes() {
            match byte {
                b'?' => self.questions += 1,
                b'=' | b'^' | b'\\' => self.notation += 1,
                _ => (),
            }
        }
    }
}

fn tag_of(fence: &str) -> &str {
    let tag = fence.trim_start_matches(['`', '~', ' ', '{', '.']);
    tag.split([' ', ',', '}', ':']).next().unwrap_or("")
}

fn is_list_item(line: &str) -> bool {
    let numbered = || {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < line.len() && (rest.starts_with(". ") || rest.starts_with(") "))
    };
    line.starts_with("- ") || line.starts_with("* ") || line.starts_with("• ") || numbered()
}

fn is_option(line: &str) -> bool {
    let line = line.strip_prefix('(').unwrap_or(line).as_bytes();
    matches!(line, [b'A'..=b'J', b'.' | b')', b' ', ..])
}

/// Whether a line outside of any fence reads like code: how it ends, or how it begins together
/// with a sign that prose does not use.
fn looks_like_code(line: &str) -> bool {
    const BEGINNINGS: [&str; 16] = [
        "def ", "class ", "fn ", "import ", "from ", "#include", "public ", "private ", "const ",
        "let ", "func ", "return ", "if (", "for (", "while (", "var ",
    ];
    let assigns = line.contains(" := ");
    let ends = line.ends_with('{') || line.ends_with("};") || line == "}" || line.ends_with(");");
    let begins = BEGINNINGS.iter().any(|word| line.starts_with(word));
    let signs =
        line.ends_with([':', ';', ')']) || line.contains(" = ") || line.contains("#include");
    ends || assigns
        || (begins && signs)
        || (begins && line.starts_with("import ") && !line.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Shape {
        read(text, &mut Tally::default())
    }

    #[test]
    fn lists_options_and_questions_are_told_apart() {
        let shape = shape("Which? Why?\n- one\n2. two\nA. yes\n(B) no\nx = y^2");
        assert_eq!((shape.list_items, shape.options), (2, 2));
        assert_eq!((shape.questions, shape.notation), (2, 2));
        assert_eq!(shape.code_lines, 0);
    }

    #[test]
    fn fenced_lines_are_code_and_tell_their_language() {
        let mut languages = Tally::default();
        let shape = read(
            "Fix:\n```rs\nfn f() -> u8 { 1 }\n```\nthanks",
            &mut languages,
        );
        assert_eq!((shape.fences, shape.code_lines), (1, 1));
        assert_eq!(languages.winner(), Some("rust"));
    }

    #[test]
    fn code_without_a_fence_is_seen_and_prose_is_not() {
        assert_eq!(shape("def f(x):\n    return x;\nif (a) {").code_lines, 3);
        let prose = "from the start, import duties rose.\nlet me know\nclass begins at nine";
        assert_eq!(shape(prose).code_lines, 0);
    }
}
