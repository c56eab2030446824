// The packages of npm against an edge with a real model behind; see test_real.py: whatever it says has to
// arrive whole and counted.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, streamText } from "ai";
import OpenAI from "openai";

const { EDGE_URL } = process.env;
const CAPITAL = "Name the capital of France in one short sentence.";
const USER = [{ role: "user", content: CAPITAL }];
// Whether the judge likes it is not what this is about.
const ANY = { "x-terrace-quality-check": "false" };

test("openai: chat and stream say the same", async () => {
  const client = new OpenAI({ baseURL: `${EDGE_URL}/v1`, apiKey: "none", timeout: 300_000, defaultHeaders: ANY });
  const asked = { model: "terrace/auto", messages: USER, max_tokens: 48, temperature: 0 };
  const whole = await client.chat.completions.create(asked);
  assert.ok(whole.usage.completion_tokens > 0);
  let text = "";
  const stream = await client.chat.completions.create({ ...asked, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  assert.equal(text, whole.choices[0].message.content);
});

test("anthropic: a message and a stream", async () => {
  const client = new Anthropic({ baseURL: EDGE_URL, apiKey: "none", timeout: 300_000, defaultHeaders: ANY });
  const asked = { model: "terrace/auto", max_tokens: 48, messages: USER };
  const whole = await client.messages.create(asked);
  assert.ok(whole.content[0].text && whole.usage.output_tokens > 0);
  const final = await client.messages.stream(asked).finalMessage();
  assert.ok(final.content[0].text && final.usage.output_tokens > 0);
});

test("ai: text whole and streamed", async () => {
  const model = createOpenAI({ baseURL: `${EDGE_URL}/v1`, apiKey: "none", headers: ANY }).chat("terrace/auto");
  const asked = { model, prompt: CAPITAL, maxOutputTokens: 48 };
  assert.ok((await generateText(asked)).text);
  const streamed = streamText(asked);
  let text = "";
  for await (const piece of streamed.textStream) text += piece;
  assert.ok(text && (await streamed.usage).outputTokens > 0);
});
