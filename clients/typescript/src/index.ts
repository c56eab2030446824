// Terrace from TypeScript and JavaScript. The messages are made from the protos by `npm run build`.

export { type CallLimits, DEFAULT_ADDRESS, DEFAULT_TIMEOUT_MS, type Options, Terrace } from "./client.js";
export { TerraceError } from "./errors.js";
export { newId, request, says, textOf, usd } from "./request.js";
export { AnswerStream, type StreamEvent } from "./stream.js";
export * as common from "./pb/terrace/common/v1/chat.js";
export * as judge from "./pb/terrace/judge/v1/judge.js";
export * as ledger from "./pb/terrace/ledger/v1/ledger.js";
export * as router from "./pb/terrace/router/v1/router.js";
