//! Prompts with the kind and the band of difficulty that a person would give them.

use terrace_proto::classifier::v1::TaskKind::{
    self, Chat, Classification, Code, Extraction, Math, Orchestration, Reasoning, Rewriting,
};

use crate::world::classify;

/// Action, prompt, kinds that are right, lowest and highest difficulty that is right.
type Case = (&'static str, &'static str, &'static [TaskKind], f64, f64);

const CASES: &[Case] = &[
    // Labels: any model does these.
    (
        "classify_memory",
        "Generate a kebab-case topic for: We fixed the asyncio cache that leaked memory.",
        &[Classification],
        0.0,
        0.3,
    ),
    (
        "",
        "Classify the sentiment of this review as positive or negative: I loved it.",
        &[Classification],
        0.0,
        0.3,
    ),
    (
        "",
        "Is this email spam or not? Answer with one word.\n\nYou won a prize!",
        &[Classification],
        0.0,
        0.3,
    ),
    (
        "",
        "Label this ticket as bug, feature or question: The app crashes when I log in.",
        &[Classification],
        0.0,
        0.3,
    ),
    (
        "route_intent",
        "User said: turn the lights off in the kitchen",
        &[Classification],
        0.0,
        0.3,
    ),
    (
        "",
        "Which category does this product belong to: electronics, clothing, food?\nWireless headphones",
        &[Classification],
        0.0,
        0.3,
    ),
    (
        "",
        "Pick the topic tag for this note. Only the tag.\n\nDentist on Tuesday at 10",
        &[Classification],
        0.0,
        0.3,
    ),
    // Facts out of a text.
    (
        "",
        "Extract the date and the place from: The meeting is on 4 May in Oslo.",
        &[Extraction],
        0.0,
        0.35,
    ),
    (
        "",
        "List all the email addresses mentioned in this text: write to a@example.org or b@example.org",
        &[Extraction],
        0.0,
        0.35,
    ),
    (
        "extract_entities",
        "Acme Corp hired Jane Doe as CFO in Berlin.",
        &[Extraction],
        0.0,
        0.35,
    ),
    (
        "",
        "Pull out the invoice number: Invoice INV-2041, due 3 June",
        &[Extraction],
        0.0,
        0.35,
    ),
    (
        "",
        "Identify the names of people in the following sentence: Ann met Bob.",
        &[Extraction],
        0.0,
        0.35,
    ),
    // Other words for the same.
    (
        "",
        "Summarize this paragraph in one sentence: The council met on Monday and agreed on the new park.",
        &[Rewriting],
        0.05,
        0.45,
    ),
    (
        "",
        "Translate to French: Where is the station?",
        &[Rewriting],
        0.05,
        0.45,
    ),
    (
        "",
        "Rewrite this email in a friendlier tone: Send me the report now.",
        &[Rewriting],
        0.05,
        0.45,
    ),
    (
        "",
        "Proofread: Their going too the store tomorow.",
        &[Rewriting],
        0.05,
        0.45,
    ),
    (
        "summarize",
        "Long day. We shipped the release and went home late.",
        &[Rewriting],
        0.05,
        0.45,
    ),
    // Talk.
    ("", "Hi! How are you today?", &[Chat], 0.0, 0.35),
    ("", "Tell me a joke about penguins.", &[Chat], 0.0, 0.4),
    ("", "Thank you, good night!", &[Chat], 0.0, 0.35),
    ("", "Who wrote the novel Dracula?", &[Chat], 0.05, 0.45),
    ("", "What is the capital of Australia?", &[Chat], 0.05, 0.45),
    // One small piece of code.
    (
        "",
        "Write a Python function that reverses a string.",
        &[Code],
        0.35,
        0.6,
    ),
    (
        "",
        "Write a function in Rust that returns the nth Fibonacci number.",
        &[Code],
        0.35,
        0.65,
    ),
    (
        "generate_code",
        "a TypeScript type guard for User",
        &[Code],
        0.35,
        0.65,
    ),
    (
        "",
        "Fix the bug in this function:\n```python\ndef add(a, b):\n    return a - b\n```",
        &[Code],
        0.35,
        0.65,
    ),
    (
        "",
        "Write a SQL query that counts orders per customer.",
        &[Code],
        0.35,
        0.65,
    ),
    (
        "",
        "Write a bash script that deletes files older than 30 days.",
        &[Code],
        0.35,
        0.65,
    ),
    (
        "edit_file",
        "Rename the variable x to total in main.py",
        &[Code],
        0.3,
        0.65,
    ),
    (
        "",
        "Implement a thread-safe LRU cache in Go. It must support a time to live per key, must never exceed its capacity, and should come with unit tests for concurrent access.",
        &[Code],
        0.55,
        0.9,
    ),
    // Numbers.
    ("", "What is 17 percent of 240?", &[Math], 0.3, 0.6),
    (
        "",
        "A train travels 60 miles in 2 hours and then 90 miles in 3 hours. How many miles per hour did it average?",
        &[Math],
        0.35,
        0.7,
    ),
    (
        "",
        "Solve the equation 3x + 5 = 20 for x.",
        &[Math],
        0.35,
        0.65,
    ),
    (
        "",
        "Ann has 12 apples, gives half of them to Bob, buys 7 more and shares them with 3 friends. How many apples does each get?",
        &[Math],
        0.35,
        0.7,
    ),
    // Thought.
    ("", "Explain why the sky is blue.", &[Reasoning], 0.4, 0.7),
    (
        "",
        "Compare the trade-offs of event sourcing and CRUD for a bank, and recommend one.",
        &[Reasoning],
        0.55,
        0.9,
    ),
    (
        "",
        "Prove that the square root of 2 is irrational.",
        &[Reasoning],
        0.75,
        1.0,
    ),
    (
        "",
        "Prove by induction that the sum of the first n odd numbers is n^2, then derive a closed form for the sum of their cubes.",
        &[Reasoning],
        0.75,
        1.0,
    ),
    (
        "",
        "Design a distributed rate limiter for a multi-region API. Analyze consistency against latency, failover, and the migration of existing counters; justify each choice.",
        &[Reasoning],
        0.75,
        1.0,
    ),
    (
        "",
        "Design the architecture of a multi-tenant billing system across several services: the modules, the protocol between them, idempotency, sharding, and a migration plan.",
        &[Reasoning],
        0.75,
        1.0,
    ),
    (
        "",
        "Refactor the codebase across multiple files so that the replication protocol is fault-tolerant: change the storage module, the network module and all their tests, keep the invariants and explain the migration.",
        &[Code, Reasoning],
        0.75,
        1.0,
    ),
    // Directing others.
    (
        "",
        "ORCHESTRATE: Plan the release: split it into subtasks, delegate them to agents and coordinate their results.",
        &[Orchestration],
        0.75,
        1.0,
    ),
    (
        "spawn_daemon",
        "Coordinate three agents that monitor the queue, and delegate the failures to workers.",
        &[Orchestration],
        0.75,
        1.0,
    ),
    (
        "",
        "Break down this project into milestones and assign subtasks to sub-agents, then coordinate their work.",
        &[Orchestration],
        0.75,
        1.0,
    ),
    ("orchestrate", "Ship version 2", &[Orchestration], 0.7, 1.0),
];

#[tokio::test]
async fn prompts_get_the_kind_and_the_difficulty_that_a_person_would_give() {
    let mut wrong = Vec::new();
    for (action, prompt, kinds, lowest, highest) in CASES {
        let found = classify(prompt, action).await;
        let right =
            kinds.contains(&found.task_kind()) && (*lowest..=*highest).contains(&found.difficulty);
        if !right {
            let evidence: Vec<_> = found
                .evidence
                .iter()
                .map(|e| format!("{} {:+.2}", e.feature, e.weight))
                .collect();
            wrong.push(format!(
                "{:?} {:.2} wanted {kinds:?} {lowest}..{highest}: {prompt}\n    {}",
                found.task_kind(),
                found.difficulty,
                evidence.join(", ")
            ));
        }
    }
    assert!(CASES.len() >= 40);
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn the_language_of_code_is_told_from_fences_names_and_files() {
    for (prompt, language) in [
        ("Write a Python function that adds two numbers.", "python"),
        ("Fix this:\n```ts\nlet x: number = 'a';\n```", "typescript"),
        ("Why does src/lib.rs not compile in this module?", "rust"),
        ("Write a program in C that prints its arguments.", "c"),
        (
            "What is wrong here?\nfunc main() {\n\tx := 1\n\tfmt.Println(x)\n}",
            "go",
        ),
        ("Write a poem about the sea.", ""),
    ] {
        assert_eq!(
            classify(prompt, "").await.code_language,
            language,
            "{prompt}"
        );
    }
}

#[tokio::test]
async fn harder_kinds_are_expected_to_take_more_output() {
    let label = classify("Classify this as spam or not: hello", "").await;
    let plan = classify("Coordinate agents on subtasks of the release", "").await;
    assert!(label.expected_output_tokens < 50);
    assert!(plan.expected_output_tokens > 500);
}
