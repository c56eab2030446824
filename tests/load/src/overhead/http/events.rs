//! Reads the events of a stream as they come, in whatever pieces.

use serde::Deserialize;

/// What came so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Events with text.
    pub(super) texts: usize,
    /// All text, in bytes.
    pub(super) text: usize,
    /// Whether the mark of the end came.
    pub(super) ended: bool,
    /// A line that has not ended.
    line: Vec<u8>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Delta<'a>,
}

#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<std::borrow::Cow<'a, str>>,
}

impl Events {
    /// # Errors
    /// An event is no chunk of a chat completion.
    pub(super) fn read(&mut self, mut data: &[u8]) -> anyhow::Result<()> {
        while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = data.split_at(end);
            data = &rest[1..];
            if self.line.is_empty() {
                self.line(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.line(&whole)?;
            }
        }
        self.line.extend_from_slice(data);
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let Some(data) = line.strip_prefix(b"data:") else {
            return Ok(());
        };
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.ended = true;
            return Ok(());
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data)?;
        let choice = chunk.choices.into_iter().next();
        let text = choice.and_then(|choice| choice.delta.content);
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.texts += 1;
            self.text += text.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n\
        : a comment\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"Two\"}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":\" \\\"words\\\"\"}}]}\n\n\
        data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n";

    #[test]
    fn pieces_of_any_size_are_the_same_events() {
        for size in 1..STREAM.len() {
            let mut events = Events::default();
            for piece in STREAM.as_bytes().chunks(size) {
                events.read(piece).unwrap();
            }
            assert_eq!((events.texts, events.text, events.ended), (2, 11, true));
        }
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        assert!(Events::default().read(b"data: oops\n").is_err());
    }
}
