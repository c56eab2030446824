//! Does it decline the task instead of doing it?
//!
//! Only the beginnings of the first sentences count, where models say no; what stands in quotes,
//! in a quoted line or in code is talk about refusals and is passed over. A refusal that is the
//! whole answer is a hard failure, one that is followed by real content is not.

use regex::{Regex, RegexSet};

use crate::answer::Answer;
use crate::check::{Check, Finding, Kind};

/// Refuses the task.
#[derive(Debug)]
pub struct Refusal {
    opener: Regex,
    /// [`DECLINES`], then [`DOES_NOT_KNOW`]: one look finds both.
    says: RegexSet,
    idiom: Regex,
}

/// How much of the beginning is read.
const HEAD_BYTES: usize = 600;
/// How many sentences may come before the refusal, less one.
const SENTENCES: usize = 3;
/// An answer no longer than this that declines does nothing else.
const NOTHING_ELSE_BYTES: usize = 450;
/// A shorter answer that does not know is no answer.
const NO_ANSWER_BYTES: usize = 300;

/// What may come before "I cannot" in the same sentence.
const OPENER: &str = concat!(
    r"^(?:(?:well|hello|hi|hey|no|oh)[,!. ]+)?",
    r"(?:(?:i'm|i am|we're|we are) (?:really |so |very |truly |terribly |deeply )?sorry|sorry",
    r"|my apologies|apologies|i apologi[sz]e(?: for [^,.]*)?|unfortunately|regrettably",
    r"|as an? (?:ai|artificial intelligence|(?:large )?language model|assistant|llm)",
    r"(?: (?:language )?model| assistant)?",
    r"|i understand[^,.]*|i appreciate[^,.]*|thank you[^,.]*|while i[^,.]*)?",
    r"[,;:. -]*(?:but |however,? |and |that )?",
);

/// Ways to say that something will not be done.
const DECLINES: &[&str] = &[
    r"(?:i|we)(?: simply| just| really)? (?:can't|cannot|can not|could not|couldn't|won't|will not|would not|wouldn't|am unable to|am not able to|are unable to|am not going to|do not|don't) (?:really |directly |actually |currently |in good conscience |be able to |ethically )*(?:help|assist|provide|fulfil|comply|do (?:that|this|it)|answer|create|generate|write|complete|discuss|support|engage|share|continue|offer|give|produce|participate|respond|perform|accommodate|carry out|execute|browse|access|make|tell|proceed|feel comfortable|have the ability|have the capability|process|condone|encourage)",
    r"(?:i'm|we're|i am) (?:unable|not able|not comfortable|not allowed|not permitted|not programmed|not designed|not in a position|not going)(?: to)?\b",
    r"(?:i|we)(?: must| have to| need to| will have to|'ll have to)? (?:respectfully |politely )?(?:decline|refuse)\b",
    r"(?:this|that|your|the) (?:request|question|prompt|content|topic|task) (?:violates|goes against|is against|is not something i|is inappropriate|is outside)",
    r"(?:it(?:'s| is| would be)|that(?:'s| is| would be)|this is) (?:not appropriate|inappropriate|unethical|against (?:my|our))",
    r"(?:it(?:'s| is)|that(?:'s| is)|this is) (?:not something i can|something i (?:can't|cannot|won't|am unable))",
    r"(?:lo siento|perdona|disculpa)[, ]+(?:pero )?no puedo",
    r"(?:je suis|désolée?)[^.]*je ne (?:peux|suis)",
    r"(?:es tut mir leid|tut mir leid|leider)[, ]+(?:aber )?(?:ich kann|kann ich)[^.]*nicht",
    r"(?:mi dispiace|scusa)[, ]+(?:ma )?non posso",
    r"(?:desculpe|lamento|sinto muito)[, ]+(?:mas )?(?:eu )?não posso",
    r"(?:很?抱歉|对不起)[，, ]*(?:但)?我?(?:不能|无法)",
    r"申し訳(?:ありません|ございません)が",
];

