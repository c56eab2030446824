package terrace.examples;

import io.grpc.StatusRuntimeException;
import java.util.concurrent.TimeUnit;
import terrace.client.Failure;
import terrace.client.Requests;
import terrace.client.Terrace;

/** Asks one question and prints the answer with its account. */
public final class Route {
  private Route() {}

  public static void main(String[] args) {
    try (var terrace = Terrace.connect()) {
      var request = Requests.ask("Name the capital of France.").setAction("research").build();
      var answer = terrace.router().withDeadlineAfter(1, TimeUnit.MINUTES).route(request);
      System.out.println(Requests.text(answer.getOutput()));
      System.out.printf(
          "%s on %s for $%s%n",
          answer.getDecision().getModel(),
          answer.getDecision().getTier(),
          Requests.usd(answer.getCostNanoUsd()));
    } catch (StatusRuntimeException error) {
      var failure = Failure.of(error);
      System.err.printf("%s: %s%n", failure.reason(), failure.message());
      System.exit(1);
    }
  }
}
