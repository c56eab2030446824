// Asks one question and prints the answer with its account.

import { Terrace, TerraceError, textOf, usd } from "../src/index.js";

const terrace = new Terrace();
try {
  const answer = await terrace.route("Name the capital of France.", { timeoutMs: 60_000 });
  console.log(textOf(answer.output));
  console.log(`${answer.decision?.model} on ${answer.decision?.tier} for $${usd(answer.costNanoUsd)}`);
} catch (error) {
  if (!(error instanceof TerraceError)) throw error;
  console.error(`${error.reason}: ${error.message}`);
  process.exitCode = 1;
} finally {
  terrace.close();
}