/// Ways to say that there is no answer.
const DOES_NOT_KNOW: &[&str] = &[
    r"(?:i|we) (?:really |honestly )?(?:don't|do not) (?:know|understand)\b",
    r"(?:i|we) (?:don't|do not|didn't) have (?:enough |any |the |sufficient |access to )*(?:information|context|data|access|details|knowledge|real-time|tools?)",
    r"(?:i'm|i am|we are) not (?:sure|certain) (?:what|how|i|about|if|which)",
    r"(?:could|can) you (?:please )?(?:provide|clarify|give|share|rephrase)",
    r"please (?:provide|clarify|share|rephrase)",
    r"i have no (?:information|idea|knowledge|data)",
];

/// "I can't help but notice" declines nothing.
const IDIOM: &str = r"can(?:'t|not) (?:really |just )?(?:help (?:but|it|feeling|noticing|thinking|wondering|myself|being)|tell (?:you how|whether)|give (?:enough|up))";

/// Words behind which a refusal is followed by what can be done after all.
const STILL_HELPS: [&str; 7] = [
    "here is",
    "here's",
    "here are",
    "i can ",
    "what i can",
    "instead",
    "the following",
];

impl Refusal {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// One of them is no pattern: a defect of the build.
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            opener: Regex::new(OPENER)?,
            says: set(DECLINES.iter().chain(DOES_NOT_KNOW))?,
            idiom: Regex::new(IDIOM)?,
        })
    }

    fn look(&self, text: &str) -> Finding {
        let head = normalised(text);
        let (declines, does_not_know) = self.says(&head);
        if declines {
            how_much_else(text, &head)
        } else if does_not_know && text.len() <= NO_ANSWER_BYTES {
            Finding::scored(0.3, "says that it does not know or asks back")
        } else {
            Finding::good("does not decline")
        }
    }
}

impl Refusal {
    /// Whether the opening sentences decline, and whether they say that there is no answer.
    fn says(&self, head: &str) -> (bool, bool) {
        let (mut declines, mut does_not_know) = (false, false);
        for sentence in opening_sentences(head) {
            // Once as it stands, because "I'm" opens an apology and a refusal alike.
            let behind = self.behind_opener(sentence);
            for rest in std::iter::once(sentence).chain(behind) {
                let said = self.says.matches(rest);
                let declined = said.iter().any(|pattern| pattern < DECLINES.len());
                declines |= declined && !self.idiom.is_match(rest);
                does_not_know |= said.iter().any(|pattern| pattern >= DECLINES.len());
            }
        }
        (declines, does_not_know)
    }

    /// What stands behind an opener, if there is one.
    fn behind_opener<'a>(&self, sentence: &'a str) -> Option<&'a str> {
        let end = self.opener.find(sentence)?.end();
        (end > 0).then(|| &sentence[end..])
    }
}

impl Check for Refusal {
    fn kind(&self) -> Kind {
        Kind::Refusal
    }

    fn check(&self, answer: &Answer) -> Option<Finding> {
        if answer.text.trim().is_empty() {
            return None;
        }
        Some(self.look(&answer.text))
    }

    /// Only sentences that are complete count: "I can't help" may go on with "but notice". One
    /// that turns to something of use, or to code, is given its time.
    fn outlook(&self, beginning: &Answer) -> Option<Finding> {
        let head = normalised(&beginning.text);
        let end = head.rfind(['.', '!', '?', '\n'])?;
        let (declines, _) = self.says(&head[..=end]);
        let turns = turns(&head) || has_code(&beginning.text);
        (declines && !turns).then(something_behind_it)
    }
}

/// Patterns for the beginning of a text.
fn set<'a>(patterns: impl Iterator<Item = &'a &'a str>) -> Result<RegexSet, regex::Error> {
    RegexSet::new(patterns.map(|pattern| format!("^(?:{pattern})")))
}

/// A refusal with something behind it may still be of use.
fn how_much_else(text: &str, head: &str) -> Finding {
    let turns = text.len() > 150 && turns(head);
    if text.trim().len() > NOTHING_ELSE_BYTES || has_code(text) || turns {
        something_behind_it()
    } else {
        Finding::hard("declines the task")
    }
}

