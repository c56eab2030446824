package terrace.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.TlsChannelCredentials;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import terrace.judge.v1.JudgeServiceGrpc;
import terrace.ledger.v1.LedgerServiceGrpc;
import terrace.router.v1.RouterServiceGrpc;

/**
 * A connection to Terrace, set up as gRPC means it: the key with every call, a deadline where a call
 * has none, retries by service config, and round robin over all addresses of a name. Threads may share
 * it. Stubs come from {@link #router()}, {@link #routerAsync()}, {@link #ledger()}, {@link #judge()}.
 */
public final class Terrace implements AutoCloseable {
  /** Where {@code terrace up} listens. */
  public static final String DEFAULT_ADDRESS = "127.0.0.1:7600";

  /** How long a call may take when it says nothing else. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofMinutes(2);

  private static final int MAX_MESSAGE_BYTES = 32 << 20;
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  // Only UNAVAILABLE is tried again, and Terrace says no to that once a model was called.
  private static final Map<String, ?> SERVICE_CONFIG =
      Map.of(
          "loadBalancingConfig", List.of(Map.of("round_robin", Map.of())),
          "methodConfig",
              List.of(
                  Map.of(
                      "name",
                      List.of(
                          Map.of("service", RouterServiceGrpc.SERVICE_NAME),
                          Map.of("service", LedgerServiceGrpc.SERVICE_NAME)),
                      "retryPolicy",
                      Map.of(
                          "maxAttempts", 5.0,
                          "initialBackoff", "0.2s",
                          "maxBackoff", "2s",
                          "backoffMultiplier", 2.0,
                          "retryableStatusCodes", List.of("UNAVAILABLE")))),
          "retryThrottling", Map.of("maxTokens", 10.0, "tokenRatio", 0.1));

  private final ManagedChannel connection;
  private final Channel channel;

  private Terrace(String address, String key, Duration timeout) {
    var target = Target.of(address);
    var credentials =
        target.tls() ? TlsChannelCredentials.create() : InsecureChannelCredentials.create();
    connection =
        Grpc.newChannelBuilder(target.name(), credentials)
            .defaultServiceConfig(SERVICE_CONFIG)
            .enableRetry()
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .maxInboundMetadataSize(64 << 10)
            .keepAliveTime(1, TimeUnit.MINUTES)
            .build();
    channel = ClientInterceptors.intercept(connection, new Caller(key, timeout));
  }

  /** Connects to TERRACE_ADDRESS, else the default, with the key of TERRACE_API_KEY. */
  public static Terrace connect() {
    return connect(env("TERRACE_ADDRESS", DEFAULT_ADDRESS), env("TERRACE_API_KEY", ""));
  }

  /** Connects to {@code host:port}, {@code https://host:port} or a target of gRPC; an empty key is none. */
  public static Terrace connect(String address, String key) {
    return new Terrace(address, key, DEFAULT_TIMEOUT);
  }

  /** The orchestrator, for calls that wait. Set a deadline with {@code withDeadlineAfter}. */
  public RouterServiceGrpc.RouterServiceBlockingStub router() {
    return RouterServiceGrpc.newBlockingStub(channel);
  }

  /** The orchestrator, for streams both ways. */
  public RouterServiceGrpc.RouterServiceStub routerAsync() {
    return RouterServiceGrpc.newStub(channel);
  }

  /** The bill. */
  public LedgerServiceGrpc.LedgerServiceBlockingStub ledger() {
    return LedgerServiceGrpc.newBlockingStub(channel);
  }

  /** What an answer is worth. */
  public JudgeServiceGrpc.JudgeServiceBlockingStub judge() {
    return JudgeServiceGrpc.newBlockingStub(channel);
  }

  @Override
  public void close() {
    connection.shutdownNow();
  }

  private static String env(String name, String otherwise) {
    return Objects.requireNonNullElse(System.getenv(name), otherwise);
  }

  /** What gRPC calls an address, and whether it is reached by TLS. */
  private record Target(String name, boolean tls) {
    static Target of(String address) {
      int scheme = address.indexOf("://");
      if (scheme < 0) {
        return new Target("dns:///" + address, false);
      }
      var rest = address.substring(scheme + 3).replaceAll("/$", "");
      return switch (address.substring(0, scheme)) {
        case "http" -> new Target("dns:///" + rest, false);
        case "https" -> new Target("dns:///" + rest, true);
        default -> new Target(address, false);
      };
    }
  }

  /** Puts the key and, where there is none, a deadline on every call. */
  private record Caller(String key, Duration timeout) implements ClientInterceptor {
    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
        MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      var bounded =
          options.getDeadline() != null
              ? options
              : options.withDeadlineAfter(timeout.toMillis(), TimeUnit.MILLISECONDS);
      return new SimpleForwardingClientCall<>(next.newCall(method, bounded)) {
        @Override
        public void start(Listener<R> listener, Metadata headers) {
          if (!key.isEmpty()) {
            headers.put(AUTHORIZATION, "Bearer " + key);
          }
          super.start(listener, headers);
        }
      };
    }
  }
}
