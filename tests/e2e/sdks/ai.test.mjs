// The ai package of npm, with its provider for OpenAI's API, against a running edge; see test_openai.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const { EDGE_URL, EDGE_KEY } = process.env;
const CAPITAL = "Name the capital of France.";
const CITY = jsonSchema({
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
});

const terrace = createOpenAI({ baseURL: `${EDGE_URL}/v1`, apiKey: EDGE_KEY });
const auto = terrace.chat("terrace/auto");

test("text comes whole and streamed, over chat and over responses", async () => {
  for (const model of [auto, terrace.responses("terrace/auto")]) {
    assert.match((await generateText({ model, prompt: CAPITAL })).text, /Paris/);
    const streamed = streamText({ model, prompt: CAPITAL });
    let text = "";
    for await (const piece of streamed.textStream) text += piece;
    assert.match(text, /Paris/);
    assert.ok((await streamed.usage).outputTokens > 0);
  }
});

test("a tool is called and its result goes back", async () => {
  const asked = [];
  const execute = async ({ city }) => {
    asked.push(city);
    return "sunny";
  };
  const weather = tool({ description: "The weather of a city.", inputSchema: CITY, execute });
  const answer = await generateText({
    model: auto,
    prompt: "What is the weather in Paris?",
    tools: { get_weather: weather },
    stopWhen: stepCountIs(2),
  });
  assert.equal(asked[0], "Paris");
  assert.equal(answer.steps.length, 2);
});

test("an object satisfies its schema", async () => {
  const model = terrace.chat("small");
  const { object } = await generateObject({ model, schema: CITY, prompt: "Answer in json: which city?" });
  assert.deepEqual(object, { city: "Paris" });
});

test("texts become vectors", async () => {
  const { embeddings } = await embedMany({ model: terrace.embedding("terrace/local_fast"), values: ["a", "bbb"] });
  assert.deepEqual(embeddings.map(([first]) => first), [1, 3]);
});

test("an error is the class that programs look for", async () => {
  const stranger = createOpenAI({ baseURL: `${EDGE_URL}/v1`, apiKey: "tk_wrong" }).chat("small");
  const refused = generateText({ model: stranger, prompt: CAPITAL, maxRetries: 0 });
  await assert.rejects(refused, (error) => APICallError.isInstance(error) && error.statusCode === 401);
});
