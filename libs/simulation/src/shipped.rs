//! The scenarios that come along, by name.

/// A scenario that comes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// What it is called.
    pub name: &'static str,
    /// The text of its file.
    pub text: &'static str,
}

/// Those that come along; the first is used when none is named.
const SHIPPED: [Shipped; 2] = [
    Shipped {
        name: "daemon",
        text: include_str!("../../../scenarios/daemon.yaml"),
    },
    Shipped {
        name: "fleet",
        text: include_str!("../../../scenarios/fleet.yaml"),
    },
];

/// All scenarios that come along, the usual one first.
#[must_use]
pub const fn shipped() -> &'static [Shipped] {
    &SHIPPED
}
