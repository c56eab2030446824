//! Protobuf on the wire with buffers that begin small.
//!
//! tonic gives every call a buffer of 8 KiB to encode into and another to decode from, and keeps
//! the first for as long as a stream is open. Nearly all our messages are a few hundred bytes, and
//! a thousand open streams are to cost as little as they can: buffers grow when they have to.

use std::fmt;
use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::ProstCodec;

/// What a buffer begins with, in bytes: a piece of an answer with its envelope.
const FIRST_BYTES: usize = 512;
/// How much is encoded before it is sent on, in bytes: as tonic does by itself.
const SEND_AT_BYTES: usize = 32 * 1024;

/// Encodes and decodes the messages of all our services.
pub struct SmallBuffers<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SmallBuffers<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> fmt::Debug for SmallBuffers<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmallBuffers")
    }
}

impl<T, U> Codec for SmallBuffers<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = <ProstCodec<T, U> as Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(settings())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::raw_decoder(settings())
    }
}

fn settings() -> BufferSettings {
    BufferSettings::new(FIRST_BYTES, SEND_AT_BYTES)
}
