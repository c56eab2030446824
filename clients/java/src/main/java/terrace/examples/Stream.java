package terrace.examples;

import java.util.concurrent.TimeUnit;
import terrace.client.Draft;
import terrace.client.Requests;
import terrace.client.Terrace;
import terrace.router.v1.Router.CommitMode;
import terrace.router.v1.Router.RouteStreamRequest;

/** Shows an answer while it comes, and begins anew when it is taken back. */
public final class Stream {
  private Stream() {}

  public static void main(String[] args) {
    try (var terrace = Terrace.connect()) {
      var request =
          RouteStreamRequest.newBuilder()
              .setRequest(Requests.ask("Explain in two sentences what a cache is."))
              .setCommitMode(CommitMode.COMMIT_MODE_PROVISIONAL)
              .build();
      var stream = terrace.router().withDeadlineAfter(1, TimeUnit.MINUTES).routeStream(request);
      var draft =
          Draft.follow(
              stream,
              System.out::print,
              attempt ->
                  System.out.printf(
                      "%n[%s fell short: %s]%n", attempt.getModel(), attempt.getDetail()));
      draft
          .answer()
          .ifPresent(answer -> System.out.printf("%n%s answered%n", answer.getDecision().getModel()));
    }
  }
}
