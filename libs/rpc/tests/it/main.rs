//! Links and servers from outside: over a real socket and within the process.
#![cfg(test)]

mod deadline;
mod failures;
mod lifecycle;
mod limits;
mod manual;
mod observe;
mod probe;
mod reject;
mod replicas;
mod tls;
