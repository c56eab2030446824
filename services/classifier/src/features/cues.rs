//! Words that hint at what is asked for, and how hard it is.
//!
//! One table from word to cue. A word has at most one cue; pairs of words are looked up before
//! single ones. The table is English: a prompt in another language is judged by its length and
//! structure alone, and the classifier is less sure of itself then.

/// What a word hints at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cue {
    /// Choosing a label.
    Label,
    /// Taking facts out of a text.
    Extract,
    /// Making a text other.
    Rewrite,
    /// Writing or changing code.
    Code,
    /// Calculating.
    Math,
    /// Thinking in several steps.
    Reason,
    /// Proving and deriving.
    Prove,
    /// Designing something with parts.
    Design,
    /// Directing the work of others.
    Orchestrate,
    /// Asking for a fact.
    Question,
    /// Greeting and thanking.
    Casual,
    /// Wanting a very short answer.
    Brief,
    /// Wanting something small or simple.
    Small,
    /// Demanding a property of the result.
    Constraint,
}

impl Cue {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::Constraint as usize + 1;

    /// Whether it says which task it is, rather than how it is to be done.
    pub(crate) const fn names_a_task(self) -> bool {
        !matches!(
            self,
            Self::Question | Self::Casual | Self::Brief | Self::Small | Self::Constraint
        )
    }
}

/// The cue of one word of an action's name in lower case; verbs of tools mean more there.
pub(crate) fn of_action_word(word: &str) -> Option<Cue> {
    Some(match word {
        "edit" | "fix" | "test" | "tests" | "file" | "commit" | "review" | "build" | "codegen"
        | "coding" | "generate" | "autocomplete" | "complete" => Cue::Code,
        "route" | "detect" | "moderate" | "rank" | "score" | "title" | "name" => Cue::Label,
        "daemon" | "spawn" | "plan" | "schedule" | "supervise" | "manage" => Cue::Orchestrate,
        "think" | "research" | "investigate" => Cue::Reason,
        "talk" | "reply" | "converse" => Cue::Casual,
        _ => {
            return task_word(word)
                .or_else(|| hard_word(word))
                .or_else(|| manner_word(word));
        }
    })
}

/// The cue of two neighbouring words, both in lower case.
pub(crate) fn of_pair(first: &str, second: &str) -> Option<Cue> {
    Some(match (first, second) {
        ("how", "many" | "much" | "far" | "old" | "long") => Cue::Math,
        ("by", "step") | ("root", "cause") | ("pros", "and") | ("trade", "offs") => Cue::Reason,
        ("pull", "out") | ("key", "facts" | "points") => Cue::Extract,
        ("fill", "in") => Cue::Extract,
        ("break", "down") | ("breaking", "down") | ("sub", "agents" | "tasks") => Cue::Orchestrate,
        ("multiple", "agents" | "workers" | "teams") => Cue::Orchestrate,
        ("multiple" | "several" | "all" | "many", "files" | "modules" | "services") => Cue::Design,
        ("race", "condition" | "conditions") | ("rate", "limiter" | "limiting") => Cue::Design,
        ("one" | "single", "word" | "sentence" | "line" | "label" | "letter") => Cue::Brief,
        ("yes" | "true", "or") | ("only", "the" | "with" | "one") => Cue::Brief,
        ("unit", "test" | "tests") | ("stack", "trace") | ("pull", "request") => Cue::Code,
        ("at", "least" | "most") | ("no", "more" | "external") | ("make", "sure") => {
            Cue::Constraint
        }
        ("thank", "you") | ("good", "morning" | "evening" | "night") => Cue::Casual,
        _ => return None,
    })
}

/// The cue of one word in lower case.
pub(crate) fn of_word(word: &str) -> Option<Cue> {
    task_word(word)
        .or_else(|| hard_word(word))
        .or_else(|| manner_word(word))
}

