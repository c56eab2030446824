// What Terrace says when it cannot: one error with a reason from a closed set (docs/ERRORS.md).

import { type ServiceError, status } from "@grpc/grpc-js";

import { BadRequest, ErrorInfo, QuotaFailure, RetryInfo, Status } from "./pb/google/rpc/status.js";
import { RouteFailure } from "./pb/terrace/router/v1/router.js";

/** A call that failed. */
export class TerraceError extends Error {
  /** From the closed set, as BUDGET_EXHAUSTED; empty when it did not come from Terrace. */
  reason = "";
  /** Milliseconds after which it may be tried again, if Terrace says so. */
  retryAfterMs: number | undefined;
  /** Fields that are wrong, and what is wrong with each. */
  readonly fields: Record<string, string> = {};
  /** Quotas that said no, and why. */
  readonly quotas: Record<string, string> = {};
  /** The attempts made and what they cost, if there are any. */
  trail: RouteFailure | undefined;

  constructor(
    message: string,
    /** Code of gRPC. */
    readonly code: status,
  ) {
    super(message);
    this.name = "TerraceError";
  }

  /** Reads the error of a call. */
  static of(call: ServiceError): TerraceError {
    const error = new TerraceError(call.details || call.message, call.code);
    const details = call.metadata?.get("grpc-status-details-bin")[0];
    if (!(details instanceof Uint8Array)) return error;
    for (const detail of Status.decode(details).details) {
      error.#read(detail.typeUrl.replace(/^.*\//, ""), detail.value);
    }
    return error;
  }

  #read(type: string, value: Uint8Array): void {
    switch (type) {
      case "google.rpc.ErrorInfo": {
        const info = ErrorInfo.decode(value);
        if (info.domain === "terrace") this.reason = info.reason;
        break;
      }
      case "google.rpc.RetryInfo": {
        const delay = RetryInfo.decode(value).retryDelay;
        if (delay) this.retryAfterMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
        break;
      }
      case "google.rpc.BadRequest":
        for (const wrong of BadRequest.decode(value).fieldViolations) this.fields[wrong.field] = wrong.description;
        break;
      case "google.rpc.QuotaFailure":
        for (const broken of QuotaFailure.decode(value).violations) this.quotas[broken.subject] = broken.description;
        break;
      case "terrace.router.v1.RouteFailure":
        this.trail = RouteFailure.decode(value);
    }
  }
}
