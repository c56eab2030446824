// The openai package of npm against a running edge; see test_openai.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const { EDGE_URL, EDGE_KEY } = process.env;
const CAPITAL = "Name the capital of France.";
const TOOL = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city.",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};
const SCHEMA = {
  name: "city",
  strict: true,
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
};

const client = (options = {}) => new OpenAI({ baseURL: `${EDGE_URL}/v1`, apiKey: EDGE_KEY, maxRetries: 0, ...options });
const user = (content) => [{ role: "user", content }];

test("an answer comes with its account", async () => {
  const { data, response } = await client()
    .chat.completions.create(
      { model: "terrace/auto", messages: user(CAPITAL), metadata: { team: "search" } },
      { headers: { "x-terrace-action": "research" } },
    )
    .withResponse();
  assert.match(data.choices[0].message.content, /Paris/);
  assert.equal(data.terrace.tier, "local_fast");
  assert.equal(response.headers.get("x-terrace-tier"), "local_fast");
});

test("a stream has text and usage", async () => {
  const stream = client().chat.completions.stream({
    model: "gpt-4o",
    messages: user(CAPITAL),
    stream_options: { include_usage: true },
  });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  assert.match(text, /Paris/);
  assert.ok((await stream.totalUsage()).completion_tokens > 0);
});

test("tools are called whole and streamed, and their results go back", async () => {
  const messages = user("What is the weather in Paris?");
  const asked = { model: "terrace/auto", messages, tools: [TOOL] };
  const { message, finish_reason } = (await client().chat.completions.create(asked)).choices[0];
  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: "Paris" });
  const streamed = await client().chat.completions.stream(asked).finalChatCompletion();
  assert.deepEqual(JSON.parse(streamed.choices[0].message.tool_calls[0].function.arguments), { city: "Paris" });
  const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny" };
  const final = await client().chat.completions.create({ ...asked, messages: [...messages, message, result] });
  assert.ok(final.choices[0].message.content);
});

test("a schema is parsed", async () => {
  const answer = await client().chat.completions.parse({
    model: "small",
    messages: user("Answer in json: which city?"),
    response_format: { type: "json_schema", json_schema: SCHEMA },
  });
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), { city: "Paris" });
});

test("responses, models and vectors", async () => {
  const answer = await client().responses.create({ model: "terrace/auto", input: CAPITAL });
  assert.match(answer.output_text, /Paris/);
  const names = (await client().models.list()).data.map((model) => model.id);
  assert.ok(names.includes("terrace/auto") && names.includes("small"));
  const vectors = await client().embeddings.create({
    model: "terrace/local_fast",
    input: ["a", "bbb"],
    encoding_format: "float",
  });
  assert.deepEqual(vectors.data.map((vector) => vector.embedding[0]), [1, 3]);
});

test("each error is the class that programs look for", async () => {
  const ask = (model, options, more) =>
    client(options).chat.completions.create({ model, messages: user(CAPITAL), ...more });
  await assert.rejects(ask("small", { apiKey: "tk_wrong" }), OpenAI.AuthenticationError);
  await assert.rejects(ask("gpt-9"), (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
  await assert.rejects(ask("small", {}, { temperature: 9 }), (error) => error.param === "temperature");
  await assert.rejects(ask("faulty", { maxRetries: 2 }), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    return error.error.terrace.attempts.length === 1;
  });
  await assert.rejects(async () => {
    const stream = await client().chat.completions.create({ model: "faulty", messages: user(CAPITAL), stream: true });
    for await (const _ of stream);
  }, OpenAI.APIError);
});
