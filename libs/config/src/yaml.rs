//! YAML text to a tree, within bounds.
//!
//! The parser's events are consumed one by one, so the bounds on depth, nodes and text hold while
//! reading, also for aliases: a few lines of them can stand for billions of nodes. Tags and
//! second documents are refused rather than ignored.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use crate::problem::{Place, Problems};
use crate::tree::{Entry, Kind, Node};

/// The largest text that is read.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting.
const MAX_DEPTH: usize = 64;
/// The most nodes, counting each use of an alias.
const MAX_NODES: usize = 100_000;
/// The most text in them, counting each use of an alias.
const MAX_TEXT: usize = 4 << 20;

/// Where a text comes from: a file, whose lines count, or a variable.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    File(Arc<str>),
    Variable(Arc<str>),
}

impl Origin {
    fn at(&self, line: usize) -> Place {
        match self {
            Self::File(file) => Place::Line {
                file: Arc::clone(file),
                line: line.max(1),
            },
            Self::Variable(name) => Place::Variable(Arc::clone(name)),
        }
    }

    fn whole(&self) -> Place {
        match self {
            Self::File(file) => Place::File(Arc::clone(file)),
            Self::Variable(name) => Place::Variable(Arc::clone(name)),
        }
    }
}

/// Reads one document; an empty text is a null node.
pub(crate) fn read(text: &str, origin: &Origin) -> Result<Node, Problems> {
    if text.len() > MAX_BYTES {
        return Err(Problems::one(origin.whole(), "is larger than 1 MiB"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::new(origin);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(origin, &error))?;
        let line = span.start.line();
        builder
            .take(event, span)
            .map_err(|message| Problems::one(origin.at(line), message))?;
    }
    Ok(builder.root.unwrap_or_else(|| Node::null(origin.at(1))))
}

fn syntax(origin: &Origin, error: &ScanError) -> Problems {
    let message = format!("is no YAML: {}", error.info());
    Problems::one(origin.at(error.marker().line()), message)
}

/// A list or map that is not closed yet.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<(String, Place)>),
}

struct Builder<'a> {
    origin: &'a Origin,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
    text: usize,
}

impl<'a> Builder<'a> {
    fn new(origin: &'a Origin) -> Self {
        Self {
            origin,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            nodes: 0,
            text: 0,
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        let place = self.origin.at(span.start.line());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                untagged(tag.is_some())?;
                self.charge(1, text.len())?;
                let node = scalar(text.into_owned(), style, place);
                self.place_node(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                untagged(tag.is_some())?;
                self.begin(place, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                untagged(tag.is_some())?;
                self.begin(place, anchor, Content::Map(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, &place),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err("begins a second document: one file holds one".to_owned())
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), String> {
        self.charge(1, 0)?;
        if self.open.len() == MAX_DEPTH {
            return Err(format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        self.open.push(Open {
            place,
            anchor,
            content,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let kind = match open.content {
            Content::List(items) => Kind::List(items),
            Content::Map(entries, _) => Kind::Map(entries),
        };
        let place = open.place;
        self.place_node(Node { place, kind }, open.anchor)
    }

    /// An alias stands for a copy, at the place where it is used.
    fn alias(&mut self, anchor: usize, place: &Place) -> Result<(), String> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err("refers to an anchor that holds itself".to_owned());
        };
        let (nodes, text) = node.weight();
        let copy = Node {
            place: place.clone(),
            kind: Kind::Null,
        };
        self.charge(nodes, text)?;
        let kind = self.anchors.get(&anchor).map(|node| node.kind.clone());
        self.place_node(
            Node {
                kind: kind.unwrap_or(Kind::Null),
                ..copy
            },
            0,
        )
    }

    /// Puts a finished node where it belongs: a root, an item, a key or a key's value.
    fn place_node(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if anchor != 0 {
            let (nodes, text) = node.weight();
            self.charge(nodes, text)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries, key)) => match key.take() {
                Some((key, place)) => entries.push(Entry {
                    key,
                    place,
                    value: node,
                }),
                None => *key = Some(as_key(node)?),
            },
        }
        Ok(())
    }

    fn charge(&mut self, nodes: usize, text: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.text = self.text.saturating_add(text);
        if self.nodes > MAX_NODES || self.text > MAX_TEXT {
            return Err("holds too much, counting every use of an alias".to_owned());
        }
        Ok(())
    }
}

fn untagged(tagged: bool) -> Result<(), String> {
    if tagged {
        return Err("has a tag (`!…`), and tags mean nothing here: leave it out".to_owned());
    }
    Ok(())
}

fn scalar(text: String, style: ScalarStyle, place: Place) -> Node {
    let null = matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
    let kind = if null && style == ScalarStyle::Plain {
        Kind::Null
    } else {
        Kind::Scalar(text)
    };
    Node { place, kind }
}

fn as_key(node: Node) -> Result<(String, Place), String> {
    match node.kind {
        Kind::Scalar(text) => Ok((text, node.place)),
        Kind::Null => Ok(("null".to_owned(), node.place)),
        Kind::List(_) | Kind::Map(_) => Err("has a list or map as a key: keys are text".to_owned()),
    }
}
