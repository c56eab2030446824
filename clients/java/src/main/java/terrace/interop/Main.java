package terrace.interop;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import terrace.client.Draft;
import terrace.client.Failure;
import terrace.client.Requests;
import terrace.client.Terrace;
import terrace.common.v1.Attempt.AttemptOutcome;
import terrace.ledger.v1.Ledger.ListUsageRequest;
import terrace.router.v1.Router.Attempt;
import terrace.router.v1.Router.CommitMode;
import terrace.router.v1.Router.RoutePolicy;
import terrace.router.v1.Router.RouteBatchRequest;
import terrace.router.v1.Router.RouteBatchResponse;
import terrace.router.v1.Router.RouteRequest;
import terrace.router.v1.Router.RouteStreamRequest;

/**
 * Tries every feature that a client has to have against a running Terrace and prints a line of JSON for
 * each. Behind tests/e2e; see the table in docs/CLIENTS.md.
 */
public final class Main {
  private static final String CAPITAL = "Name the capital of France.";
  private static final String HARDER = "Name the capital of France, beyond the small one.";
  private static final String SLOW = "Take your time and name the capital of France.";
  private static final String BROKEN = "Nothing works.";

  private final Terrace terrace = Terrace.connect();

  private Main() {}

  /** One feature; it holds unless something is thrown. */
  private interface Feature {
    void attempt() throws Exception;
  }

  public static void main(String[] args) throws IOException {
    var main = new Main();
    tell("unary call", main::unary);
    tell("stream, held back", () -> main.stream(CommitMode.COMMIT_MODE_HOLD_BACK));
    tell("stream, prefix", () -> main.stream(CommitMode.COMMIT_MODE_PREFIX));
    tell("stream, provisional, taken back", main::takenBack);
    tell("stream both ways (batch)", main::batch);
    tell("deadline", main::deadline);
    tell("cancel", main::cancel);
    tell("error details", main::errorDetails);
    tell("attempts of an error, not tried again", main::attempts);
    tell("metadata (key)", main::metadata);
    System.out.println("restart");
    System.in.read();
    tell("reconnect after a restart", main::unaryWhenReady);
    main.terrace.close();
  }

  private static void tell(String feature, Feature tried) {
    try {
      tried.attempt();
      System.out.printf("{\"feature\": \"%s\", \"ok\": true}%n", feature);
    } catch (Exception | AssertionError failed) {
      var why = String.valueOf(failed).replace("\\", "\\\\").replace("\"", "'").replaceAll("\\s+", " ");
      System.out.printf("{\"feature\": \"%s\", \"ok\": false, \"why\": \"%s\"}%n", feature, why);
    }
  }

  private static void claim(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  private static Failure failure(Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      return Failure.of(error);
    }
    throw new AssertionError("it did not fail");
  }

  private void unary() {
    var answer = terrace.router().route(Requests.ask(CAPITAL).build());
    claim(Requests.text(answer.getOutput()).contains("Paris"), "no Paris");
  }

  /** A channel that has lost its server waits a second and more before it tries again: so does this. */
  private void unaryWhenReady() {
    var answer = terrace.router().withWaitForReady().route(Requests.ask(CAPITAL).build());
    claim(Requests.text(answer.getOutput()).contains("Paris"), "no Paris");
  }

  private void stream(CommitMode mode) {
    wholeText(Draft.follow(terrace.router().routeStream(streamed(CAPITAL, mode)), text -> {}, back -> {}));
  }

  private void takenBack() {
    List<Attempt> back = new ArrayList<>();
    var request = streamed(HARDER, CommitMode.COMMIT_MODE_PROVISIONAL);
    wholeText(Draft.follow(terrace.router().routeStream(request), text -> {}, back::add));
    claim(!back.isEmpty() && back.get(0).getModel().equals("small"), "nothing was taken back");
  }

  private static void wholeText(Draft draft) {
    var whole = Requests.text(draft.answer().orElseThrow().getOutput());
    claim(draft.text().equals(whole), "another text: " + draft.text());
  }

