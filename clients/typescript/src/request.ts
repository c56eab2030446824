// Requests from what a program has at hand.

import { randomBytes } from "node:crypto";

import { type Message, Role } from "./pb/terrace/common/v1/chat.js";
import { type DeepPartial, RouteRequest } from "./pb/terrace/router/v1/router.js";

/** The request on the wire. It always has an id, so that trying it again is never billed twice. */
export function request(prompt: string | DeepPartial<RouteRequest>): RouteRequest {
  const given = typeof prompt === "string" ? { messages: [says(Role.ROLE_USER, prompt)] } : prompt;
  return RouteRequest.fromPartial({ ...given, requestId: given.requestId || newId() });
}

/** A message of text. */
export function says(role: Role, text: string): Message {
  return { role, parts: [{ kind: { $case: "text", value: text } }] };
}

/** All text of a message. */
export function textOf(message: Message | undefined): string {
  return (message?.parts ?? []).map((part) => (part.kind?.$case === "text" ? part.kind.value : "")).join("");
}

/** An amount in US dollars with all its digits, as 0.010000000. */
export function usd(nanoUsd: bigint): string {
  const digits = (nanoUsd < 0n ? -nanoUsd : nanoUsd).toString().padStart(10, "0");
  return `${nanoUsd < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** A UUID of version 7: it begins with the time, which keeps the ledger's partitions small. */
export function newId(): string {
  const id = randomBytes(16);
  id.writeUIntBE(Date.now(), 0, 6);
  id[6] = (id[6]! & 0x0f) | 0x70;
  id[8] = (id[8]! & 0x3f) | 0x80;
  return id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
