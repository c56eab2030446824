// Tries every feature that a client has to have against a running Terrace and prints a line of JSON for
// each. Behind tests/e2e; see the table in docs/CLIENTS.md.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { status } from "@grpc/grpc-js";

import { common, ledger, newId, router, request, says, Terrace, TerraceError, textOf } from "../src/index.js";

const CAPITAL = "Name the capital of France.";
const HARDER = "Name the capital of France, beyond the small one.";
const SLOW = "Take your time and name the capital of France.";
const BROKEN = "Nothing works.";

const { COMMIT_MODE_HOLD_BACK, COMMIT_MODE_PREFIX, COMMIT_MODE_PROVISIONAL } = router.CommitMode;
const terrace = new Terrace({ timeoutMs: 30_000 });

function claim(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

async function failure(call: Promise<unknown>): Promise<TerraceError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof TerraceError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

async function unary(): Promise<void> {
  const answer = await terrace.route(CAPITAL);
  claim(textOf(answer.output).includes("Paris"), "no Paris");
}

function stream(mode: router.CommitMode): () => Promise<void> {
  return async () => {
    const stream = terrace.stream(CAPITAL, mode);
    for await (const _ of stream);
    claim(stream.text === textOf(stream.answer?.output), `another text: ${stream.text}`);
  };
}

async function takenBack(): Promise<void> {
  const stream = terrace.stream(HARDER, COMMIT_MODE_PROVISIONAL);
  const back: string[] = [];
  for await (const event of stream) if (event.type === "restart") back.push(event.attempt.model);
  claim(back[0] === "small", "nothing was taken back");
  claim(stream.text === textOf(stream.answer?.output), `another text: ${stream.text}`);
}

async function batch(): Promise<void> {
  let answered = 0;
  for await (const { result } of terrace.batch([CAPITAL, HARDER])) {
    claim(result?.$case === "response", "one has no answer");
    answered += 1;
  }
  claim(answered === 2, "not both were answered");
}

async function deadline(): Promise<void> {
  const asked = { ...request(SLOW), policy: router.RoutePolicy.fromPartial({ model: "small" }) };
  const late = await failure(terrace.route(asked, { timeoutMs: 1000 }));
  const known = late.code === status.DEADLINE_EXCEEDED || late.reason === "BACKEND_TIMEOUT";
  claim(known, `not late but ${late.message}`);
}

async function cancel(): Promise<void> {
  const requestId = newId();
  const messages = [says(common.Role.ROLE_USER, SLOW)];
  for await (const event of terrace.stream({ requestId, messages }, COMMIT_MODE_PROVISIONAL)) {
    if (event.type === "text") break;
  }
  const list = terrace.ledger.listUsage.bind(terrace.ledger);
  for (let look = 0; look < 100; look += 1) {
    const asked = ledger.ListUsageRequest.fromPartial({ pageSize: 1000, filter: "outcome=cancelled" });
    const page = await terrace.call<ledger.ListUsageRequest, ledger.ListUsageResponse>(list, asked);
    if (page.events.some((event) => event.requestId === requestId)) return;
    await sleep(100);
  }
  throw new Error("the ledger does not have it");
}

async function errorDetails(): Promise<void> {
  const asked = { ...request(CAPITAL), policy: router.RoutePolicy.fromPartial({ tier: "penthouse" }) };
  const wrong = await failure(terrace.route(asked));
  claim(wrong.reason === "INVALID_REQUEST", `the reason is ${wrong.reason}`);
  claim(Boolean(wrong.fields["policy.tier"]), "the field is not named");
}

async function attempts(): Promise<void> {
  // Were it tried again, the second answer would be that the id is used.
  const asked = request(BROKEN);
  const broken = await failure(terrace.route(asked));
  claim(broken.reason === "BACKEND_FAILED", `the reason is ${broken.reason}`);
  claim(broken.trail?.attempts.length === 3, "not three attempts");
  claim(broken.trail?.requestId === asked.requestId, "another request");
}

async function metadata(): Promise<void> {
  const stranger = new Terrace({ key: "tk_wrong" });
  const refused = await failure(stranger.route(CAPITAL));
  stranger.close();
  claim(refused.reason === "UNAUTHENTICATED", `the reason is ${refused.reason}`);
}

async function tell(feature: string, attempt: () => Promise<void>): Promise<void> {
  try {
    await attempt();
    console.log(JSON.stringify({ feature, ok: true }));
  } catch (error) {
    console.log(JSON.stringify({ feature, ok: false, why: String(error) }));
  }
}

await tell("unary call", unary);
await tell("stream, held back", stream(COMMIT_MODE_HOLD_BACK));
await tell("stream, prefix", stream(COMMIT_MODE_PREFIX));
await tell("stream, provisional, taken back", takenBack);
await tell("stream both ways (batch)", batch);
await tell("deadline", deadline);
await tell("cancel", cancel);
await tell("error details", errorDetails);
await tell("attempts of an error, not tried again", attempts);
await tell("metadata (key)", metadata);
console.log("restart");
await once(process.stdin, "data");
await tell("reconnect after a restart", unary);
terrace.close();
process.stdin.destroy();
