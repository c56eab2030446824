//! What is to be classified, free of the wire.

use terrace_domain::{ActionName, ProjectName};

/// A conversation with what its caller declared about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The conversation, ending with what is to be answered.
    pub turns: Vec<Turn>,
    /// What the caller is doing.
    pub action: Option<ActionName>,
    /// Whose traffic it is.
    pub project: Option<ProjectName>,
    /// The form that the output must have.
    pub form: Form,
    /// How many tools the request offers.
    pub tool_count: u32,
    /// Language of the code at hand, as the caller calls it.
    pub code_language: Option<String>,
}

impl Request {
    /// The last thing the user said, else the last thing anybody said.
    #[must_use]
    pub fn last_words(&self) -> &str {
        let of_user = self
            .turns
            .iter()
            .rfind(|turn| turn.speaker == Speaker::User && !turn.text.trim().is_empty());
        of_user
            .or_else(|| self.turns.last())
            .map_or("", |turn| turn.text.as_str())
    }
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub speaker: Speaker,
    /// All text of the turn.
    pub text: String,
    /// How many pictures it has.
    pub images: usize,
}

impl Turn {
    /// A turn of one text.
    #[must_use]
    pub fn new(speaker: Speaker, text: impl Into<String>) -> Self {
        Self {
            speaker,
            text: text.into(),
            images: 0,
        }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Instructions for the whole conversation.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
    /// A tool, answering the model.
    Tool,
}

/// The form that the output must have, as far as it says something about the task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// Free text.
    #[default]
    Free,
    /// Any JSON.
    Json,
    /// JSON with a schema.
    Schema,
    /// Text that matches a pattern.
    Pattern,
    /// One of some texts.
    Choice,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_the_users_even_when_others_spoke_after() {
        let request = Request {
            turns: vec![
                Turn::new(Speaker::User, "first"),
                Turn::new(Speaker::User, "asked"),
                Turn::new(Speaker::Assistant, "calling"),
                Turn::new(Speaker::Tool, "found"),
            ],
            ..Request::default()
        };
        assert_eq!(request.last_words(), "asked");
        assert_eq!(Request::default().last_words(), "");
    }
}
