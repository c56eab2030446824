//! Blocks of code between fences, as Markdown has them.
//!
//! A fence is three or more backticks or tildes at the beginning of a line, however far indented;
//! what closes it is the same sign at least as often, alone on its line. A block that nothing
//! closes ends with the text and says so.

use std::borrow::Cow;

/// More blocks than any answer needs; those after them are not looked at.
const MAX_BLOCKS: usize = 64;

/// One block of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// What stands behind the opening fence up to the first space, as `python`; may be empty.
    pub tag: &'a str,
    /// The code, without the indentation of its fence.
    pub code: Cow<'a, str>,
    /// Whether a fence closes it.
    pub closed: bool,
}

/// A text taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fenced<'a> {
    /// Its blocks, in order.
    pub blocks: Vec<Block<'a>>,
    /// Whether there is anything but blocks and white space.
    pub has_prose: bool,
}

/// Finds the blocks of a text.
#[must_use]
pub fn find(text: &str) -> Fenced<'_> {
    let mut fenced = Fenced::default();
    let mut rest = text;
    while let Some((line, after)) = next_line(rest) {
        rest = after;
        let Some(fence) = Fence::of_line(line) else {
            fenced.has_prose |= !line.trim().is_empty();
            continue;
        };
        if fenced.blocks.len() == MAX_BLOCKS {
            fenced.has_prose = true;
            break;
        }
        let (inside, closed, after) = fence.until_closed(rest);
        fenced.blocks.push(Block {
            tag: fence.tag(),
            code: dedented(inside, fence.indent),
            closed,
        });
        rest = after;
    }
    fenced
}

/// The first line of a text, without its end, and what follows it.
fn next_line(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    Some(text.split_once('\n').unwrap_or((text, "")))
}

/// An opening fence.
#[derive(Debug, Clone, Copy)]
struct Fence<'a> {
    sign: char,
    length: usize,
    indent: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    fn of_line(line: &'a str) -> Option<Self> {
        let body = line.trim_start_matches([' ', '\t']);
        let sign = body.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = body.trim_start_matches(sign);
        let length = body.len() - info.len();
        // A backtick in the info means that this is code inside a line, as ```x```.
        let inline = sign == '`' && info.contains('`');
        (length >= 3 && !inline).then_some(Self {
            sign,
            length,
            indent: line.len() - body.len(),
            info,
        })
    }

    fn tag(&self) -> &'a str {
        let info = self.info.trim().trim_start_matches(['{', '.']);
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '{' | '}' | ':' | ';');
        info.split(ends).next().unwrap_or("")
    }

    /// What lies before the closing fence, whether there is one, and what lies behind it.
    fn until_closed(&self, text: &'a str) -> (&'a str, bool, &'a str) {
        let mut at = 0;
        while let Some((line, after)) = next_line(&text[at..]) {
            if self.closes(line) {
                return (&text[..at], true, after);
            }
            at = text.len() - after.len();
        }
        (text, false, "")
    }

    fn closes(&self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.length && line.chars().all(|c| c == self.sign)
    }
}

/// The code with up to `indent` leading blanks taken off each line.
fn dedented(code: &str, indent: usize) -> Cow<'_, str> {
    if indent == 0 {
        return Cow::Borrowed(code);
    }
    let without = |line: &str| {
        let blanks = line
            .bytes()
            .take(indent)
            .take_while(|b| matches!(b, b' ' | b'\t'));
        line[blanks.count()..].to_owned()
    };
    let lines: String = code.split_inclusive('\n').map(without).collect();
    Cow::Owned(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_tag_their_code_and_their_end() {
        let fenced = find("Here:\n```python title=x\na = 1\n```\nand\n~~~\nb\n~~~\n");
        let found: Vec<_> = fenced
            .blocks
            .iter()
            .map(|block| (block.tag, block.code.as_ref(), block.closed))
            .collect();
        assert_eq!(found, [("python", "a = 1\n", true), ("", "b\n", true)]);
        assert!(fenced.has_prose);
    }

    #[test]
    fn an_open_block_ends_with_the_text() {
        let fenced = find("```js\nlet a = `x`\n");
        assert!(!fenced.blocks[0].closed && !fenced.has_prose);
    }

    #[test]
    fn a_longer_fence_holds_shorter_ones() {
        let fenced = find("````md\n```\ninner\n```\n````");
        assert_eq!(fenced.blocks.len(), 1);
        assert!(fenced.blocks[0].closed);
    }

    #[test]
    fn the_indentation_of_a_list_is_taken_off() {
        let fenced = find("1. Do:\n   ```py\n   if x:\n       y()\n   ```");
        assert_eq!(fenced.blocks[0].code, "if x:\n    y()\n");
    }

    #[test]
    fn code_inside_a_line_opens_nothing() {
        assert!(find("use ```x``` here\n```y``` there").blocks.is_empty());
        assert!(find("").blocks.is_empty());
    }
}
