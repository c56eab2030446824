use std::time::{Duration, UNIX_EPOCH};

use terrace_proto::common::v1::Usage;
use terrace_proto::convert::wire_timestamp;
use terrace_proto::judge::v1::SecondOpinion;
use terrace_proto::ledger::v1::{
    Budget, GetSummaryResponse, OutcomeCount, RequestOutcome, TierSummary, VerifyCheck,
    VerifyFinding, VerifyResponse,
};
use terrace_proto::router::v1::{
    AbsentMember, AttemptHops, CacheProvenance, CandidateTerms, ConsensusPlan, Course,
    PlanDecision, RequestBegun, RequestEnded, RequestTrace, WatchRequestsResponse,
    watch_requests_response,
};

use super::*;

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn routed(response: &RouteResponse, verbose: bool) -> String {
    plain(&(answer(response) + &routing(response, verbose, None)))
}

#[test]
fn an_answer_at_the_first_attempt_reads_as_it_always_did() {
    assert_eq!(
        routed(&testing::accepted(), false),
        "=== Response ===\nasync-caching-memory\n=== Routing ===\nTier: local_fast\nModel: \
         smollm2-135m\nCost: $0.000000\nLatency: 87ms\n"
    );
}

#[test]
fn a_fallback_shows_its_attempts_and_names_the_stand_in_in_every_line() {
    insta::assert_snapshot!(routed(&testing::fallen_back(), false), @r"
    === Response ===
    async-caching-memory
    === Routing ===
    Tier: api_fallback
    Model: scripted-sonnet (scripted stand-in, no real model)
    Cost: $0.012300
    Latency: 87ms
    Quality: 0.93 (passed, threshold 0.70)
    Saved: $0.004500 against claude-sonnet-4
    === Attempts ===
    1  local_fast    smollm2-135m                                        rejected  312ms  $0.000000  scored 0.41 of the wanted 0.70; syntax: python does not parse
    2  api_fallback  scripted-sonnet (scripted stand-in, no real model)  accepted  312ms  $0.012300  scored 0.93
    ");
}

#[test]
fn a_consensus_shows_who_agreed_and_who_did_not() {
    insta::assert_snapshot!(routed(&testing::agreed(), false), @r"
    === Response ===
    async-caching-memory
    === Routing ===
    Tier: local_fast
    Model: smollm2-135m
    Cost: $0.012300
    Latency: 87ms
    Consensus: 2 of 3 agreed (0.67 of 0.66 by text)
    === Attempts ===
    1  local_fast    smollm2-135m  accepted  312ms  $0.000000
    2  local_fast    qwen2.5       rejected  312ms  $0.000000  outvoted: 67 % of the votes say otherwise
    3  api_fallback  claude        accepted  312ms  $0.012300
    === Dissent ===
    2  memory
    ");
}

#[test]
fn one_that_was_called_beside_a_late_one_says_so() {
    let mut response = testing::fallen_back();
    response.attempts[1].hedge_of = Some(0);
    let text = routed(&response, false);
    assert!(text.contains("beside 1: scored 0.93\n"), "{text}");
}

#[test]
fn whom_the_judge_asked_stands_below_the_attempt() {
    let mut response = testing::fallen_back();
    response.attempts[0].second_opinions = vec![SecondOpinion {
        check: "agreement".into(),
        tier: "local_quality".into(),
        model: "qwen2.5".into(),
        outcome: AttemptOutcome::Accepted.into(),
        usage: Some(Usage {
            input_tokens: 20,
            output_tokens: 3,
            ..Usage::default()
        }),
        ..SecondOpinion::default()
    }];
    let text = routed(&response, false);
    assert!(text.contains("qwen2.5"), "{text}");
    assert!(text.contains("agreement: 20 tokens in, 3 out\n"), "{text}");
}

#[test]
fn a_plan_of_a_consensus_shows_who_is_asked_and_who_not() {
    let mut planned = testing::plan();
    planned.consensus = Some(ConsensusPlan {
        members: planned.candidates.clone(),
        absent: vec![AbsentMember {
            model: "gone".into(),
            why: "no gateway lists a model of this name".into(),
        }],
        threshold: 0.66,
        equivalence: "text".into(),
        worst_case_nano_usd: 15_600_000,
        why: "2 of 2 have to agree".into(),
        shares: Vec::new(),
    });
    planned.candidates.clear();
    let text = plain(&plan(&planned, None));
    let (_, consensus) = text.split_once("=== Consensus ===\n").unwrap();
    insta::assert_snapshot!(consensus, @r"
    2 of 2 have to agree; compared by text; at most $0.015600 together
    tier          model                                               backend  worst case
    local_fast    smollm2-135m                                        b         $0.000000
    api_fallback  scripted-sonnet (scripted stand-in, no real model)  b         $0.015600
    not gone: no gateway lists a model of this name
    === Then ===
    no model can be tried
    === Left out ===
    tier           model              backend  why
    local_quality  qwen2.5-coder:14b  b        not available: run `ollama pull qwen2.5-coder:14b`
    ");
}

#[test]
fn a_plan_says_where_it_starts_and_what_was_weighed() {
    let mut planned = testing::plan();
    planned.decision = Some(PlanDecision {
        course: Course::LowWithJudge.into(),
        why: "of all ways this has the highest value, 0.700".into(),
        ..PlanDecision::default()
    });
    planned.candidates[0].terms = Some(CandidateTerms {
        quality: 0.6,
        latency: 0.01,
        value: 0.59,
        judged_value: Some(0.7),
        ..CandidateTerms::default()
    });
    let text = plain(&plan(&planned, None));
    assert!(
        text.contains("Decision: low with judge: of all ways this has the highest value, 0.700\n"),
        "{text}"
    );
    let (_, weighed) = text.split_once("=== Weighed ===\n").unwrap();
    let (weighed, _) = weighed.split_once("=== Left out ===\n").unwrap();
    insta::assert_snapshot!(weighed, @r"
    tier        model         quality  cost  latency  value  with judge
    local_fast  smollm2-135m    0.600     0   -0.010  0.590       0.700
    ");
}

#[test]
fn an_answer_that_fell_short_says_so() {
    let text = routed(&testing::best_effort(), false);
    assert!(
        text.contains("Quality: 0.41 (not passed, threshold 0.70)\n"),
        "{text}"
    );
    let unjudged = RouteResponse {
        passed: false,
        ..testing::accepted()
    };
    assert!(routed(&unjudged, false).contains("Quality: not judged\n"));
}

#[test]
fn the_whole_story_is_told_on_demand() {
    let text = routed(&testing::fallen_back(), true);
    for line in [
        "Tokens: 12 in, 4 out\n",
        "Request: 0190f4c8-5c96-774b-bcce-b302099a8057\n",
        "=== Checks ===\ncheck   score  weight  finding\nsyntax   0.93       1  parses\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_loss_is_a_loss() {
    let response = RouteResponse {
        baseline_nano_usd: Some(10_000_000),
        baseline_model: String::new(),
        ..testing::fallen_back()
    };
    let text = routed(&response, false);
    assert!(
        text.contains("Saved: -$0.002300 against the baseline\n"),
        "{text}"
    );
}

#[test]
fn colours_are_in_the_text_and_leave_without_a_trace() {
    let styled = routing(&testing::fallen_back(), true, None);
    assert!(styled.contains("\u{1b}["));
    assert!(!plain(&styled).contains('\u{1b}'));
}

#[test]
fn a_plan_tells_why_for_every_model() {
    insta::assert_snapshot!(plain(&plan(&testing::plan(), None)), @r"
    === Classification ===
    Task: code (python)
    Difficulty: 0.42 (confidence 0.80, decided by: scorer)
    Expected output: 120 tokens
    weight  evidence       seen
     +0.20  asks_for_code  the prompt asks for a function
    === Plan ===
    one attempt in 2m 0s; an answer must score 0.70; none passed: the best-scored one; at most 48 input tokens
    #  tier          model                                               backend  worst case   expected             time  why
    1  local_fast    smollm2-135m                                        b         $0.000000  $0.000000  4.00s of 1m 55s  its tier begins here
    2  api_fallback  scripted-sonnet (scripted stand-in, no real model)  b         $0.015600  $0.005200                -  next tier
    === Left out ===
    tier           model              backend  why
    local_quality  qwen2.5-coder:14b  b        not available: run `ollama pull qwen2.5-coder:14b`
    ");
}

#[test]
fn models_stand_in_the_order_of_their_tiers() {
    insta::assert_snapshot!(plain(&models(&testing::models(), None)), @r"
    tier          model                                               backend     in/M   out/M  context  can        available
    local_fast    llama3.2:3b                                         ollama      free    free     8192             no: run `ollama pull llama3.2:3b`
    api_fallback  scripted-sonnet (scripted stand-in, no real model)  anthropic  $3.00  $15.00   200000  code,json  yes
    ");
}

#[test]
fn queues_tell_how_busy_each_backend_is() {
    insta::assert_snapshot!(plain(&queues(&testing::models(), None)), @r"
    === Queues ===
    backend  in flight  places  waiting
    ollama           2       2        3
    ");
}

fn happened(event: watch_requests_response::Event) -> String {
    plain(&watched(&WatchRequestsResponse {
        request_id: "0192f0c1".into(),
        at: Some(prost_types::Timestamp {
            seconds: 1_764_180_000,
            nanos: 120_000_000,
        }),
        event: Some(event),
    }))
}

#[test]
fn what_happens_to_a_request_is_told_in_a_line_each() {
    use watch_requests_response::Event;
    let span = |millis: i32| {
        Some(prost_types::Duration {
            seconds: 0,
            nanos: millis * 1_000_000,
        })
    };
    let begun = RequestBegun {
        project: "search".into(),
        action: "edit\u{1b}[2J_file".into(),
        ..RequestBegun::default()
    };
    let attempt = Attempt {
        model: "small".into(),
        outcome: AttemptOutcome::Rejected.into(),
        latency: span(480),
        detail: "scored 0.20 of the wanted 0.70".into(),
        hops: Some(AttemptHops {
            reserving: span(1),
            first_piece: span(120),
            generating: span(470),
            judging: span(9),
        }),
        ..Attempt::default()
    };
    let ended = RequestEnded {
        reason: "ALL_ATTEMPTS_FAILED".into(),
        message: "nobody answered".into(),
        latency: span(490),
        ..RequestEnded::default()
    };
    let trace = RequestTrace {
        begun: Some(begun),
        attempts: vec![attempt],
        ended: Some(ended),
        ..RequestTrace::default()
    };
    insta::assert_snapshot!(happened(Event::Known(trace)), @r"
    18:00:00.120  0192f0c1  begun      search, edit[2J_file
    18:00:00.120  0192f0c1  attempt 0  small rejected in 480ms (hold 1ms, first piece 120ms, answer 470ms, verdict 9ms), $0.000000; scored 0.20 of the wanted 0.70
    18:00:00.120  0192f0c1  ended      ALL_ATTEMPTS_FAILED in 490ms: nobody answered
    ");
    let missed = happened(Event::MissedEvents(7));
    assert!(missed.contains("missed 7 events"), "{missed}");
}

fn summary() -> GetSummaryResponse {
    let tier = |tier: &str, attempts, cost_nano_usd| TierSummary {
        tier: tier.into(),
        attempts,
        accepted: 2,
        answered: 2,
        usage: None,
        cost_nano_usd,
    };
    GetSummaryResponse {
        from: Some(wire_timestamp(
            UNIX_EPOCH + Duration::from_secs(1_750_000_000),
        )),
        requests: 4,
        outcomes: vec![
            OutcomeCount {
                outcome: RequestOutcome::Passed.into(),
                requests: 3,
            },
            OutcomeCount {
                outcome: RequestOutcome::BestEffort.into(),
                requests: 1,
            },
        ],
        tiers: vec![tier("local_fast", 4, 0), tier("api_fallback", 2, 4_500_000)],
        cost_nano_usd: 4_500_000,
        baseline_nano_usd: 9_000_000,
        savings_nano_usd: 4_500_000,
        baseline_requests: 4,
        unanswered_cost_nano_usd: 1_000_000,
        baseline_model: "claude-sonnet-4".into(),
        ..GetSummaryResponse::default()
    }
}

fn budget(spent: i64, reserved: i64) -> Budget {
    Budget {
        name: "installation/daily".into(),
        cap_nano_usd: 10_000_000,
        spent_nano_usd: spent,
        reserved_nano_usd: reserved,
        alert_threshold: 0.8,
        period_end: Some(wire_timestamp(UNIX_EPOCH + Duration::from_secs(7200))),
        time_zone: "Europe/Berlin".into(),
        ..Budget::default()
    }
}

#[test]
fn the_bill_adds_up_and_budgets_have_a_bar() {
    let text = cost(&summary(), &[budget(4_500_000, 500_000)], UNIX_EPOCH, None);
    insta::assert_snapshot!(plain(&text), @r"
    === Cost ===
    From: 2025-06-15 15:06:40 UTC
    Requests: 4 (3 passed, 1 best effort)
    tier          attempts  accepted  answered  tokens in  tokens out       cost
    local_fast           4         2         2          0           0  $0.000000
    api_fallback         2         2         2          0           0  $0.004500
    all                  6         4         4          0           0  $0.004500
    Cost: $0.004500
      of it $0.001000 bought no answer (rejected, failed, cancelled)
    Baseline: $0.009000 for 4 answered on claude-sonnet-4
    Saved: $0.004500 (50.0 %)
    === Budgets ===
    installation/daily  [##########----------]  $0.004500 spent, $0.000500 reserved of $0.010000 (50.0 %), anew in 2h 0m (Europe/Berlin)
    ");
}

#[test]
fn a_budget_says_what_was_added_and_that_it_is_paused() {
    let topped_up = Budget {
        topped_up_nano_usd: 10_000_000,
        paused: true,
        ..budget(4_500_000, 500_000)
    };
    let text = plain(&budgets(&[topped_up], UNIX_EPOCH));
    insta::assert_snapshot!(text, @r"
    installation/daily  [#####---------------]  $0.004500 spent, $0.000500 reserved of $0.020000 ($0.010000 on top) (25.0 %), anew in 2h 0m (Europe/Berlin), paused
    ");
    assert!(budgets(&[], UNIX_EPOCH).starts_with("no budget"));
}

#[test]
fn a_proof_names_what_is_wrong_and_how_much_more_there_is() {
    let about = "a request that has ended holds no money";
    let right = VerifyCheck {
        about: about.into(),
        ..VerifyCheck::default()
    };
    let wrong = VerifyCheck {
        wrong: 3,
        findings: vec![VerifyFinding {
            subject: "request 7 step attempt/0".into(),
            detail: "holds 5 nano-USD and its request has ended".into(),
        }],
        ..right.clone()
    };
    let checks = vec![right.clone(), wrong];
    let text = plain(&proof(&VerifyResponse { checks }));
    insta::assert_snapshot!(text, @r"
    right  a request that has ended holds no money
    WRONG  a request that has ended holds no money: not so for 3
             request 7 step attempt/0 holds 5 nano-USD and its request has ended
             and 2 more
    1 claim is not true
    ");
    let text = plain(&proof(&VerifyResponse {
        checks: vec![right],
    }));
    assert!(text.ends_with("the books are right\n"), "{text}");
}

#[test]
fn losses_and_overfull_budgets_stay_what_they_are() {
    let loss = GetSummaryResponse {
        savings_nano_usd: -3_000_000,
        ..summary()
    };
    let text = plain(&cost(&loss, &[budget(20_000_000, 0)], UNIX_EPOCH, None));
    assert!(text.contains("Saved: -$0.003000 (-33.3 %)\n"), "{text}");
    assert!(text.contains("[####################]"), "{text}");
    assert!(text.contains("(200.0 %)"), "{text}");
}

#[test]
fn a_day_without_requests_is_an_empty_bill() {
    let text = plain(&cost(&GetSummaryResponse::default(), &[], UNIX_EPOCH, None));
    assert_eq!(
        text,
        "=== Cost ===\nFrom: the beginning\nRequests: 0\nCost: $0.000000\n"
    );
}

#[test]
fn a_kept_answer_says_how_old_it_is_and_whose() {
    let mut response = testing::accepted();
    response.cached = Some(CacheProvenance {
        age: Some(prost_types::Duration {
            seconds: 90,
            nanos: 0,
        }),
        request_id: "0190f4c8-5c96-774b-bcce-b302099a8057".into(),
        ..CacheProvenance::default()
    });
    let text = routing(&response, false, None);
    let line = text.lines().find(|line| line.starts_with("Cached: "));
    let expected = "Cached: 1m 30s old, made for request 0190f4c8-5c96-774b-bcce-b302099a8057";
    assert_eq!(line, Some(expected));
}
