package terrace.client;

import java.util.Iterator;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import terrace.router.v1.Router.Attempt;
import terrace.router.v1.Router.RouteResponse;
import terrace.router.v1.Router.RouteStreamResponse;

/** An answer that comes in pieces: what each attempt has said, until it is taken back. */
public final class Draft {
  private final TreeMap<Integer, String> texts = new TreeMap<>();
  private RouteResponse answer;

  /**
   * Reads a stream to its end. {@code more} gets every further text; {@code restart} is told when an
   * attempt is taken back: whoever has shown its text clears it then.
   */
  public static Draft follow(
      Iterator<RouteStreamResponse> stream, Consumer<String> more, Consumer<Attempt> restart) {
    var draft = new Draft();
    stream.forEachRemaining(event -> draft.take(event, more, restart));
    return draft;
  }

  /** What stands at this moment. */
  public String text() {
    return String.join("", texts.values());
  }

  /** The whole answer, once the stream has ended well. */
  public Optional<RouteResponse> answer() {
    return Optional.ofNullable(answer);
  }

  private void take(RouteStreamResponse event, Consumer<String> more, Consumer<Attempt> restart) {
    switch (event.getEventCase()) {
      case CHUNK -> {
        var chunk = event.getChunk();
        texts.merge(chunk.getAttemptIndex(), chunk.getText(), String::concat);
        more.accept(chunk.getText());
      }
      case ATTEMPT_REJECTED -> {
        var attempt = event.getAttemptRejected().getAttempt();
        if (texts.remove(attempt.getIndex()) != null) {
          restart.accept(attempt);
        }
      }
      case COMPLETED -> answer = event.getCompleted();
      default -> {}
    }
  }
}
