// An answer that comes in pieces, and may be taken back.

import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";

import { TerraceError } from "./errors.js";
import type { Attempt, RouteResponse, RouteStreamResponse } from "./pb/terrace/router/v1/router.js";

/** What a reader of text wants to know. */
export type StreamEvent =
  | { type: "text"; text: string; provisional: boolean }
  /** An attempt fell short or failed: what it has said so far is to be dropped. */
  | { type: "restart"; attempt: Attempt }
  /** The last event of every stream. */
  | { type: "done"; answer: RouteResponse };

/** The events of one answer. Leaving the loop early ends everything, the model too. */
export class AnswerStream implements AsyncIterable<StreamEvent> {
  readonly #call: ClientReadableStream<RouteStreamResponse>;
  readonly #texts = new Map<number, string>();
  /** The whole answer, once the stream has ended well. */
  answer: RouteResponse | undefined;

  constructor(call: ClientReadableStream<RouteStreamResponse>, signal?: AbortSignal) {
    this.#call = call;
    signal?.addEventListener("abort", () => call.cancel(), { once: true });
  }

  /** What stands at this moment. */
  get text(): string {
    return [...this.#texts].sort(([a], [b]) => a - b).map(([, text]) => text).join("");
  }

  /** Ends it; what came is billed. */
  cancel(): void {
    this.#call.cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent> {
    try {
      for await (const wire of this.#call) {
        const event = this.#take(wire as RouteStreamResponse);
        if (event) yield event;
      }
    } catch (error) {
      throw TerraceError.of(error as ServiceError);
    } finally {
      this.#call.cancel();
    }
  }

  #take({ event }: RouteStreamResponse): StreamEvent | undefined {
    if (event?.$case === "chunk" && event.value.text) {
      const { attemptIndex, text, provisional } = event.value;
      this.#texts.set(attemptIndex, (this.#texts.get(attemptIndex) ?? "") + text);
      return { type: "text", text, provisional };
    }
    if (event?.$case === "attemptRejected" && event.value.attempt) {
      const { attempt } = event.value;
      return this.#texts.delete(attempt.index) ? { type: "restart", attempt } : undefined;
    }
    if (event?.$case === "completed") {
      this.answer = event.value;
      return { type: "done", answer: event.value };
    }
    return undefined;
  }
}
