// Shows an answer while it comes, and begins anew when it is taken back.

import { router, Terrace } from "../src/index.js";

const terrace = new Terrace();
const prompt = "Explain in two sentences what a cache is.";
const stream = terrace.stream(prompt, router.CommitMode.COMMIT_MODE_PROVISIONAL, { timeoutMs: 60_000 });
for await (const event of stream) {
  if (event.type === "text") process.stdout.write(event.text);
  if (event.type === "restart") console.log(`\n[${event.attempt.model} fell short: ${event.attempt.detail}]`);
}
console.log(`\n${stream.answer?.decision?.model} answered`);
terrace.close();
