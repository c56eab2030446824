//! Words that hint at what is asked for, and how hard it is.
//!
//! One table from word to cue. A word has at most one cue; pairs of words are looked up before
//! single ones. Every word of a question is looked for, so that is one look into a table of hashes. The table is English: a prompt in another language is judged by its length and
//! structure alone, and the classifier is less sure of itself then.

use std::sync::LazyLock;

use crate::words::Table;

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

/// The words of each cue, in lower case.
const WORDS: [(Cue, &str); Cue::COUNT] = [
    (
        Cue::Label,
        "classify classification classifier categorize categorise category categories label \
         labels tag tags sentiment topic intent spam kebab-case toxicity genre triage",
    ),
    (
        Cue::Extract,
        "extract extraction parse identify entities list retrieve mentioned fields locate",
    ),
    (
        Cue::Rewrite,
        "summarize summarise summary rewrite rephrase reword paraphrase translate translation \
         shorten proofread grammar spelling condense polish tone tldr simplify reformat headline \
         formal",
    ),
    (
        Cue::Code,
        "code function functions method class implement implements implementation script program \
         refactor debug bug compile compiler endpoint regex sql algorithm array struct docstring \
         snippet exception codebase module traceback iterator decorator linked-list async api cli \
         variable unittest pytest parser middleware",
    ),
    (
        Cue::Math,
        "calculate compute solve equation equations integral derivative probability percent \
         percentage sum total average remainder polynomial matrix triangle factorial ratio \
         arithmetic integer integers sqrt modulo digits twice half multiply divided altogether \
         cost costs",
    ),
    (
        Cue::Orchestrate,
        "orchestrate orchestrates orchestration orchestrator coordinate coordinates coordinating \
         delegate delegating subtask subtasks sub-tasks subagents sub-agents agents agent workers \
         daemon daemons spawn roadmap milestones milestone dispatch workstreams handoffs",
    ),
    (
        Cue::Reason,
        "why explain analyze analyse analysis compare contrast evaluate tradeoff tradeoffs \
         trade-off trade-offs reason reasoning deduce infer justify implications strategy argue \
         critique assess diagnose hypothesis hypotheses consequences step-by-step argument \
         recommend decide plan",
    ),
    (
        Cue::Prove,
        "prove proof proofs theorem lemma induction derive np-hard np-complete formally \
         correctness invariant invariants undecidable contradiction bijection isomorphic \
         asymptotic",
    ),
    (
        Cue::Design,
        "design architecture architect distributed scalable scalability consistency \
         fault-tolerant fault-tolerance concurrency concurrent sharding sharded replication \
         replicated migration migrate microservices microservice protocol consensus deadlock \
         lock-free multi-tenant multi-file multi-region end-to-end thread-safe idempotent \
         idempotency backpressure partitions failover high-availability throughput subsystem \
         subsystems",
    ),
    (Cue::Question, "who what when where which whose whom"),
    (Cue::Casual, "hi hello hey thanks joke chat bye"),
    (
        Cue::Brief,
        "briefly concise concisely yes/no one-word true/false one-sentence",
    ),
    (
        Cue::Small,
        "simple small short basic tiny trivial easy quick one-liner hello-world",
    ),
    (
        Cue::Constraint,
        "must should exactly without ensure require requires required requirements constraint \
         constraints never always unless support supports handle handles given assume suppose if",
    ),
];

/// Cues of two neighbours: any of the first before any of the second.
const PAIRS: [(Cue, &str, &str); 25] = [
    (Cue::Extract, "pull", "out"),
    (Cue::Extract, "key", "facts points"),
    (Cue::Extract, "fill", "in"),
    (Cue::Code, "unit", "test tests"),
    (Cue::Code, "stack", "trace"),
    (Cue::Code, "pull", "request"),
    (Cue::Math, "how", "many much far old long"),
    (Cue::Orchestrate, "break breaking", "down"),
    (Cue::Orchestrate, "sub", "agents tasks"),
    (Cue::Orchestrate, "multiple", "agents workers teams"),
    (Cue::Reason, "by", "step"),
    (Cue::Reason, "root", "cause"),
    (Cue::Reason, "pros", "and"),
    (Cue::Reason, "trade", "offs"),
    (
        Cue::Design,
        "multiple several all many",
        "files modules services",
    ),
    (Cue::Design, "race", "condition conditions"),
    (Cue::Design, "rate", "limiter limiting"),
    (Cue::Casual, "thank", "you"),
    (Cue::Casual, "good", "morning evening night"),
    (Cue::Brief, "one single", "word sentence line label letter"),
    (Cue::Brief, "yes true", "or"),
    (Cue::Brief, "only", "the with one"),
    (Cue::Constraint, "at", "least most"),
    (Cue::Constraint, "no", "more external"),
    (Cue::Constraint, "make", "sure"),
];

