//! Answers in words and in a form, with their labels.

/// What a person would say of an answer in one respect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Label {
    /// The check has nothing to complain about.
    Good,
    /// It complains, and does not fail the answer by itself.
    Poor,
    /// It fails the answer by itself.
    Hard,
    /// It has nothing to say.
    Silent,
}
use Label::{Good, Hard, Poor, Silent};

/// Check, expected label, whether the whole answer is to pass at 0.7, and the answer.
pub(super) type Case = (&'static str, Label, bool, &'static str);

/// Judged as they are.
pub(super) const PLAIN: &[Case] = &[
    // Empty and cut off.
    ("empty", Hard, false, ""),
    ("empty", Hard, false, "  \n\n\t"),
    ("empty", Good, true, "42"),
    ("empty", Good, true, "async-caching-memory"),
    ("empty", Poor, false, "..."),
    (
        "empty",
        Poor,
        false,
        "Here you are:\n```python\ndef f():\n    return",
    ),
    (
        "empty",
        Good,
        true,
        "Here you are:\n```python\ndef f():\n    return 1\n```",
    ),
    ("empty", Good, true, "The capital of Australia is Canberra."),
    (
        "empty",
        Poor,
        true,
        "The council met on Monday to talk about the park. It has been closed since the storm in March. Several members spoke for a new fence. The mayor then said that the money for it would have to come out of the",
    ),
    // Refusals, and what only looks like one.
    (
        "refusal",
        Hard,
        false,
        "I'm sorry, but I can't help with that.",
    ),
    ("refusal", Hard, false, "I cannot assist with this request."),
    (
        "refusal",
        Hard,
        false,
        "As an AI language model, I cannot provide an answer to that question.",
    ),
    (
        "refusal",
        Hard,
        false,
        "Unfortunately, I am not able to complete this task.",
    ),
    (
        "refusal",
        Hard,
        false,
        "I apologize, but I won't be able to help you with this.",
    ),
    (
        "refusal",
        Hard,
        false,
        "I must respectfully decline to write this.",
    ),
    (
        "refusal",
        Hard,
        false,
        "It would be inappropriate for me to answer that.",
    ),
    (
        "refusal",
        Hard,
        false,
        "Je suis désolé, mais je ne peux pas vous aider.",
    ),
    (
        "refusal",
        Poor,
        false,
        "I don't have enough information to answer.",
    ),
    (
        "refusal",
        Poor,
        false,
        "Could you please provide the text you want summarized?",
    ),
    (
        "refusal",
        Good,
        true,
        "The phrase \"I'm sorry, but I can't help with that\" is what models say when they refuse.",
    ),
    (
        "refusal",
        Good,
        true,
        "I cannot overstate how useful tests are.",
    ),
    (
        "refusal",
        Good,
        true,
        "You can't assign to a borrowed value in Rust; clone it first.",
    ),
    (
        "refusal",
        Good,
        true,
        "Sorry for the wait! The order ships on Tuesday.",
    ),
    (
        "refusal",
        Good,
        true,
        "Dear Ms Lee, I'm sorry, but I can't attend the meeting on Friday. Best wishes, Ann",
    ),
    (
        "refusal",
        Good,
        true,
        "The function can't create the file, because the folder is missing.",
    ),
    // Repetition.
    (
        "repetition",
        Hard,
        false,
        "yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes yes",
    ),
    (
        "repetition",
        Hard,
        false,
        "The list is 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2",
    ),
    (
        "repetition",
        Hard,
        false,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ),
    (
        "repetition",
        Poor,
        false,
        "I will check the file.\nI will run the tests.\nI will run the tests.\nI will run the tests.\nI will run the tests.\nI will run the tests.\nThen I will stop.",
    ),
    (
        "repetition",
        Good,
        true,
        "- milk\n- bread\n- eggs\n- butter\n- milk again, for the cat",
    ),
    (
        "repetition",
        Good,
        true,
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 1 | 2 |\n| 3 | 4 |",
    ),
    (
        "repetition",
        Good,
        true,
        "Title\n--------------------------------------------------------------------------------------------\nThe text.",
    ),
    (
        "repetition",
        Good,
        true,
        "Tomorrow, and tomorrow, and tomorrow, creeps in this petty pace from day to day.",
    ),
    // Code that illustrates.
    (
        "syntax",
        Silent,
        true,
        "The sky is blue because short waves scatter more.",
    ),
    (
        "syntax",
        Good,
        true,
        "Use a list:\n```python\nxs = [1, 2, 3]\n```\nand loop over it.",
    ),
    (
        "syntax",
        Poor,
        true,
        "Use a list:\n```python\nxs = [1, 2\nfor\n```\nand loop over it.",
    ),
    ("syntax", Silent, true, "The output is:\n```text\n(((\n```"),
    (
        "syntax",
        Good,
        true,
        "Install it:\n```bash\npip install terrace && terrace up\n```",
    ),
];

/// Judged where JSON was asked for.
pub(super) const JSON: &[Case] = &[
    ("format", Good, true, "{\"name\": \"Ann\", \"age\": 41}"),
    ("format", Good, true, "\n [1, 2, 3] \n"),
    ("format", Poor, true, "```json\n{\"name\": \"Ann\"}\n```"),
    (
        "format",
        Hard,
        false,
        "Here is the JSON:\n```json\n{\"name\": \"Ann\"}\n```",
    ),
    ("format", Hard, false, "{\"name\": \"Ann\", \"age\": }"),
    ("format", Hard, false, "{'name': 'Ann'}"),
    ("format", Hard, false, "name: Ann"),
];

/// Judged against a schema that wants a name and a whole number as age.
pub(super) const SCHEMA: &[Case] = &[
    ("format", Good, true, "{\"name\": \"Ann\", \"age\": 41}"),
    (
        "format",
        Hard,
        false,
        "{\"name\": \"Ann\", \"age\": \"41\"}",
    ),
    ("format", Hard, false, "{\"name\": \"Ann\"}"),
    (
        "format",
        Hard,
        false,
        "{\"name\": \"Ann\", \"age\": 41, \"more\": 1}",
    ),
];

/// Judged against the choices `positive` and `negative`.
pub(super) const CHOICE: &[Case] = &[
    ("format", Good, true, "positive"),
    ("format", Good, true, " negative\n"),
    ("format", Poor, true, "Positive."),
    ("format", Hard, false, "neutral"),
    ("format", Hard, false, "The sentiment is positive."),
];

/// Judged against the pattern of a kebab-case topic.
pub(super) const PATTERN: &[Case] = &[
    ("format", Good, true, "async-caching-memory"),
    ("format", Hard, false, "Async Caching"),
    ("format", Hard, false, "topic: async-caching"),
];

pub(super) const SCHEMA_TEXT: &str = r#"{"type": "object", "required": ["name", "age"],
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "additionalProperties": false}"#;
