//! What is asked and what is answered: the same for every subject.
//!
//! The question has about 500 characters; the answer is plain English without repetition, so that
//! a judge has something real to pass. A token is one of its words.

use serde_json::{Value, json};

/// Tokens of a whole answer.
pub(crate) const TOKENS: usize = 64;

const SYSTEM: &str = "You help the people of a small public library. Keep to what was asked, use \
    plain words, name what you are not sure of, and stay below six sentences without lists.";

const QUESTION: &str = "A reader asks why the library closes its reading room for two weeks in \
    March although the exams of the nearby school are in April. The roof is repaired in these \
    weeks, the upper floor stays open, and books on loan are renewed by themselves. Write a short \
    and friendly note for the door that explains this and tells where somebody who needs a quiet \
    place can go meanwhile.";

const ANSWER: &str = "Dear readers, our reading room is closed from the second Monday of March for \
    fourteen days because builders mend the roof above it, well before your exams begin in April. \
    Upstairs everything remains open as usual, with quiet desks beside the windows. Whatever \
    you have borrowed renews itself automatically. Please ask at the counter if another calm place \
    would help; thank you for understanding.";

/// The tokens of an answer of so many, as a stream gives them.
pub(crate) fn tokens(count: usize) -> impl Iterator<Item = &'static str> {
    ANSWER.split_inclusive(' ').take(count)
}

/// The text of an answer of so many tokens.
pub(crate) fn answer(count: usize) -> String {
    tokens(count).collect()
}

/// System message and question.
pub(crate) const fn messages() -> [(&'static str, &'static str); 2] {
    [("system", SYSTEM), ("user", QUESTION)]
}

/// The body of a chat completion; with a size, its question is a text of so many bytes.
pub(crate) fn body(model: &str, stream: bool, bytes: Option<usize>) -> Value {
    let usual = messages();
    let messages: Vec<Value> = match bytes {
        Some(bytes) => vec![json!({"role": "user", "content": text(bytes)})],
        None => usual
            .iter()
            .map(|(role, content)| json!({"role": role, "content": content}))
            .collect(),
    };
    let mut body = json!({
        "model": model,
        "messages": messages,
        "temperature": 0.2,
        "max_tokens": 256,
    });
    if stream {
        body["stream"] = true.into();
    }
    body
}

/// So many bytes of words.
fn text(bytes: usize) -> String {
    let mut text = QUESTION.repeat(bytes / QUESTION.len() + 1);
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_as_many_tokens_as_were_asked_for() {
        assert_eq!(tokens(usize::MAX).count(), TOKENS);
        assert_eq!(tokens(32).count(), 32);
        assert_eq!(answer(TOKENS), ANSWER);
        assert!(
            !ANSWER.contains(['"', '\\', '\n']),
            "needs no escapes in JSON"
        );
    }

    #[test]
    fn a_question_has_the_size_that_was_asked_for() {
        let body = body("m", true, Some(1000));
        let text = body["messages"][0]["content"].as_str().unwrap();
        assert_eq!(text.len(), 1000);
    }
}
