// Prints what was spent and saved today.

import { ledger, Terrace, usd } from "../src/index.js";

const terrace = new Terrace();
const asked = ledger.GetSummaryRequest.fromPartial({});
const getSummary = terrace.ledger.getSummary.bind(terrace.ledger);
const summary = await terrace.call<ledger.GetSummaryRequest, ledger.GetSummaryResponse>(getSummary, asked);
for (const tier of summary.tiers) {
  console.log(`${tier.tier}: ${tier.attempts} attempts, ${tier.answered} answers, $${usd(tier.costNanoUsd)}`);
}
console.log(`${summary.requests} requests for $${usd(summary.costNanoUsd)}, saved $${usd(summary.savingsNanoUsd)}`);
terrace.close();
