package terrace.client;

import java.math.BigDecimal;
import java.security.SecureRandom;
import java.util.UUID;
import java.util.stream.Collectors;
import terrace.common.v1.Chat.Message;
import terrace.common.v1.Chat.Part;
import terrace.common.v1.Chat.Role;
import terrace.router.v1.Router.RouteRequest;

/** Requests and answers from what a program has at hand. */
public final class Requests {
  private static final SecureRandom RANDOM = new SecureRandom();

  private Requests() {}

  /**
   * A request with one question of a user. It has an id, so that trying it again is never billed twice;
   * everything else may be set on the builder.
   */
  public static RouteRequest.Builder ask(String prompt) {
    return RouteRequest.newBuilder()
        .setRequestId(newId())
        .addMessages(says(Role.ROLE_USER, prompt));
  }

  /** A message of text. */
  public static Message says(Role role, String text) {
    return Message.newBuilder().setRole(role).addParts(Part.newBuilder().setText(text)).build();
  }

  /** All text of a message. */
  public static String text(Message message) {
    return message.getPartsList().stream().map(Part::getText).collect(Collectors.joining());
  }

  /** An amount in US dollars, exactly. */
  public static BigDecimal usd(long nanoUsd) {
    return BigDecimal.valueOf(nanoUsd, 9);
  }

  /** A UUID of version 7: it begins with the time, which keeps the ledger's partitions small. */
  public static String newId() {
    long high = (System.currentTimeMillis() << 16) | 0x7000 | (RANDOM.nextLong() & 0x0fff);
    long low = (RANDOM.nextLong() & 0x3fff_ffff_ffff_ffffL) | 0x8000_0000_0000_0000L;
    return new UUID(high, low).toString();
  }
}
