//! YAML through the parser that reads the config: events alone, so no alias is ever written out.

use saphyr_parser::Parser;

use super::Parsed;

/// How much YAML is parsed.
const MAX_BYTES: usize = 64 * 1024;
/// Templates are no YAML before they are filled in.
const TEMPLATES: [&str; 3] = ["{{", "{%", "<%"];

pub(super) fn parse(code: &str) -> Parsed {
    let is_template = TEMPLATES.iter().any(|mark| code.contains(mark));
    if code.len() > MAX_BYTES || is_template || nests_deep(code) {
        return Parsed::Unclear;
    }
    for event in Parser::new_from_str(code) {
        if let Err(error) = event {
            let line = error.marker().line().max(1);
            let before: usize = code
                .split_inclusive('\n')
                .take(line - 1)
                .map(str::len)
                .sum();
            let share = 1.0 - before as f64 / code.len().max(1) as f64;
            return Parsed::Broken { share, line };
        }
    }
    Parsed::Clean
}

/// Whether brackets go deeper than any file needs: each level is looked through for each value.
fn nests_deep(code: &str) -> bool {
    const DEEP: usize = 100;
    let mut depth = 0_usize;
    code.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEP
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_as_people_write_them_are_right() {
        for code in [
            "name: web\nports:\n  - 80\n  - \"443\"\nenv: {A: 1, B: [x, y]}\n",
            "---\na: &x 1\nb: *x\n---\nsecond: |\n  text\n    more\n",
            "# only a comment\n",
            "- plain\n- list of: maps\n  two: 2\n",
        ] {
            assert_eq!(parse(code), Parsed::Clean, "{code}");
        }
    }

    #[test]
    fn the_line_of_an_error_is_told() {
        let parsed = parse("name: web\nports: [80, 443\nother: 1\n");
        assert!(
            matches!(parsed, Parsed::Broken { line: 2.., .. }),
            "{parsed:?}"
        );
        assert!(matches!(
            parse("a: b: c: d\n"),
            Parsed::Broken { line: 1, .. }
        ));
    }

    #[test]
    fn templates_and_deep_nesting_are_left_alone() {
        assert_eq!(parse("name: {{ .Values.name }}\n"), Parsed::Unclear);
        assert_eq!(parse(&"[".repeat(5000)), Parsed::Unclear);
    }
}
