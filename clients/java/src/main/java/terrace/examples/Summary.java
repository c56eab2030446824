package terrace.examples;

import terrace.client.Requests;
import terrace.client.Terrace;
import terrace.ledger.v1.Ledger.GetSummaryRequest;

/** Prints what was spent and saved today. */
public final class Summary {
  private Summary() {}

  public static void main(String[] args) {
    try (var terrace = Terrace.connect()) {
      var summary = terrace.ledger().getSummary(GetSummaryRequest.getDefaultInstance());
      for (var tier : summary.getTiersList()) {
        System.out.printf(
            "%s: %d attempts, %d answers, $%s%n",
            tier.getTier(),
            tier.getAttempts(),
            tier.getAnswered(),
            Requests.usd(tier.getCostNanoUsd()));
      }
      System.out.printf(
          "%d requests for $%s, saved $%s%n",
          summary.getRequests(),
          Requests.usd(summary.getCostNanoUsd()),
          Requests.usd(summary.getSavingsNanoUsd()));
    }
  }
}
