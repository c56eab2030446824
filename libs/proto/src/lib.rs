//! The contract in Rust: code generated from `proto/`, one module per package, the descriptor
//! sets that servers reflect, and the conversions between wire and domain.
//!
//! Wire types stop at the door: a service's `grpc.rs` and its `clients/` turn them into domain
//! types with [`convert`], everything further in never sees them.
#![warn(missing_docs)]

pub mod check;
pub mod codec;
pub mod convert;

/// Declares the module of one package: its generated code and its descriptor set.
macro_rules! package {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub mod $name {
            /// Version 1.
            #[allow(
                missing_docs,
                missing_debug_implementations,
                unreachable_pub,
                clippy::all,
                clippy::nursery,
                clippy::pedantic,
                clippy::restriction,
                reason = "generated: its comments stand in the protos"
            )]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/terrace.", stringify!($name), ".v1.rs"));

                /// The package's files with all that they import, for reflection.
                pub const FILE_DESCRIPTOR_SET: &[u8] =
                    include_bytes!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".v1.bin"));
            }
        }
    };
}

package! {
    /// What every package shares: conversations, models, prices, usage.
    common
}
package! {
    /// What a prompt asks for and how hard it is.
    classifier
}
package! {
    /// One backend behind one process.
    gateway
}
package! {
    /// Is this answer good enough?
    judge
}
package! {
    /// Reservations, settlements, budgets, savings; projects and keys.
    ledger
}
package! {
    /// Route a request over the tiers.
    router
}
