use futures::{FutureExt as _, StreamExt as _};
use terrace_domain::ProjectName;

use super::kept::MOST;
use super::*;
use crate::testing::{Script, attempt, request};

/// What a watcher is told without waiting, in a word each.
fn told(told: &mut (impl futures::Stream<Item = Told> + Unpin)) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(Some(next)) = told.next().now_or_never() {
        words.push(match next {
            Told::Known(trace) if trace.ended.is_some() => "known, ended".to_owned(),
            Told::Known(_) => "known".to_owned(),
            Told::Missed(events) => format!("missed {events}"),
            Told::Happened(happened) => match &happened.what {
                What::Begun(_) => "begun".to_owned(),
                What::Planned(_) => "planned".to_owned(),
                What::AttemptStarted(_) => "started".to_owned(),
                What::AttemptEnded(_) => "attempt ended".to_owned(),
                What::Ended(_) => "ended".to_owned(),
            },
        });
    }
    words
}

fn watch(traces: &Traces, wanted: Wanted) -> std::pin::Pin<Box<dyn futures::Stream<Item = Told>>> {
    Box::pin(traces.watch(wanted).unwrap().told())
}

fn failure() -> Unanswered {
    let failure = Failure::new(Reason::Internal, "scripted failure");
    *Unanswered::without_attempts(RequestId::generate(), failure)
}

#[test]
fn what_is_in_flight_comes_first_and_then_what_happens_each_once() {
    let traces = Traces::default();
    let first = traces.begin(&request());
    let mut watcher = watch(&traces, Wanted::default());
    assert_eq!(told(&mut watcher), ["known"]);
    let _second = traces.begin(&request());
    first.end(Err(&failure()));
    assert_eq!(told(&mut watcher), ["begun", "ended"]);
    let wanted = Wanted {
        ended_too: true,
        ..Wanted::default()
    };
    assert_eq!(told(&mut watch(&traces, wanted)), ["known, ended", "known"]);
}

#[test]
fn a_watcher_that_is_too_slow_is_told_how_much_it_missed_and_what_is_in_flight() {
    let traces = Traces::default();
    let mut watcher = watch(&traces, Wanted::default());
    for _ in 0..WAITING_EVENTS {
        traces.begin(&request()).end(Err(&failure()));
    }
    let _open = traces.begin(&request());
    let missed = format!("missed {}", WAITING_EVENTS + 1);
    assert_eq!(told(&mut watcher), [missed.as_str(), "known"]);
    let _another = traces.begin(&request());
    assert_eq!(told(&mut watcher), ["begun"]);
}

#[test]
fn a_project_is_told_of_its_own_requests_alone() {
    let traces = Traces::default();
    let wanted = Wanted {
        project: Some(ProjectName::new("search").unwrap()),
        ..Wanted::default()
    };
    let mut watcher = watch(&traces, wanted);
    let mut own = request();
    own.project = ProjectName::new("search").unwrap();
    let _other = traces.begin(&request());
    let _own = traces.begin(&own);
    assert_eq!(told(&mut watcher), ["begun"]);
}

#[test]
fn only_so_many_are_kept_and_the_oldest_goes_first() {
    let traces = Traces::default();
    let ids: Vec<RequestId> = (0..=MOST)
        .map(|_| {
            let request = request();
            traces.begin(&request).end(Err(&failure()));
            request.id
        })
        .collect();
    let known = traces.lock();
    assert_eq!(known.ended.all().count(), MOST);
    assert!(known.ended.find(ids[0]).is_none() && known.ended.find(ids[1]).is_some());
}

#[test]
fn a_few_large_ones_take_no_more_room_than_many_small_ones() {
    let traces = Traces::default();
    for _ in 0..40 {
        let traced = traces.begin(&request());
        let mut large = attempt(crate::route::trail::Outcome::Rejected);
        large.detail = "x".repeat(1 << 20);
        traced.tracer().attempt_ended(&large);
        traced.end(Err(&failure()));
    }
    let kept = traces.lock().ended.all().count();
    assert!((1..=16).contains(&kept), "{kept}");
}

#[test]
fn a_request_that_is_dropped_is_not_in_flight_for_ever() {
    let traces = Traces::default();
    drop(traces.begin(&request()));
    let known = traces.lock();
    let trace = known.ended.all().next().unwrap();
    let outcome = trace.ended.as_ref().unwrap().outcome.as_ref();
    assert_eq!(outcome.unwrap_err().reason, Reason::Internal);
    assert!(known.in_flight.is_empty());
}

#[tokio::test]
async fn watchers_end_when_the_process_is_to_stop() {
    let traces = Traces::default();
    let mut watcher = watch(&traces, Wanted::default());
    traces.close();
    assert!(watcher.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_plan_is_kept_as_it_was_followed() {
    let bench = Script::default().bench().await;
    let request = request();
    bench.route(&request).await.unwrap();
    let known = bench.router.traces().lock();
    let trace = known.ended.find(request.id).unwrap();
    let planned = trace.planned.as_ref().unwrap();
    assert_eq!(planned.plan.candidates.len(), 3);
    assert!(
        trace
            .attempts
            .iter()
            .all(|attempt| attempt.answer.is_none())
    );
}
