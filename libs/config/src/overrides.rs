//! Environment variables laid over the tree.
//!
//! `TERRACE__ROUTING__QUALITY_THRESHOLD=0.8` sets `routing.quality_threshold`: two underscores go
//! one level down, a number picks an item of a list, and the value is read as YAML. A key that
//! is there already is found whatever its case and punctuation, since variables have none. What
//! a variable set knows its variable, so that a problem with it names no line.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::problem::{Place, Problem};
use crate::tree::{Entry, Kind, Node};
use crate::yaml::{self, Origin};

/// How the variables begin.
const PREFIX: &str = "TERRACE__";
/// More levels than any key has.
const MAX_LEVELS: usize = 16;

/// Lays every `TERRACE__…` variable over `root`; returns what could not be laid.
pub(crate) fn apply(root: &mut Node, env: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    // In the order of names a map comes before its parts, so the parts refine it.
    for (variable, value) in env {
        let Some(path) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let name: Arc<str> = Arc::from(variable.as_str());
        if let Err(message) = apply_one(root, path, value, &name) {
            problems.push(Problem {
                place: Place::Variable(name),
                path: String::new(),
                message,
            });
        }
    }
    problems
}

fn apply_one(root: &mut Node, path: &str, value: &str, name: &Arc<str>) -> Result<(), String> {
    let levels: Vec<&str> = path.split("__").collect();
    if levels.iter().any(|level| level.is_empty()) || levels.len() > MAX_LEVELS {
        return Err("names no key: `TERRACE__ROUTING__CACHE_TTL` is how one does".to_owned());
    }
    let origin = Origin::Variable(Arc::clone(name));
    let value = yaml::read(value, &origin).map_err(|problems| {
        let messages = problems.iter().map(|problem| problem.message.clone());
        messages.collect::<Vec<_>>().join("; ")
    })?;
    let mut node = root;
    for level in levels {
        node = descend(node, level, name)?;
    }
    *node = value;
    Ok(())
}

/// The part of `node` called `level`, made if it is not there.
fn descend<'a>(node: &'a mut Node, level: &str, name: &Arc<str>) -> Result<&'a mut Node, String> {
    if node.is_null() {
        node.kind = Kind::Map(Vec::new());
        node.place = Place::Variable(Arc::clone(name));
    }
    match &mut node.kind {
        Kind::Map(entries) => Ok(entry(entries, level, name)),
        Kind::List(items) => item(items, level, name),
        Kind::Scalar(_) | Kind::Null => Err(format!(
            "goes below a single value at `{}`",
            level.to_lowercase()
        )),
    }
}

fn entry<'a>(entries: &'a mut Vec<Entry>, level: &str, name: &Arc<str>) -> &'a mut Node {
    let wanted = plain(level);
    // The last of duplicates, which are a problem of their own.
    let found = entries
        .iter()
        .rposition(|entry| plain(&entry.key) == wanted);
    let index = found.unwrap_or_else(|| {
        let place = Place::Variable(Arc::clone(name));
        entries.push(Entry {
            key: level.to_lowercase(),
            place: place.clone(),
            value: Node::null(place),
        });
        entries.len() - 1
    });
    &mut entries[index].value
}

fn item<'a>(
    items: &'a mut Vec<Node>,
    level: &str,
    name: &Arc<str>,
) -> Result<&'a mut Node, String> {
    let count = items.len();
    let index: usize = level
        .parse()
        .map_err(|_| format!("`{level}` is no place in a list: give a number from 0"))?;
    if index > count {
        return Err(format!(
            "the list has {count} items: the next one is {count}"
        ));
    }
    if index == count {
        items.push(Node::null(Place::Variable(Arc::clone(name))));
    }
    Ok(&mut items[index])
}

/// A key as a variable can spell it.
fn plain(key: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() { c } else { '_' };
    key.to_lowercase().chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overridden(text: &str, variables: &[(&str, &str)]) -> (Node, Vec<Problem>) {
        let env = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let mut root = yaml::read(text, &Origin::File(Arc::from("a.yaml"))).unwrap();
        let problems = apply(&mut root, &env.collect());
        (root, problems)
    }

    fn value<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
        let mut node = node;
        for key in path {
            node = match &node.kind {
                Kind::Map(entries) => &entries.iter().find(|entry| entry.key == *key)?.value,
                Kind::List(items) => items.get(key.parse::<usize>().ok()?)?,
                Kind::Null | Kind::Scalar(_) => return None,
            };
        }
        match &node.kind {
            Kind::Scalar(text) => Some(text),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    #[test]
    fn a_variable_replaces_a_value_and_makes_what_is_not_there() {
        let (root, problems) = overridden(
            "a: {b: 1}",
            &[("TERRACE__A__B", "2"), ("TERRACE__C__D_E__F", "[x, y]")],
        );
        assert_eq!(problems, []);
        assert_eq!(value(&root, &["a", "b"]), Some("2"));
        assert_eq!(value(&root, &["c", "d_e", "f", "1"]), Some("y"));
    }

    #[test]
    fn keys_are_found_whatever_their_case_and_punctuation() {
        let (root, _) = overridden(
            "{My-Backend.1: {url: x}}",
            &[("TERRACE__MY_BACKEND_1__URL", "y")],
        );
        assert_eq!(value(&root, &["My-Backend.1", "url"]), Some("y"));
    }

    #[test]
    fn a_number_picks_an_item_or_appends_one() {
        let (root, problems) = overridden(
            "l: [a]",
            &[
                ("TERRACE__L__0", "b"),
                ("TERRACE__L__1", "c"),
                ("TERRACE__L__7", "d"),
            ],
        );
        assert_eq!(value(&root, &["l", "0"]), Some("b"));
        assert_eq!(value(&root, &["l", "1"]), Some("c"));
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].place,
            Place::Variable(Arc::from("TERRACE__L__7"))
        );
    }

    #[test]
    fn what_cannot_be_laid_over_is_named_by_its_variable() {
        let deep = format!("TERRACE__{}", ["A"; 40].join("__"));
        let wrong = [
            "TERRACE__",
            "TERRACE__A__",
            "TERRACE__A__B",
            "TERRACE__BAD",
            &deep,
        ];
        for variable in wrong {
            let (_, problems) = overridden("a: 1", &[(variable, "{")]);
            assert_eq!(problems.len(), 1, "{variable}");
        }
        let (_, problems) = overridden("a: 1", &[("TERRACE__A__B", "1")]);
        assert_eq!(
            problems[0].to_string(),
            "TERRACE__A__B: goes below a single value at `b`"
        );
    }
}
