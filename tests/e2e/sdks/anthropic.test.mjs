// The @anthropic-ai/sdk package of npm against a running edge; see test_anthropic.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

const { EDGE_URL, EDGE_KEY } = process.env;
const CAPITAL = "Name the capital of France.";
const TOOL = {
  name: "get_weather",
  description: "The weather of a city.",
  input_schema: { type: "object", properties: { city: { type: "string" } } },
};

const client = (options = {}) => new Anthropic({ baseURL: EDGE_URL, apiKey: EDGE_KEY, maxRetries: 0, ...options });
const asked = (content, more = {}) => ({
  model: "terrace/auto",
  max_tokens: 200,
  messages: [{ role: "user", content }],
  ...more,
});

test("an answer comes with its account", async () => {
  const answer = await client().messages.create(asked(CAPITAL, { system: "Be brief." }));
  assert.match(answer.content[0].text, /Paris/);
  assert.equal(answer.stop_reason, "end_turn");
  assert.equal(answer.terrace.tier, "local_fast");
});

test("a stream is put together by the package", async () => {
  const stream = client().messages.stream(asked(CAPITAL, { model: "small" }));
  let text = "";
  stream.on("text", (piece) => (text += piece));
  const final = await stream.finalMessage();
  assert.match(text, /Paris/);
  assert.equal(final.content[0].text, text);
  assert.ok(final.usage.output_tokens > 0);
});

test("tools are called whole and streamed, and their results go back", async () => {
  const question = asked("What is the weather in Paris?", { tools: [TOOL] });
  const answer = await client().messages.create(question);
  assert.equal(answer.stop_reason, "tool_use");
  const call = answer.content.at(-1);
  assert.deepEqual([call.name, call.input], ["get_weather", { city: "Paris" }]);
  const streamed = await client().messages.stream(question).finalMessage();
  assert.deepEqual(streamed.content.at(-1).input, { city: "Paris" });
  const result = { type: "tool_result", tool_use_id: call.id, content: "sunny" };
  const turns = [{ role: "assistant", content: answer.content }, { role: "user", content: [result] }];
  const final = await client().messages.create({ ...question, messages: [...question.messages, ...turns] });
  assert.ok(final.content.length > 0);
});

test("tokens are counted and models listed", async () => {
  const { model, messages } = asked("x".repeat(400));
  assert.ok((await client().messages.countTokens({ model, messages })).input_tokens >= 100);
  const names = [];
  for await (const listed of client().models.list()) names.push(listed.id);
  assert.ok(names.includes("small"));
});

test("each error is the class that programs look for", async () => {
  const ask = (more, options) => client(options).messages.create(asked(CAPITAL, more));
  await assert.rejects(ask({}, { apiKey: "tk_wrong" }), Anthropic.AuthenticationError);
  await assert.rejects(ask({ model: "claude-9" }), Anthropic.NotFoundError);
  await assert.rejects(ask({ temperature: 9 }), Anthropic.BadRequestError);
  await assert.rejects(ask({ model: "faulty" }, { maxRetries: 2 }), Anthropic.InternalServerError);
});
