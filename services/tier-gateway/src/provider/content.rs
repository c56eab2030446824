//! What all wires need of a turn: its text in one piece, and its pictures as text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::call::{Image, Part, Turn};

/// The text of a turn, borrowed where it is in one piece.
pub(super) fn text_of(turn: &Turn) -> Cow<'_, str> {
    match turn.parts.as_slice() {
        [Part::Text(text)] => Cow::Borrowed(text),
        _ => Cow::Owned(turn.text()),
    }
}

/// The bytes of a picture in base 64.
pub(super) fn base64_of(image: &Image) -> String {
    STANDARD.encode(&image.data)
}

/// A picture as a URL that holds all of it.
pub(super) fn data_url(image: &Image) -> String {
    format!("data:{};base64,{}", image.media_type, base64_of(image))
}
