//! What can be counted in a request without understanding it: one linear pass, no state.
//!
//! Of a long text only the head and the tail are read ([`ends`]), because that is where people say
//! what they want; its full length still counts. So a prompt of a
//! megabyte costs no more than one of 32 KiB.

mod cues;
mod shape;

pub(crate) use cues::Cue;
pub(crate) use shape::Shape;

use terrace_domain::ActionName;
use terrace_learned::text::ends;

use crate::language::{Name, Tally, canonical};
use crate::request::{Form, Request, Speaker, Turn};
use crate::words::Words;

/// How far from either end of the question a cue counts in full.
const NEAR_BYTES: usize = 320;
/// What a cue counts in the middle: more often than not it belongs to pasted material.
const FAR: f64 = 0.25;
/// What a cue counts in the system message: it speaks of every request alike.
const SYSTEM: f64 = 0.8;
/// How many words into the question its leading cue may stand.
const LEAD_WORDS: usize = 10;

/// Everything the scorer looks at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Features {
    /// Cues of the question and of the system message, weighted by place.
    pub(crate) cues: Cues,
    /// The first cue of the question that names a task.
    pub(crate) lead: Option<Cue>,
    /// Cues in the name of the action.
    pub(crate) action: Cues,
    /// Words of the question, estimated where it was not read in full.
    pub(crate) words: usize,
    /// Mean length of the words that were read, in bytes.
    pub(crate) word_bytes: f64,
    /// Words with a digit in front.
    pub(crate) numbers: usize,
    /// Words with an underscore inside.
    pub(crate) identifiers: usize,
    /// The question's words, hashed, for what was learned from outcomes.
    pub(crate) text: terrace_learned::Features,
    /// Outer form of the question.
    pub(crate) shape: Shape,
    /// Bytes of all other turns.
    pub(crate) context_bytes: usize,
    /// Turns by the user and the model.
    pub(crate) turns: usize,
    /// Turns by tools.
    pub(crate) tool_turns: usize,
    /// Pictures.
    pub(crate) images: usize,
    /// Form that the output must have.
    pub(crate) form: Form,
    /// Tools on offer.
    pub(crate) tools: u32,
    /// Language of the code, as far as it can be told.
    pub(crate) language: Option<Name>,
    /// Whether the caller named a language.
    pub(crate) language_declared: bool,
    /// Whether something was too long to be read in full.
    pub(crate) cut: bool,
}

/// Weighted counts per cue.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cues([f64; Cue::COUNT]);

impl Cues {
    /// How much of a cue was seen.
    pub(crate) fn of(&self, cue: Cue) -> f64 {
        self.0.get(cue as usize).copied().unwrap_or(0.0)
    }

    fn add(&mut self, cue: Cue, weight: f64) {
        if let Some(total) = self.0.get_mut(cue as usize) {
            *total += weight;
        }
    }
}

/// Reads the features of a request. `question` is the text that is to be answered.
pub(crate) fn read(request: &Request, question: &str) -> Features {
    let mut features = Features {
        turns: count(&request.turns, |turn| {
            matches!(turn.speaker, Speaker::User | Speaker::Assistant)
        }),
        tool_turns: count(&request.turns, |turn| turn.speaker == Speaker::Tool),
        images: request.turns.iter().map(|turn| turn.images).sum(),
        form: request.form,
        tools: request.tool_count,
        language_declared: request.code_language.is_some(),
        action: of_action(request.action.as_ref()),
        text: terrace_learned::Features::of(question),
        ..Features::default()
    };
    let all: usize = request.turns.iter().map(|turn| turn.text.len()).sum();
    features.context_bytes = all.saturating_sub(question.len());
    let mut languages = Tally::default();
    let system = request
        .turns
        .iter()
        .find(|turn| turn.speaker == Speaker::System);
    if let Some(system) = system {
        features.read_system(&system.text, &mut languages);
    }
    features.read_question(question, &mut languages);
    let declared = request.code_language.as_deref();
    features.language = declared.map_or_else(|| languages.winner(), canonical);
    features
}

fn count(turns: &[Turn], wanted: impl Fn(&Turn) -> bool) -> usize {
    turns.iter().filter(|turn| wanted(turn)).count()
}

/// The cues of an action's name: `classify_memory` speaks of labels, `edit_file` of code.
fn of_action(action: Option<&ActionName>) -> Cues {
    let mut cues = Cues::default();
    let name = action.map_or("", ActionName::as_str);
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        if let Some(cue) = cues::of_action_word(&word.to_ascii_lowercase()) {
            cues.add(cue, 1.0);
        }
    }
    cues
}

impl Features {
    fn read_system(&mut self, text: &str, languages: &mut Tally) {
        let [head, _] = ends(text);
        let lower = head.to_ascii_lowercase();
        for seen in Seen::all(&lower, languages) {
            if let Some(cue) = seen.cue {
                let near = if seen.at < NEAR_BYTES { 1.0 } else { FAR };
                self.cues.add(cue, SYSTEM * near);
            }
        }
    }

