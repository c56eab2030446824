//! The judge as its callers see it: over an in-process link, through every layer.
#![cfg(test)]

mod external;
mod hostile;
mod judge_set;
mod labelled;
mod properties;
mod refused;
mod verdicts;
mod watched;
mod world;
