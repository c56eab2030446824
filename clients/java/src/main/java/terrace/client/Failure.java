package terrace.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import terrace.router.v1.Router.RouteFailure;

/**
 * What Terrace says when it cannot; docs/ERRORS.md tells what each reason means.
 *
 * @param reason from the closed set, as BUDGET_EXHAUSTED; empty when the error did not come from Terrace
 * @param message what happened and what to do next
 * @param code the code of gRPC
 * @param retryAfter when to come back, if Terrace says so
 * @param fields fields that are wrong, and what is wrong with each
 * @param quotas quotas that said no, and why
 * @param trail the attempts made and what they cost, if there are any
 */
public record Failure(
    String reason,
    String message,
    Status.Code code,
    Optional<Duration> retryAfter,
    Map<String, String> fields,
    Map<String, String> quotas,
    Optional<RouteFailure> trail) {

  /** Reads the error of a call. */
  public static Failure of(StatusRuntimeException error) {
    var status = StatusProto.fromThrowable(error);
    List<Any> details = status == null ? List.of() : status.getDetailsList();
    var info = find(details, ErrorInfo.class).filter(told -> told.getDomain().equals("terrace"));
    var wrong = find(details, BadRequest.class).orElse(BadRequest.getDefaultInstance());
    var broken = find(details, QuotaFailure.class).orElse(QuotaFailure.getDefaultInstance());
    return new Failure(
        info.map(ErrorInfo::getReason).orElse(""),
        String.valueOf(error.getStatus().getDescription()),
        error.getStatus().getCode(),
        find(details, RetryInfo.class).map(RetryInfo::getRetryDelay).map(Failure::duration),
        wrong.getFieldViolationsList().stream()
            .collect(Collectors.toMap(v -> v.getField(), v -> v.getDescription(), (a, b) -> a)),
        broken.getViolationsList().stream()
            .collect(Collectors.toMap(v -> v.getSubject(), v -> v.getDescription(), (a, b) -> a)),
        find(details, RouteFailure.class));
  }

  private static Duration duration(com.google.protobuf.Duration delay) {
    return Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
  }

  private static <M extends Message> Optional<M> find(List<Any> details, Class<M> type) {
    try {
      for (var detail : details) {
        if (detail.is(type)) {
          return Optional.of(detail.unpack(type));
        }
      }
    } catch (InvalidProtocolBufferException broken) {
      // A detail that cannot be read is one that is not there: the status itself still holds.
    }
    return Optional.empty();
  }
}
