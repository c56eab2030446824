//! Waiting, on a paused clock.

use super::*;
use crate::config::Settings;
use crate::config::for_testing::{model, settings};
use terrace_config::BackendKind;

fn admission(change: impl FnOnce(&mut Backend)) -> Arc<Admission> {
    admission_of(|settings| change(&mut settings.backend))
}

fn admission_of(change: impl FnOnce(&mut Settings)) -> Arc<Admission> {
    let mut settings = settings(BackendKind::OpenAi, &["m"]);
    settings.backend.max_concurrency = 1;
    change(&mut settings);
    Arc::new(Admission::new(&settings.backend, &settings.models))
}

async fn enter(admission: &Admission, seconds: u64) -> Result<Place, Failure> {
    let ticket = Ticket {
        model: &model("m").name,
        project: "p",
        priority: Priority::Interactive,
        deadline: Instant::now() + Duration::from_secs(seconds),
    };
    admission.enter(ticket).await
}

/// Teaches it that a call takes so long.
async fn learn(admission: &Admission, seconds: u64) {
    let place = enter(admission, 60).await.unwrap();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    drop(place);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_when_to_come_back() {
    let admission = admission(|_| {});
    let _place = enter(&admission, 60).await.unwrap();
    let start = Instant::now();
    let failure = enter(&admission, 60).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(failure.reason, Reason::Overloaded);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_deadline() {
    let admission = admission(|_| {});
    let _place = enter(&admission, 60).await.unwrap();
    let start = Instant::now();
    assert!(enter(&admission, 1).await.is_err());
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_served_in_time_is_refused_at_once() {
    let admission = admission(|_| {});
    learn(&admission, 5).await;
    let _place = enter(&admission, 60).await.unwrap();
    let start = Instant::now();
    let failure = enter(&admission, 3).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(failure.message.contains("too late"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_place_of_its_model_is_refused_at_once_too() {
    let admission = admission_of(|settings| {
        settings.backend.max_concurrency = 32;
        settings.models[0].model.max_concurrency = Some(1);
    });
    learn(&admission, 5).await;
    let _place = enter(&admission, 60).await.unwrap();
    let start = Instant::now();
    let failure = enter(&admission, 3).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(failure.message.contains("too late"), "{failure}");
    assert!(
        failure.message.starts_with("model `m` on backend"),
        "{failure}"
    );
    assert_eq!(failure.retry_after, Some(Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn a_full_line_takes_nobody_else() {
    let admission = admission(|backend| backend.queue.max_waiting = 1);
    let _place = enter(&admission, 60).await.unwrap();
    let mut waiting = Box::pin(enter(&admission, 60));
    assert!(futures::poll!(&mut waiting).is_pending());
    let failure = enter(&admission, 60).await.unwrap_err();
    assert!(failure.message.contains("max_waiting"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn it_tells_how_many_are_in_and_how_many_wait() {
    let admission = admission(|backend| backend.max_concurrency = 1);
    let standing = |in_flight, waiting| Standing {
        in_flight,
        waiting,
        places: 1,
    };
    assert_eq!(admission.standing(), standing(0, 0));
    let place = enter(&admission, 60).await.unwrap();
    let mut waiting = Box::pin(enter(&admission, 60));
    assert!(futures::poll!(&mut waiting).is_pending());
    assert_eq!(admission.standing(), standing(1, 1));
    drop((waiting, place));
    assert_eq!(admission.standing(), standing(0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_becomes_free_goes_to_who_waits() {
    let admission = admission(|_| {});
    let place = enter(&admission, 60).await.unwrap();
    let free = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(place);
    };
    let ((), next) = tokio::join!(free, enter(&admission, 60));
    assert!(next.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_between_its_call_and_its_turn_loses_no_place() {
    let admission = admission(|_| {});
    let place = enter(&admission, 60).await.unwrap();
    let mut waiting = Box::pin(enter(&admission, 60));
    assert!(futures::poll!(&mut waiting).is_pending());
    // The place is given to it, and it goes without having looked.
    drop(place);
    drop(waiting);
    let start = Instant::now();
    assert!(enter(&admission, 60).await.is_ok());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_begins_below_the_most_and_grows() {
    let admission = admission(|backend| {
        backend.max_concurrency = 8;
        backend.queue.adaptive = true;
    });
    let mut places = Vec::new();
    for _ in 0..4 {
        places.push(enter(&admission, 60).await.unwrap());
    }
    assert!(enter(&admission, 1).await.is_err());
    for _ in 0..20 {
        places[0].first_piece();
    }
    assert!(enter(&admission, 1).await.is_ok());
}