fn has_code(text: &str) -> bool {
    text.contains("```")
}

fn turns(head: &str) -> bool {
    STILL_HELPS.iter().any(|words| head.contains(words))
}

fn something_behind_it() -> Finding {
    Finding::scored(0.4, "declines, and then says something all the same")
}

/// The beginning in lower case, with plain apostrophes, without emphasis.
fn normalised(text: &str) -> String {
    let text = text.trim_start();
    text[..text.floor_char_boundary(HEAD_BYTES)]
        .chars()
        .filter(|c| !matches!(c, '*' | '_'))
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' | '`' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            other => other,
        })
        .fold(String::with_capacity(HEAD_BYTES), |mut lower, c| {
            // Nearly all are ASCII, for which there is nothing to look up.
            match c.is_ascii() {
                true => lower.push(c.to_ascii_lowercase()),
                false => lower.extend(c.to_lowercase()),
            }
            lower
        })
}

/// The first sentences that the answer says itself: not in quotes, not in a quoted line.
fn opening_sentences(head: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let sentences = head
        .split_inclusive(['.', '!', '?', '\n'])
        .filter(|sentence| !sentence.trim().is_empty())
        .take(SENTENCES);
    sentences.filter_map(move |sentence| {
        let own = !quoted;
        quoted ^= sentence.matches('"').count() % 2 == 1;
        let sentence = sentence.trim();
        let begins_elsewhere = sentence.starts_with(['"', '>', '\'', '#', '|']);
        (own && !begins_elsewhere).then_some(sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    /// Built once: compiling the patterns takes a moment in a debug build.
    static REFUSAL: LazyLock<Refusal> = LazyLock::new(|| Refusal::new().unwrap());

    fn look(text: &str) -> Finding {
        REFUSAL.look(text)
    }

    #[test]
    fn many_ways_to_decline_are_hard_failures() {
        for text in [
            "I'm sorry, but I can't help with that.",
            "I\u{2019}m sorry, but I can\u{2019}t assist with that request.",
            "Sorry, I cannot provide that information.",
            "As an AI language model, I am unable to generate such content.",
            "Unfortunately, I'm not able to do that.",
            "I apologize, but I cannot fulfill this request.",
            "I must decline to answer.",
            "Thank you for your question. I can't discuss this topic.",
            "This request violates my guidelines.",
            "I won't write that.",
            "**I cannot** comply with this.",
            "Lo siento, pero no puedo ayudar con eso.",
            "Es tut mir leid, aber ich kann dabei nicht helfen.",
        ] {
            assert!(look(text).hard_failure, "{text}");
        }
    }

    #[test]
    fn quoted_and_discussed_refusals_are_none() {
        for text in [
            "Models often answer \"I'm sorry, but I can't help with that.\" to be safe.",
            "\"I'm sorry, but I can't help with that\" is a typical refusal.",
            "> I cannot assist with that.\n\nThat line is a refusal.",
            "I cannot recommend this book highly enough.",
            "I can't help but admire how clean this is.",
            "The server cannot provide that resource, so it answers 404.",
            "He said: \"No. I can't help you.\" Then he left.",
            "You can't write to a closed file. Open it again first.",
            "Sorry to hear that! Try turning it off and on again.",
        ] {
            assert_eq!(look(text), Finding::good("does not decline"), "{text}");
        }
    }

    #[test]
    fn a_refusal_with_real_content_behind_it_is_not_hard() {
        let code = "I can't run code, but here's the function:\n```python\ndef f(): pass\n```";
        let code = look(&format!("{code}\nI cannot execute it here."));
        assert!(!code.hard_failure);
        let long = format!(
            "I cannot give medical advice. {}",
            "Rest helps. ".repeat(60)
        );
        let long = look(&long);
        assert!(!long.hard_failure && long.score.get() < 0.5);
    }

    #[test]
    fn not_knowing_is_worse_when_it_is_all() {
        assert!(look("I don't have access to real-time data.").score.get() < 0.5);
        assert!(look("Could you please provide more details?").score.get() < 0.5);
    }
}