    fn read_question(&mut self, text: &str, languages: &mut Tally) {
        let [head, tail] = ends(text);
        self.cut = head.len() + tail.len() < text.len();
        let (mut words, mut letters) = (0, 0);
        for (piece, offset) in [(head, 0), (tail, text.len() - tail.len())] {
            self.shape = self.shape.plus(&shape::read(piece, languages));
            let lower = piece.to_ascii_lowercase();
            for seen in Seen::all(&lower, languages) {
                words += 1;
                letters += seen.word.len();
                self.note(&seen, offset + seen.at, (words, text.len()));
            }
        }
        let read = (head.len() + tail.len()).max(1);
        self.words = words * text.len() / read;
        self.word_bytes = letters as f64 / words.max(1) as f64;
    }

    /// Notes one word of the question: the `index`-th one, `at` bytes into its `length` bytes.
    fn note(&mut self, seen: &Seen<'_>, at: usize, (index, length): (usize, usize)) {
        let first = seen.word.as_bytes().first().copied().unwrap_or(b' ');
        self.numbers += usize::from(first.is_ascii_digit());
        self.identifiers += usize::from(seen.word.trim_matches('_').contains('_'));
        let Some(cue) = seen.cue else { return };
        let near = at < NEAR_BYTES || at + NEAR_BYTES > length;
        self.cues.add(cue, if near { 1.0 } else { FAR });
        if self.lead.is_none() && index <= LEAD_WORDS && cue.names_a_task() {
            self.lead = Some(cue);
        }
    }
}

/// A word with what it hints at.
struct Seen<'a> {
    at: usize,
    word: &'a str,
    cue: Option<Cue>,
}

impl<'a> Seen<'a> {
    /// All words of a text in lower case; names of languages go to `languages` on the way.
    fn all(lower: &'a str, languages: &'a mut Tally) -> impl Iterator<Item = Self> {
        let mut words = Words::of(lower).peekable();
        let mut previous = "";
        std::iter::from_fn(move || {
            let (at, word) = words.next()?;
            let next = words.peek().map_or("", |(_, next)| *next);
            languages.saw_word(previous, word, next);
            if lower[..at].ends_with('.') && !previous.is_empty() && follows(lower, previous, at) {
                languages.saw_ending(word);
            }
            let cue = cues::known(word).and_then(|known| known.cue_after(previous));
            previous = word;
            Some(Self { at, word, cue })
        })
    }
}

/// Whether `previous` stands directly before the dot in front of byte `at`, as in `main.rs`.
fn follows(lower: &str, previous: &str, at: usize) -> bool {
    lower[..at - 1].ends_with(previous)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Features {
        let request = Request {
            turns: vec![Turn::new(Speaker::User, text)],
            ..Request::default()
        };
        read(&request, text)
    }

    #[test]
    fn cues_near_the_ends_count_more_than_in_the_middle() {
        let filler = "lorem ipsum dolor ".repeat(100);
        assert!((of("classify this").cues.of(Cue::Label) - 1.0).abs() < 1e-9);
        let far = of(&format!("{filler} classify {filler}"));
        assert!((far.cues.of(Cue::Label) - FAR).abs() < 1e-9);
        let late = of(&format!("{filler} classify it"));
        assert!((late.cues.of(Cue::Label) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_leading_cue_is_the_first_that_names_a_task() {
        assert_eq!(of("What function parses dates?").lead, Some(Cue::Code));
        assert_eq!(of("Summarize this code").lead, Some(Cue::Rewrite));
        assert_eq!(of("Hello there").lead, None);
    }

    #[test]
    fn only_both_ends_of_a_long_text_are_read_and_its_length_is_known() {
        let text = format!("{} prove {}", "a ".repeat(200_000), "b ".repeat(200_000));
        let features = of(&text);
        assert!(features.cut);
        assert!((features.cues.of(Cue::Prove)).abs() < 1e-9);
        assert!(
            (399_000..402_000).contains(&features.words),
            "{}",
            features.words
        );
    }

    #[test]
    fn file_endings_and_action_names_are_read() {
        assert_eq!(of("open src/main.rs and lib.rs").language, Some("rust"));
        assert_eq!(of("it ends here. go on").language, None);
        let action = ActionName::new("classify_memory").unwrap();
        assert!(of_action(Some(&action)).of(Cue::Label) > 0.0);
    }

    #[test]
    fn the_language_that_the_caller_declares_is_taken() {
        let request = Request {
            turns: vec![Turn::new(Speaker::User, "in python")],
            code_language: Some("ts".into()),
            ..Request::default()
        };
        assert_eq!(read(&request, "in python").language, Some("typescript"));
    }
}
