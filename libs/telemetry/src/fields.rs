//! The name of every attribute of spans, metrics and log lines, in one place.
//!
//! Names come from the OpenTelemetry conventions where those have one (GenAI for calls of models,
//! RPC for hops); `terrace.*` is for what they do not know. Dashboards and alert rules are built
//! on these, so a test holds the whole list, and changing a name is a change for users.
//! In `tracing` macros they are used as `{ fields::TIER } = …`.

/// Defines the constants and the list of all, in the order of the table.
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $value;)+

        /// Every name of this module.
        pub const ALL: &[&str] = &[$($name,)+];
    };
}

fields! {
    /// What kind of call: `chat`, `embeddings`, …
    GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
    /// Who runs the model: `ollama`, `openai`, `anthropic`, …
    GEN_AI_PROVIDER_NAME = "gen_ai.provider.name";
    /// The model that was asked for.
    GEN_AI_REQUEST_MODEL = "gen_ai.request.model";
    /// The most tokens the answer may have.
    GEN_AI_REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens";
    /// The temperature that was asked for.
    GEN_AI_REQUEST_TEMPERATURE = "gen_ai.request.temperature";
    /// The model that says it has answered.
    GEN_AI_RESPONSE_MODEL = "gen_ai.response.model";
    /// The provider's own id of the answer.
    GEN_AI_RESPONSE_ID = "gen_ai.response.id";
    /// Why the model stopped.
    GEN_AI_RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons";
    /// Tokens of the prompt.
    GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens";
    /// Tokens of the answer.
    GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens";
    /// Tokens of the prompt that the provider had cached.
    GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens";
    /// `input` or `output`, in the metric of token counts.
    GEN_AI_TOKEN_TYPE = "gen_ai.token.type";
    /// Which check of a judge.
    GEN_AI_EVALUATION_NAME = "gen_ai.evaluation.name";
    /// Its score, 0 to 1.
    GEN_AI_EVALUATION_SCORE_VALUE = "gen_ai.evaluation.score.value";
    /// `pass` or `fail`.
    GEN_AI_EVALUATION_SCORE_LABEL = "gen_ai.evaluation.score.label";
    /// What it found, without text of prompt or answer.
    GEN_AI_EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation";

    /// Always `grpc`.
    RPC_SYSTEM_NAME = "rpc.system.name";
    /// The full method, as `terrace.classifier.v1.ClassifierService/Classify`.
    RPC_METHOD = "rpc.method";
    /// The gRPC code by name, as `DEADLINE_EXCEEDED`.
    RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code";
    /// The method of an HTTP request; `_OTHER` for one that is not known.
    HTTP_REQUEST_METHOD = "http.request.method";
    /// The path as it is routed, as `/v1/models/{*id}`; `_OTHER` for one that is not.
    HTTP_ROUTE = "http.route";
    /// The status of an HTTP response.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";
    /// Host of the called server.
    SERVER_ADDRESS = "server.address";
    /// Port of the called server.
    SERVER_PORT = "server.port";
    /// A class of failure: a reason, or a gRPC code.
    ERROR_TYPE = "error.type";

    /// Id of the trace, on log lines.
    TRACE_ID = "trace_id";
    /// Id of the innermost span, on log lines for machines.
    SPAN_ID = "span_id";
    /// Which part of Terrace a span or series belongs to, as `classifier`.
    SERVICE = "terrace.service";
    /// Which part of Terrace is called.
    PEER = "terrace.peer";
    /// Id of the request.
    REQUEST_ID = "terrace.request_id";
    /// Who pays.
    PROJECT = "terrace.project";
    /// What the caller is doing.
    ACTION = "terrace.action";
    /// Name of a tier.
    TIER = "terrace.tier";
    /// Name of a backend.
    BACKEND = "terrace.backend";
    /// Cost in nano-USD.
    COST = "terrace.cost";
    /// One of the closed set of reasons.
    REASON = "terrace.reason";
    /// Which step of a request, as `attempt/0`.
    STEP = "terrace.step";
    /// Index of an attempt, counted from 0.
    ATTEMPT_INDEX = "terrace.attempt.index";
    /// How it ended.
    ATTEMPT_OUTCOME = "terrace.attempt.outcome";
    /// How many attempts a request needed.
    ATTEMPTS = "terrace.attempts";
    /// Kind of task the classifier saw.
    TASK_KIND = "terrace.task.kind";
    /// Its difficulty, 0 to 1.
    TASK_DIFFICULTY = "terrace.task.difficulty";
    /// The judge's score, 0 to 1.
    VERDICT_SCORE = "terrace.verdict.score";
    /// Whether the judge let it pass.
    VERDICT_PASSED = "terrace.verdict.passed";
    /// The check that counted most against an answer which did not pass, as `refusal`.
    VERDICT_CHECK = "terrace.verdict.check";
    /// Whether the cache had the answer.
    CACHE_HIT = "terrace.cache.hit";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_the_ones_dashboards_are_built_on() {
        let golden = include_str!("fields.golden");
        assert_eq!(ALL, golden.lines().collect::<Vec<_>>());
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names = ALL.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
