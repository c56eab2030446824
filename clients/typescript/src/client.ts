// A connection to Terrace, set up as gRPC means it: the key with every call, a deadline, retries by
// service config, and round robin over all addresses of a name.

import {
  type CallOptions,
  type ChannelOptions,
  type ClientDuplexStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";

import { TerraceError } from "./errors.js";
import { JudgeServiceClient } from "./pb/terrace/judge/v1/judge.js";
import { LedgerServiceClient } from "./pb/terrace/ledger/v1/ledger.js";
import {
  CommitMode,
  type DeepPartial,
  RouteBatchRequest,
  type RouteBatchResponse,
  RouteRequest,
  type RouteResponse,
  RouterServiceClient,
  RouteStreamRequest,
} from "./pb/terrace/router/v1/router.js";
import { request } from "./request.js";
import { AnswerStream } from "./stream.js";

/** Where `terrace up` listens. */
export const DEFAULT_ADDRESS = "127.0.0.1:7600";
/** Milliseconds that a call may take when it says nothing else. */
export const DEFAULT_TIMEOUT_MS = 120_000;

const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

// Only UNAVAILABLE is tried again, and Terrace says no to that once a model was called.
const SERVICE_CONFIG = {
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{ service: "terrace.router.v1.RouterService" }, { service: "terrace.ledger.v1.LedgerService" }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.2s",
        maxBackoff: "2s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
  retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
};

const CHANNEL: ChannelOptions = {
  "grpc.service_config": JSON.stringify(SERVICE_CONFIG),
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.keepalive_time_ms": 60_000,
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 2000,
};

/** How to connect; what is left out comes from the environment. */
export interface Options {
  /** `host:port`, `https://host:port` or a target of gRPC; else TERRACE_ADDRESS, else the default. */
  address?: string;
  /** Sent with every call; else TERRACE_API_KEY. */
  key?: string;
  /** Milliseconds for each call that does not say its own. */
  timeoutMs?: number;
}

/** What one call may say. */
export interface CallLimits {
  /** Milliseconds for this call. */
  timeoutMs?: number;
  /** Ends the call, and the model's work with it. */
  signal?: AbortSignal;
}

/** A call without a stream, as the stubs have it. */
type Unary<Q, R> = (
  request: Q,
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: (error: ServiceError | null, response: R) => void,
) => ClientUnaryCall;

/** A connection to Terrace. */
export class Terrace {
  /** The stubs, for everything that has no method here; calls need `metadata()` and `limits()`. */
  readonly router: RouterServiceClient;
  readonly ledger: LedgerServiceClient;
  readonly judge: JudgeServiceClient;
  readonly #key: string;
  readonly #timeoutMs: number;

  constructor(options: Options = {}) {
    const address = options.address ?? process.env["TERRACE_ADDRESS"] ?? DEFAULT_ADDRESS;
    const [target, tls] = targetOf(address);
    const transport = tls ? credentials.createSsl() : credentials.createInsecure();
    this.router = new RouterServiceClient(target, transport, CHANNEL);
    const shared = { ...CHANNEL, channelOverride: this.router.getChannel() };
    this.ledger = new LedgerServiceClient(target, transport, shared);
    this.judge = new JudgeServiceClient(target, transport, shared);
    this.#key = options.key ?? process.env["TERRACE_API_KEY"] ?? "";
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** Answers a prompt, or a whole request. Rejects with a `TerraceError`. */
  route(prompt: string | DeepPartial<RouteRequest>, limits: CallLimits = {}): Promise<RouteResponse> {
    return this.call<RouteRequest, RouteResponse>(this.router.route.bind(this.router), request(prompt), limits);
  }

  /** Answers a prompt in pieces; the mode says when text may leave. */
  stream(
    prompt: string | DeepPartial<RouteRequest>,
    commitMode: CommitMode = CommitMode.COMMIT_MODE_HOLD_BACK,
    limits: CallLimits = {},
  ): AnswerStream {
    const asked = RouteStreamRequest.fromPartial({ request: request(prompt), commitMode });
    return new AnswerStream(this.router.routeStream(asked, this.metadata(), this.limits(limits)), limits.signal);
  }

  /** Answers many prompts, each as soon as it is there; `index` says which it is. */
  async *batch(
    prompts: Iterable<string | DeepPartial<RouteRequest>>,
    limits: CallLimits = {},
  ): AsyncGenerator<RouteBatchResponse> {
    const call: ClientDuplexStream<RouteBatchRequest, RouteBatchResponse> = this.router.routeBatch(
      this.metadata(),
      this.limits(limits),
    );
    for (const prompt of prompts) call.write(RouteBatchRequest.fromPartial({ request: request(prompt) }));
    call.end();
    try {
      for await (const result of call) yield result as RouteBatchResponse;
    } catch (error) {
      throw TerraceError.of(error as ServiceError);
    } finally {
      call.cancel();
    }
  }

  /** Makes any call of the stubs with key and deadline. */
  call<Q, R>(unary: Unary<Q, R>, asked: Q, limits: CallLimits = {}): Promise<R> {
    return new Promise((resolve, reject) => {
      const call = unary(asked, this.metadata(), this.limits(limits), (error, response) => {
        limits.signal?.removeEventListener("abort", cancel);
        if (error) reject(TerraceError.of(error));
        else resolve(response);
      });
      const cancel = () => call.cancel();
      limits.signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** The key, as calls bring it along. */
  metadata(): Metadata {
    const metadata = new Metadata();
    if (this.#key) metadata.set("authorization", `Bearer ${this.#key}`);
    return metadata;
  }

  /** The deadline of a call that begins now. */
  limits(limits: CallLimits = {}): Partial<CallOptions> {
    return { deadline: Date.now() + (limits.timeoutMs ?? this.#timeoutMs) };
  }

  /** Ends the connection. */
  close(): void {
    this.router.close();
  }
}

/** What gRPC calls an address, and whether it is reached by TLS. */
function targetOf(address: string): [target: string, tls: boolean] {
  const [, scheme, rest] = /^(?:(\w+):\/\/)?(.*?)\/?$/.exec(address) ?? [];
  if (scheme === undefined) return [`dns:///${rest}`, false];
  if (scheme === "http" || scheme === "https") return [`dns:///${rest}`, scheme === "https"];
  return [address, false];
}