  private static RouteStreamRequest streamed(String prompt, CommitMode mode) {
    return RouteStreamRequest.newBuilder()
        .setRequest(Requests.ask(prompt))
        .setCommitMode(mode)
        .build();
  }

  private void batch() throws Exception {
    var answered = new Answered();
    var requests = terrace.routerAsync().routeBatch(answered);
    for (var prompt : List.of(CAPITAL, HARDER)) {
      requests.onNext(RouteBatchRequest.newBuilder().setRequest(Requests.ask(prompt)).build());
    }
    requests.onCompleted();
    claim(answered.all.get(30, TimeUnit.SECONDS) == 2, "not both were answered");
  }

  /** Counts the answers of a batch. */
  private static final class Answered implements StreamObserver<RouteBatchResponse> {
    private final CompletableFuture<Integer> all = new CompletableFuture<>();
    private int answers;

    @Override
    public void onNext(RouteBatchResponse result) {
      answers += result.hasResponse() ? 1 : 0;
    }

    @Override
    public void onError(Throwable error) {
      all.completeExceptionally(error);
    }

    @Override
    public void onCompleted() {
      all.complete(answers);
    }
  }

  private void deadline() {
    var policy = RoutePolicy.newBuilder().setModel("small");
    var request = Requests.ask(SLOW).setPolicy(policy).build();
    var router = terrace.router().withDeadlineAfter(1, TimeUnit.SECONDS);
    var late = failure(() -> router.route(request));
    var known = late.code() == Status.Code.DEADLINE_EXCEEDED || late.reason().equals("BACKEND_TIMEOUT");
    claim(known, "not late but " + late);
  }

  private void cancel() throws InterruptedException {
    var request = streamed(SLOW, CommitMode.COMMIT_MODE_PROVISIONAL);
    var leaving = Context.current().withCancellation();
    var left =
        failure(
            () ->
                leaving.run(
                    () ->
                        Draft.follow(
                            terrace.router().routeStream(request),
                            text -> leaving.cancel(null),
                            back -> {})));
    claim(left.code() == Status.Code.CANCELLED, "ended with " + left.code());
    booked(request.getRequest());
  }

  /** Waits until the ledger has the request as one that was cancelled. */
  private void booked(RouteRequest request) throws InterruptedException {
    var list = ListUsageRequest.newBuilder().setPageSize(1000).setFilter("outcome=cancelled").build();
    for (int look = 0; look < 100; look++) {
      var events = terrace.ledger().listUsage(list).getEventsList();
      if (events.stream().anyMatch(event -> event.getRequestId().equals(request.getRequestId())
          && event.getStep().getOutcome() == AttemptOutcome.ATTEMPT_OUTCOME_CANCELLED)) {
        return;
      }
      Thread.sleep(100);
    }
    throw new AssertionError("the ledger does not have it");
  }

  private void errorDetails() {
    var policy = RoutePolicy.newBuilder().setTier("penthouse");
    var wrong = failure(() -> terrace.router().route(Requests.ask(CAPITAL).setPolicy(policy).build()));
    claim(wrong.reason().equals("INVALID_REQUEST"), "the reason is " + wrong.reason());
    claim(wrong.fields().containsKey("policy.tier"), "the field is not named");
  }

  private void attempts() {
    // Were it tried again, the second answer would be that the id is used.
    var request = Requests.ask(BROKEN).build();
    var broken = failure(() -> terrace.router().route(request));
    claim(broken.reason().equals("BACKEND_FAILED"), "the reason is " + broken.reason());
    var trail = broken.trail().orElseThrow();
    claim(trail.getAttemptsCount() == 3, "not three attempts");
    claim(trail.getRequestId().equals(request.getRequestId()), "another request");
  }

  private void metadata() {
    try (var stranger = Terrace.connect(System.getenv("TERRACE_ADDRESS"), "tk_wrong")) {
      var refused = failure(() -> stranger.router().route(Requests.ask(CAPITAL).build()));
      claim(refused.reason().equals("UNAUTHENTICATED"), "the reason is " + refused.reason());
    }
  }
}
