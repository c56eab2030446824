//! Spans as an indented text, so that a whole trace can be asserted on and read in one look.
//!
//! Times and ids are left out, so that the same work always renders the same.

use std::collections::HashSet;

use super::Span;

/// One line per span, children under parents.
pub(super) fn render(spans: &[Span]) -> String {
    let known: HashSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let is_top = |span: &Span| match &span.parent_id {
        None => true,
        Some(parent) => !known.contains(parent.as_str()),
    };
    let mut text = String::new();
    for top in in_order(spans, is_top) {
        let mark = if top.parent_id.is_some() {
            " (orphan)"
        } else {
            ""
        };
        write(&mut text, spans, top, (0, mark));
    }
    text
}

fn in_order(spans: &[Span], wanted: impl Fn(&Span) -> bool) -> Vec<&Span> {
    let mut chosen: Vec<&Span> = spans.iter().filter(|span| wanted(span)).collect();
    chosen.sort_by_key(|span| (span.start_ns, span.end_ns));
    chosen
}

fn write(text: &mut String, spans: &[Span], span: &Span, (depth, mark): (usize, &str)) {
    let indent = "  ".repeat(depth);
    text.push_str(&format!("{indent}{}: {}{mark}\n", span.service, span.name));
    let is_child = |other: &Span| other.parent_id.as_deref() == Some(&span.span_id);
    for child in in_order(spans, is_child) {
        write(text, spans, child, (depth + 1, ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: Option<&str>, start_ns: u64) -> Span {
        Span {
            trace_id: "t".into(),
            span_id: id.into(),
            parent_id: parent.map(Into::into),
            name: format!("name-{id}"),
            service: "svc".into(),
            kind: 1,
            attributes: std::collections::BTreeMap::new(),
            is_error: false,
            start_ns,
            end_ns: start_ns + 1,
        }
    }

    #[test]
    fn children_stand_under_their_parents_in_the_order_they_began() {
        let spans = [
            span("late", Some("root"), 3),
            span("leaf", Some("early"), 2),
            span("early", Some("root"), 1),
            span("root", None, 0),
            span("lost", Some("elsewhere"), 9),
        ];
        let expected = "svc: name-root\n  svc: name-early\n    svc: name-leaf\n  svc: name-late\n\
                        svc: name-lost (orphan)\n";
        assert_eq!(render(&spans), expected);
    }
}
