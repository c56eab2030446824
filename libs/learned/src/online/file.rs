//! The file of what one's own traffic taught: versioned, with a checksum, read at once.
//!
//! Little-endian: `TRCO`, version, the beginning of the checksum of the weights that it was learned on
//! top of, lessons; measures; labels; models; buckets and words that were met; the watch; SHA-256 of
//! all before it. It holds numbers and hashes alone.

use sha2::{Digest as _, Sha256};

use super::means::{MOST_LABELS, MOST_MODELS, Mean};
use super::watch::REMEMBERED;
use super::{Online, Step};
use crate::features::BUCKETS;
use crate::measures::MEASURES;
use crate::weights::Weights;

const MAGIC: &[u8; 4] = b"TRCO";
const VERSION: u16 = 1;
const CHECKSUM_BYTES: usize = 32;

/// Why bytes are no file of what was learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOnline {
    /// It is some other file.
    #[error("is no file of what was learned: it does not begin with TRCO")]
    Magic,
    /// It was written by another version.
    #[error("has version {0}, and this program reads version {VERSION}")]
    Version(u16),
    /// It was changed since it was written.
    #[error("is damaged: its checksum is not that of its bytes")]
    Checksum,
    /// It goes with other weights.
    #[error("was learned on top of other weights than these")]
    OtherWeights,
    /// What it says of itself cannot be.
    #[error("ends too early, or has more than there can be")]
    Shape,
}

impl Online {
    /// The file.
    #[must_use]
    pub fn to_bytes(&self, weights: &Weights) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(weights.fingerprint());
        bytes.extend(self.lessons.to_le_bytes());
        for step in &self.measures {
            put_step(&mut bytes, *step);
        }
        put_count(&mut bytes, self.means.labels.len());
        for (label, mean) in &self.means.labels {
            bytes.extend(label.to_le_bytes());
            put_mean(&mut bytes, *mean);
        }
        put_count(&mut bytes, self.means.models.len());
        for ((label, model), mean) in &self.means.models {
            bytes.extend(label.to_le_bytes());
            bytes.extend(model.to_le_bytes());
            put_mean(&mut bytes, *mean);
        }
        self.put_text(&mut bytes);
        put_count(&mut bytes, self.watch.seen.len());
        for (predicted, came) in &self.watch.seen {
            bytes.extend(predicted.to_le_bytes());
            bytes.push(u8::from(*came));
        }
        bytes.push(u8::from(self.watch.tripped));
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        bytes
    }

    /// Buckets and words that were met, rising.
    fn put_text(&self, bytes: &mut Vec<u8>) {
        let met = || {
            (0_u32..)
                .zip(&self.buckets)
                .filter(|(_, step)| step.mass > 0.0)
        };
        put_count(bytes, met().count());
        for (bucket, step) in met() {
            bytes.extend(bucket.to_le_bytes());
            put_step(bytes, *step);
        }
        let met = || (0_u32..).zip(&self.words).filter(|(_, seen)| **seen > 0);
        put_count(bytes, met().count());
        for (word, seen) in met() {
            bytes.extend(word.to_le_bytes());
            bytes.push(*seen);
        }
    }

    /// Reads a file that was learned on top of `weights`.
    ///
    /// # Errors
    /// The bytes are no such file of this version, damaged, or of other weights.
    pub fn from_bytes(bytes: &[u8], weights: &Weights) -> Result<Self, InvalidOnline> {
        if bytes.get(..4) != Some(MAGIC) {
            return Err(InvalidOnline::Magic);
        }
        let body = bytes.len().checked_sub(CHECKSUM_BYTES);
        let (body, checksum) = bytes.split_at(body.ok_or(InvalidOnline::Shape)?);
        let mut reader = Reader(body.get(4..).unwrap_or_default());
        let version = u16::from_le_bytes(reader.take()?);
        if version != VERSION {
            return Err(InvalidOnline::Version(version));
        }
        if Sha256::digest(body)[..] != *checksum {
            return Err(InvalidOnline::Checksum);
        }
        if reader.take()? != weights.fingerprint() {
            return Err(InvalidOnline::OtherWeights);
        }
        let online = reader.online()?;
        if reader.0.is_empty() {
            Ok(online)
        } else {
            Err(InvalidOnline::Shape)
        }
    }
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend((count as u32).to_le_bytes());
}

fn put_step(bytes: &mut Vec<u8>, step: Step) {
    bytes.extend(step.weight.to_le_bytes());
    bytes.extend(step.mass.to_le_bytes());
}

fn put_mean(bytes: &mut Vec<u8>, mean: Mean) {
    bytes.extend(mean.sum.to_le_bytes());
    bytes.extend(mean.count.to_le_bytes());
}

/// Takes a file apart from its beginning.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], InvalidOnline> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(InvalidOnline::Shape)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<f32, InvalidOnline> {
        let number = f32::from_le_bytes(self.take()?);
        number
            .is_finite()
            .then_some(number)
            .ok_or(InvalidOnline::Shape)
    }

    fn word(&mut self) -> Result<u32, InvalidOnline> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn hash(&mut self) -> Result<u64, InvalidOnline> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn byte(&mut self) -> Result<u8, InvalidOnline> {
        let [byte] = self.take()?;
        Ok(byte)
    }

    fn count(&mut self, most: usize) -> Result<usize, InvalidOnline> {
        let count = self.word()? as usize;
        (count <= most).then_some(count).ok_or(InvalidOnline::Shape)
    }

    fn step(&mut self) -> Result<Step, InvalidOnline> {
        Ok(Step {
            weight: self.number()?,
            mass: self.number()?,
        })
    }

    fn mean(&mut self) -> Result<Mean, InvalidOnline> {
        let mean = Mean {
            sum: f64::from_le_bytes(self.take()?),
            count: f64::from_le_bytes(self.take()?),
        };
        let is_one = mean.sum.is_finite() && mean.count.is_finite() && mean.count >= 0.0;
        is_one.then_some(mean).ok_or(InvalidOnline::Shape)
    }

    fn online(&mut self) -> Result<Online, InvalidOnline> {
        let mut online = Online {
            lessons: self.hash()?,
            ..Online::default()
        };
        for index in 0..MEASURES {
            online.measures[index] = self.step()?;
        }
        for _ in 0..self.count(MOST_LABELS)? {
            let (label, mean) = (self.hash()?, self.mean()?);
            online.means.labels.insert(label, mean);
        }
        for _ in 0..self.count(MOST_MODELS + 1)? {
            let (key, mean) = ((self.hash()?, self.hash()?), self.mean()?);
            online.means.models.insert(key, mean);
        }
        for _ in 0..self.count(BUCKETS)? {
            let (bucket, step) = (self.word()?, self.step()?);
            let place = online.buckets.get_mut(bucket as usize);
            *place.ok_or(InvalidOnline::Shape)? = step;
        }
        for _ in 0..self.count(BUCKETS)? {
            let (word, seen) = (self.word()?, self.byte()?);
            let place = online.words.get_mut(word as usize);
            *place.ok_or(InvalidOnline::Shape)? = seen;
        }
        for _ in 0..self.count(REMEMBERED)? {
            let (predicted, came) = (self.number()?, self.byte()? == 1);
            online.watch.seen.push_back((predicted, came));
        }
        let tripped = self.byte()? == 1;
        online.watch.tripped = tripped;
        online.watch.look();
        Ok(online)
    }
}
