//! The config as a tree whose every node knows where it stands.
//!
//! Scalars stay text until a decoder says what they should be, so that an amount of money is read
//! from its digits and a model called `3.1` stays a name. Duplicate keys stay too: the decoder
//! reports them where they matter.

use crate::problem::Place;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

/// What a value is before anybody knows what it should be.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Not given: absent, `null` or `~`.
    Null,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) const fn null(place: Place) -> Self {
        Self {
            place,
            kind: Kind::Null,
        }
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What it is, for a message that says what it should be.
    pub(crate) const fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Scalar(_) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// Nodes and bytes of text in this and everything below.
    pub(crate) fn weight(&self) -> (usize, usize) {
        let sum = |(nodes, bytes), (n, b)| (nodes + n, bytes + b);
        match &self.kind {
            Kind::Null => (1, 0),
            Kind::Scalar(text) => (1, text.len()),
            Kind::List(items) => items.iter().map(Self::weight).fold((1, 0), sum),
            Kind::Map(entries) => {
                let weights = entries.iter().map(|entry| {
                    let (nodes, bytes) = entry.value.weight();
                    (nodes, bytes + entry.key.len())
                });
                weights.fold((1, 0), sum)
            }
        }
    }
}

impl Entry {
    /// Where a problem with the value is looked for: at its key, or in the variable that set it.
    pub(crate) const fn blame(&self) -> &Place {
        match self.value.place {
            Place::Variable(_) => &self.value.place,
            Place::Line { .. } | Place::File(_) => &self.place,
        }
    }
}
