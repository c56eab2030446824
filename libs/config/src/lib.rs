//! One YAML file, its sections, environment overrides and every problem at once.
//!
//! [`load`] finds the file, lays `TERRACE__…` variables over it, and either returns a checked
//! [`Config`] or all [`Problems`] with their lines. What is in a [`Config`] holds: names refer to
//! things that exist, numbers are in range, prices are known. This crate alone reads the
//! environment; it connects to nothing and does not watch the file.
#![warn(missing_docs)]

mod decode;
mod expression;
mod load;
mod model_list;
mod overrides;
mod problem;
mod read;
pub mod scenario;
pub mod schema;
mod secret;
mod summary;
mod tree;
pub mod value;
mod yaml;

pub use expression::{Expression, InvalidExpression};
pub use load::{Loaded, load, parse};
pub use problem::{Place, Problem, Problems};
pub use read::is_link_local;

pub use schema::{
    AlertWebhook, AtZero, Auth, Backend, BackendKind, Baseline, Breaker, Budget, CacheStore,
    Capabilities, ClientCertificate, CommitMode, Config, Cors, CostControl, Dashboard, Decision,
    Durability, Edge, Equivalence, ExternalJudge, Goal, GreyZone, Hedge, History, Judge, Known,
    Learning, Leases, Ledger, Limits, LogFormat, Marker, Model, Network, OnClassifierUnavailable,
    OnExhausted, OnJudgeUnavailable, OnTierAtZero, Part, PerPart, PriceSource, Profile, Queue,
    Retry, Routing, Rule, SecondOpinion, Service, Services, Shadow, Spool, Target, Telemetry, Tier,
    Tiers, Tls, TlsFiles, Weights,
};
pub use summary::Row;
pub use url::Url;
pub use value::{ByteSize, Secret, SecretFile, TimeZone};