fn task_word(word: &str) -> Option<Cue> {
    Some(match word {
        "classify" | "classification" | "classifier" | "categorize" | "categorise" | "category"
        | "categories" | "label" | "labels" | "tag" | "tags" | "sentiment" | "topic" | "intent"
        | "spam" | "kebab-case" | "toxicity" | "genre" | "triage" => Cue::Label,
        "extract" | "extraction" | "parse" | "identify" | "entities" | "list" | "retrieve"
        | "mentioned" | "fields" | "locate" => Cue::Extract,
        "summarize" | "summarise" | "summary" | "rewrite" | "rephrase" | "reword"
        | "paraphrase" | "translate" | "translation" | "shorten" | "proofread" | "grammar"
        | "spelling" | "condense" | "polish" | "tone" | "tldr" | "simplify" | "reformat"
        | "headline" | "formal" => Cue::Rewrite,
        "code" | "function" | "functions" | "method" | "class" | "implement" | "implements"
        | "implementation" | "script" | "program" | "refactor" | "debug" | "bug" | "compile"
        | "compiler" | "endpoint" | "regex" | "sql" | "algorithm" | "array" | "struct"
        | "docstring" | "snippet" | "exception" | "codebase" | "module" | "traceback"
        | "iterator" | "decorator" | "linked-list" | "async" | "api" | "cli" | "variable"
        | "unittest" | "pytest" | "parser" | "middleware" => Cue::Code,
        "calculate" | "compute" | "solve" | "equation" | "equations" | "integral"
        | "derivative" | "probability" | "percent" | "percentage" | "sum" | "total" | "average"
        | "remainder" | "polynomial" | "matrix" | "triangle" | "factorial" | "ratio"
        | "arithmetic" | "integer" | "integers" | "sqrt" | "modulo" | "digits" | "twice"
        | "half" | "multiply" | "divided" | "altogether" | "cost" | "costs" => Cue::Math,
        "orchestrate" | "orchestrates" | "orchestration" | "orchestrator" | "coordinate"
        | "coordinates" | "coordinating" | "delegate" | "delegating" | "subtask" | "subtasks"
        | "sub-tasks" | "subagents" | "sub-agents" | "agents" | "agent" | "workers" | "daemon"
        | "daemons" | "spawn" | "roadmap" | "milestones" | "milestone" | "dispatch"
        | "workstreams" | "handoffs" => Cue::Orchestrate,
        _ => return None,
    })
}

fn hard_word(word: &str) -> Option<Cue> {
    Some(match word {
        "why" | "explain" | "analyze" | "analyse" | "analysis" | "compare" | "contrast"
        | "evaluate" | "tradeoff" | "tradeoffs" | "trade-off" | "trade-offs" | "reason"
        | "reasoning" | "deduce" | "infer" | "justify" | "implications" | "strategy" | "argue"
        | "critique" | "assess" | "diagnose" | "hypothesis" | "hypotheses" | "consequences"
        | "step-by-step" | "argument" | "recommend" | "decide" | "plan" => Cue::Reason,
        "prove" | "proof" | "proofs" | "theorem" | "lemma" | "induction" | "derive" | "np-hard"
        | "np-complete" | "formally" | "correctness" | "invariant" | "invariants"
        | "undecidable" | "contradiction" | "bijection" | "isomorphic" | "asymptotic" => Cue::Prove,
        "design" | "architecture" | "architect" | "distributed" | "scalable" | "scalability"
        | "consistency" | "fault-tolerant" | "fault-tolerance" | "concurrency" | "concurrent"
        | "sharding" | "sharded" | "replication" | "replicated" | "migration" | "migrate"
        | "microservices" | "microservice" | "protocol" | "consensus" | "deadlock"
        | "lock-free" | "multi-tenant" | "multi-file" | "multi-region" | "end-to-end"
        | "thread-safe" | "idempotent" | "idempotency" | "backpressure" | "partitions"
        | "failover" | "high-availability" | "throughput" | "subsystem" | "subsystems" => {
            Cue::Design
        }
        _ => return None,
    })
}

fn manner_word(word: &str) -> Option<Cue> {
    Some(match word {
        "who" | "what" | "when" | "where" | "which" | "whose" | "whom" => Cue::Question,
        "hi" | "hello" | "hey" | "thanks" | "joke" | "chat" | "bye" => Cue::Casual,
        "briefly" | "concise" | "concisely" | "yes/no" | "one-word" | "true/false"
        | "one-sentence" => Cue::Brief,
        "simple" | "small" | "short" | "basic" | "tiny" | "trivial" | "easy" | "quick"
        | "one-liner" | "hello-world" => Cue::Small,
        "must" | "should" | "exactly" | "without" | "ensure" | "require" | "requires"
        | "required" | "requirements" | "constraint" | "constraints" | "never" | "always"
        | "unless" | "support" | "supports" | "handle" | "handles" | "given" | "assume"
        | "suppose" | "if" => Cue::Constraint,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_pairs_have_their_cue() {
        assert_eq!(of_word("classify"), Some(Cue::Label));
        assert_eq!(of_word("prove"), Some(Cue::Prove));
        assert_eq!(of_word("exactly"), Some(Cue::Constraint));
        assert_eq!(of_pair("how", "many"), Some(Cue::Math));
        assert_eq!(of_word("walrus"), None);
        assert_eq!(of_pair("a", "walrus"), None);
    }
}
