//! The weights and their file: small, versioned, with a checksum, read at once.
//!
//! Little-endian: `TRCW`, version, bits, examples; the head; measures; labels; the buckets as one
//! signed byte each with a common scale; a bit for each bucket of a known word; SHA-256 of all
//! before it. Bytes that are no weights are refused with what is wrong about them, however they
//! came to be: nothing in the file is trusted before the checksum has been compared.

use sha2::{Digest as _, Sha256};

use crate::features::{BITS, BUCKETS, Features};
use crate::gain::Head;
use crate::measures::MEASURES;

const MAGIC: &[u8; 4] = b"TRCW";
const VERSION: u16 = 1;
const CHECKSUM_BYTES: usize = 32;
/// A word is known when it was seen in as many examples.
const SEEN_OFTEN_ENOUGH: u8 = 2;

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// The few numbers beside the weights.
    pub head: Head,
    /// How many examples they were learned from.
    pub examples: u32,
    /// Weights of the measures.
    pub measures: [f32; MEASURES],
    /// What each label adds, by rising name.
    pub labels: Vec<Label>,
    scale: f32,
    buckets: Vec<i8>,
    known: Vec<u8>,
}

/// What a label adds to the gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label {
    /// Hash of its name.
    pub name: u64,
    /// What it adds.
    pub effect: f32,
}

/// Why bytes are no weights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWeights {
    /// It is some other file.
    #[error("is no file of weights: it does not begin with TRCW")]
    Magic,
    /// It was written by another version.
    #[error("has version {0}, and this program reads version {VERSION}: train it again")]
    Version(u16),
    /// Something is missing, or there is too much.
    #[error("has {0} bytes where its head promises {1}")]
    Length(usize, usize),
    /// It was changed since it was written.
    #[error("is damaged: its checksum is not that of its bytes")]
    Checksum,
    /// It was made for other features.
    #[error("has {0} where this program has {1}: train it again")]
    Shape(String, String),
    /// A weight is no number.
    #[error("has a weight that is no number")]
    NotANumber,
}

impl Label {
    /// Every label once, by rising name, without effect.
    pub(crate) fn all(names: impl Iterator<Item = u64>) -> Vec<Self> {
        let mut names: Vec<u64> = names.collect();
        names.sort_unstable();
        names.dedup();
        let without = |name| Self { name, effect: 0.0 };
        names.into_iter().map(without).collect()
    }

    /// Where a name stands.
    pub(crate) fn place(labels: &[Self], name: u64) -> Option<usize> {
        labels.binary_search_by_key(&name, |label| label.name).ok()
    }
}

impl Weights {
    /// Packs the weights of buckets into a byte each.
    pub(crate) fn new(head: Head, buckets: &[f64], labels: Vec<Label>) -> Self {
        let most = buckets
            .iter()
            .fold(0.0_f64, |most, weight| most.max(weight.abs()));
        let scale = (most / 127.0) as f32;
        let packed = |weight: &f64| {
            let steps = weight / f64::from(scale);
            if steps.is_finite() {
                steps.round() as i8
            } else {
                0
            }
        };
        Self {
            head,
            examples: 0,
            measures: [0.0; MEASURES],
            labels,
            scale,
            buckets: buckets.iter().map(packed).collect(),
            known: vec![0; BUCKETS / 8],
        }
    }

    /// Weights of which nothing was learned: the prior stands alone.
    #[must_use]
    pub fn untrained() -> Self {
        Self::new(Head::default(), &[0.0; BUCKETS], Vec::new())
    }

    /// Notes which words are known.
    pub(crate) fn know<'a>(&mut self, texts: impl Iterator<Item = &'a Features>) {
        let mut seen = vec![0_u8; BUCKETS];
        for word in texts.flat_map(|features| &features.words) {
            if let Some(count) = seen.get_mut(*word as usize) {
                *count = count.saturating_add(1);
            }
        }
        for (byte, counts) in self.known.iter_mut().zip(seen.chunks(8)) {
            let bits = counts
                .iter()
                .enumerate()
                .map(|(bit, count)| u8::from(*count >= SEEN_OFTEN_ENOUGH) << bit);
            *byte = bits.sum();
        }
    }

    /// The weight of a bucket.
    pub(crate) fn bucket(&self, bucket: u32) -> f64 {
        let steps = self.buckets.get(bucket as usize).copied().unwrap_or(0);
        f64::from(steps) * f64::from(self.scale)
    }

    /// Whether a word was seen in several examples.
    pub(crate) fn knows(&self, word: u32) -> bool {
        let byte = self.known.get(word as usize / 8).copied().unwrap_or(0);
        byte >> (word % 8) & 1 == 1
    }

    /// Tells these weights from others.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 8] {
        let bytes = self.to_bytes();
        let checksum = bytes.last_chunk::<CHECKSUM_BYTES>().copied();
        let checksum = checksum.unwrap_or_default();
        checksum.first_chunk().copied().unwrap_or_default()
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length_of(self.labels.len()));
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((BITS as u16).to_le_bytes());
        bytes.extend(self.examples.to_le_bytes());
        bytes.extend((MEASURES as u16).to_le_bytes());
        bytes.extend((self.labels.len() as u16).to_le_bytes());
        let Head {
            gain,
            slope,
            centre,
            suffices,
        } = self.head;
        let head = [gain, slope, centre, suffices[0], suffices[1], self.scale];
        for number in head.iter().chain(&self.measures) {
            bytes.extend(number.to_le_bytes());
        }
        for label in &self.labels {
            bytes.extend(label.name.to_le_bytes());
            bytes.extend(label.effect.to_le_bytes());
        }
        bytes.extend(self.buckets.iter().map(|steps| *steps as u8));
        bytes.extend(&self.known);
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        bytes
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The bytes are no weights of this version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidWeights> {
        let mut reader = Reader { rest: bytes };
        let promised = reader.opening(bytes.len())?;
        let (body, checksum) = bytes.split_at(promised - CHECKSUM_BYTES);
        if Sha256::digest(body)[..] != *checksum {
            return Err(InvalidWeights::Checksum);
        }
        let mut reader = Reader { rest: &body[8..] };
        let examples = u32::from_le_bytes(reader.take());
        let _measures: [u8; 2] = reader.take();
        let labels = u16::from_le_bytes(reader.take());
        let [gain, slope, centre, at_none, per_gain, scale] = reader.numbers::<6>()?;
        let measures = reader.numbers::<MEASURES>()?;
        let mut read = Vec::with_capacity(usize::from(labels));
        for _ in 0..labels {
            let name = u64::from_le_bytes(reader.take());
            let [effect] = reader.numbers::<1>()?;
            read.push(Label { name, effect });
        }
        let (buckets, known) = reader.rest.split_at(BUCKETS);
        Ok(Self {
            head: Head {
                gain,
                slope,
                centre,
                suffices: [at_none, per_gain],
            },
            examples,
            measures,
            labels: read,
            scale,
            buckets: buckets.iter().map(|byte| *byte as i8).collect(),
            known: known.to_vec(),
        })
    }
}