/// Words that say what an action does, and mean something else in a prompt, or nothing.
const ACTION_WORDS: [(Cue, &str); 5] = [
    (
        Cue::Code,
        "edit fix test tests file commit review build codegen coding generate autocomplete \
         complete",
    ),
    (Cue::Label, "route detect moderate rank score title name"),
    (
        Cue::Orchestrate,
        "daemon spawn plan schedule supervise manage",
    ),
    (Cue::Reason, "think research investigate"),
    (Cue::Casual, "talk reply converse"),
];

/// What is known of a word.
#[derive(Debug, Default)]
pub(crate) struct Known {
    cue: Option<Cue>,
    /// Cues of this word with one before it, by that one.
    after: Vec<(&'static str, Cue)>,
}

impl Known {
    /// Its cue, where `previous` is the word before it.
    pub(crate) fn cue_after(&self, previous: &str) -> Option<Cue> {
        let mut pairs = self.after.iter();
        let pair = pairs.find(|(first, _)| *first == previous);
        pair.map(|(_, cue)| *cue).or(self.cue)
    }
}

static KNOWN: LazyLock<Table<Known>> = LazyLock::new(|| {
    let mut known: Table<Known> = Table::default();
    for (cue, words) in WORDS {
        for word in words.split(' ') {
            known.entry(word).or_default().cue = Some(cue);
        }
    }
    for (cue, firsts, seconds) in PAIRS {
        for second in seconds.split(' ') {
            let after = firsts.split(' ').map(|first| (first, cue));
            known.entry(second).or_default().after.extend(after);
        }
    }
    known
});

static OF_ACTIONS: LazyLock<Table<Cue>> = LazyLock::new(|| {
    let all = WORDS.iter().chain(&ACTION_WORDS);
    all.flat_map(|(cue, words)| words.split(' ').map(|word| (word, *cue)))
        .collect()
});

/// What is known of a word in lower case.
pub(crate) fn known(word: &str) -> Option<&'static Known> {
    KNOWN.get(word)
}

/// The cue of one word of an action's name in lower case; verbs of tools mean more there.
pub(crate) fn of_action_word(word: &str) -> Option<Cue> {
    OF_ACTIONS.get(word).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(previous: &str, word: &str) -> Option<Cue> {
        known(word)?.cue_after(previous)
    }

    #[test]
    fn words_and_pairs_have_their_cue() {
        assert_eq!(cue("", "classify"), Some(Cue::Label));
        assert_eq!(cue("to", "prove"), Some(Cue::Prove));
        assert_eq!(cue("", "exactly"), Some(Cue::Constraint));
        assert_eq!(cue("how", "many"), Some(Cue::Math));
        assert_eq!(cue("pull", "request"), Some(Cue::Code));
        assert_eq!(cue("", "walrus"), None);
        assert_eq!(cue("a", "many"), None);
    }

    #[test]
    fn a_word_of_an_action_means_what_it_does() {
        assert_eq!(of_action_word("plan"), Some(Cue::Orchestrate));
        assert_eq!(cue("", "plan"), Some(Cue::Reason));
        assert_eq!(of_action_word("prove"), Some(Cue::Prove));
        assert_eq!(of_action_word("walrus"), None);
    }

    #[test]
    fn no_word_stands_for_two_cues() {
        let words = WORDS.iter().flat_map(|(_, words)| words.split(' '));
        let alone = KNOWN.values().filter(|known| known.cue.is_some());
        assert_eq!(words.count(), alone.count());
    }
}
