//! The classifier as its callers see it: over an in-process link, through every layer.
#![cfg(test)]

mod labelled;
mod learning;
mod properties;
mod refused;
mod rules;
mod weights;
mod world;