/// How long a file with so many labels is.
const fn length_of(labels: usize) -> usize {
    16 + 4 * (6 + MEASURES) + 12 * labels + BUCKETS + BUCKETS / 8 + CHECKSUM_BYTES
}

/// Takes a file apart from its beginning.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// Checks what stands in front, and gives the length that the file must have.
    fn opening(&mut self, length: usize) -> Result<usize, InvalidWeights> {
        if length < 16 || &self.take::<4>() != MAGIC {
            return Err(InvalidWeights::Magic);
        }
        let version = u16::from_le_bytes(self.take());
        if version != VERSION {
            return Err(InvalidWeights::Version(version));
        }
        let bits = u16::from_le_bytes(self.take());
        let _examples: [u8; 4] = self.take();
        let measures = u16::from_le_bytes(self.take());
        if u32::from(bits) != BITS || usize::from(measures) != MEASURES {
            return Err(InvalidWeights::Shape(
                format!("2^{bits} buckets and {measures} measures"),
                format!("2^{BITS} and {MEASURES}"),
            ));
        }
        let promised = length_of(usize::from(u16::from_le_bytes(self.take())));
        if length == promised {
            Ok(promised)
        } else {
            Err(InvalidWeights::Length(length, promised))
        }
    }

    /// The next bytes; zeros behind the end, which the length has ruled out.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            self.rest = &[];
            return [0; N];
        };
        self.rest = rest;
        *taken
    }

    fn numbers<const N: usize>(&mut self) -> Result<[f32; N], InvalidWeights> {
        let mut numbers = [0.0; N];
        for number in &mut numbers {
            *number = f32::from_le_bytes(self.take());
            if !number.is_finite() {
                return Err(InvalidWeights::NotANumber);
            }
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Weights {
        let mut buckets = vec![0.0; BUCKETS];
        buckets[3] = 0.5;
        buckets[4] = -0.25;
        let labels = Label::all([7, 5, 7].into_iter());
        let mut weights = Weights::new(Head::default(), &buckets, labels);
        let text = Features::of("some words");
        weights.know([&text, &text].into_iter());
        weights
    }

    #[test]
    fn a_file_gives_back_what_was_written() {
        let weights = weights();
        assert_eq!(
            Weights::from_bytes(&weights.to_bytes()),
            Ok(weights.clone())
        );
        assert!((weights.bucket(3) - 0.5).abs() < 1e-6);
        assert!((weights.bucket(4) + 0.25).abs() < 0.01);
        assert!(weights.knows(Features::of("words").words[0]));
        assert_eq!(weights.labels.len(), 2);
    }

    #[test]
    fn damage_of_any_kind_is_named() {
        let good = weights().to_bytes();
        let after = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            Weights::from_bytes(&bytes).unwrap_err()
        };
        assert_eq!(after(&|bytes| bytes[0] = 0), InvalidWeights::Magic);
        assert_eq!(after(&|bytes| bytes.clear()), InvalidWeights::Magic);
        assert_eq!(after(&|bytes| bytes[4] = 9), InvalidWeights::Version(9));
        assert_eq!(after(&|bytes| bytes[200] ^= 1), InvalidWeights::Checksum);
        assert!(matches!(
            after(&|bytes| bytes[14] = 9),
            InvalidWeights::Length(..)
        ));
        assert!(matches!(
            after(&|bytes| bytes[6] = 9),
            InvalidWeights::Shape(..)
        ));
        assert!(matches!(
            after(&|bytes| bytes.truncate(99)),
            InvalidWeights::Length(..)
        ));
    }

    #[test]
    fn without_anything_learned_the_prior_stands_alone() {
        let weights = Weights::untrained();
        let estimate = weights.estimate(&Features::of("anything at all"), 1.0, Some(3));
        assert!((estimate.gain - weights.head.prior_gain(1.0)).abs() < 1e-9);
        assert!(estimate.trust.abs() < 1e-9 && estimate.label.is_none());
    }
}
