//! A page of results: one file, styles and charts inside, nothing fetched from anywhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Our own, and nothing of a scenario is put into it.
const STYLE: &str = include_str!("page.css");

/// A whole page; `content` is what templates have escaped.
pub(super) fn whole(title: &str, subtitle: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Nothing may be loaded, whatever a scenario is called.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) " · Terrace" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p class="dim" { (subtitle) }
                (content)
            }
        }
    };
    page.into_string()
}

/// A few figures, large.
pub(super) fn cards(cards: &[(String, String)]) -> Markup {
    html! {
        div class="cards" {
            @for (figure, about) in cards {
                div { b { (figure) } span { (about) } }
            }
        }
    }
}

/// A table; columns whose name begins with `>` have their numbers to the right.
pub(super) fn table(columns: &[&str], rows: &[Vec<String>]) -> Markup {
    let class = |column: &str| column.starts_with('>').then_some("right");
    html! {
        div class="wide" {
            table {
                thead { tr {
                    @for column in columns { th class=[class(column)] { (column.trim_start_matches('>')) } }
                } }
                tbody {
                    @for row in rows { tr {
                        @for (column, cell) in columns.iter().zip(row) { td class=[class(column)] { (cell) } }
                    } }
                }
            }
        }
    }
}

/// A part of the page.
pub(super) fn section(title: &str, note: &str, content: &Markup) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if !note.is_empty() { p class="dim" { (note) } }
            (content)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let evil = "<script>alert('x')</script>".to_owned();
        let content = section(&evil, &evil, &table(&["a"], &[vec![evil.clone()]]));
        let page = whole(&evil, &evil, &content);
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;").count(), 6);
    }

    #[test]
    fn nothing_is_fetched_from_anywhere() {
        let page = whole("a", "b", &html! {});
        for word in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
