"""The openai package against a running edge: what a user's program does after changing one line.

EDGE_URL and EDGE_KEY say where it is; tests/e2e/tests/it/sdks.rs starts one, with model servers that
answer by the words of the prompt, and runs this file.
"""

import json
import os
import unittest

import openai
from pydantic import BaseModel

URL, KEY = os.environ["EDGE_URL"], os.environ["EDGE_KEY"]
CAPITAL = "Name the capital of France."
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def client(**options):
    return openai.OpenAI(base_url=f"{URL}/v1", api_key=options.pop("key", KEY), **options)


def user(text):
    return [{"role": "user", "content": text}]


class City(BaseModel):
    city: str


class Chat(unittest.TestCase):
    def test_an_answer_comes_with_its_account(self):
        raw = client().chat.completions.with_raw_response.create(
            model="terrace/auto",
            messages=user(CAPITAL),
            metadata={"team": "search"},
            extra_headers={"x-terrace-action": "edit_file"},
            extra_body={"terrace": {"quality_threshold": 0.5}},
        )
        answer = raw.parse()
        self.assertIn("Paris", answer.choices[0].message.content)
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertGreater(answer.usage.total_tokens, 0)
        self.assertEqual(answer.terrace["tier"], "local_fast")
        self.assertEqual(raw.headers["x-terrace-tier"], "local_fast")
        self.assertEqual(answer._request_id, answer.terrace["request_id"])

    def test_a_stream_has_text_usage_and_account(self):
        chunks = list(
            client().chat.completions.create(
                model="gpt-4o",
                messages=user(CAPITAL),
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertIn("Paris", text)
        self.assertEqual(chunks[-1].choices, [])
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)
        self.assertEqual(chunks[-1].terrace["model"], "small")

    def test_a_prefix_stream_is_the_same_text(self):
        with client().chat.completions.stream(
            model="small",
            messages=user(CAPITAL),
            extra_headers={"x-terrace-commit-mode": "prefix"},
        ) as stream:
            final = stream.get_final_completion()
        self.assertIn("Paris", final.choices[0].message.content)

    def test_tools_are_called_whole_and_streamed_and_their_results_go_back(self):
        question = user("What is the weather in Paris?")
        answer = client().chat.completions.create(
            model="terrace/auto", messages=question, tools=[TOOL], tool_choice="auto"
        )
        message = answer.choices[0].message
        self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
        call = message.tool_calls[0]
        self.assertEqual(json.loads(call.function.arguments), {"city": "Paris"})
        with client().chat.completions.stream(
            model="terrace/auto", messages=question, tools=[TOOL]
        ) as stream:
            streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
        self.assertEqual(json.loads(streamed.function.arguments), {"city": "Paris"})
        result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        history = [*question, message.model_dump(exclude_none=True), result]
        final = client().chat.completions.create(
            model="terrace/auto", messages=history, tools=[TOOL]
        )
        self.assertTrue(final.choices[0].message.content)

    def test_a_schema_is_parsed(self):
        answer = client().chat.completions.parse(
            model="small", messages=user("Answer in json: which city?"), response_format=City
        )
        self.assertEqual(answer.choices[0].message.parsed, City(city="Paris"))


class Others(unittest.TestCase):
    def test_models_are_listed_and_found(self):
        names = [model.id for model in client().models.list()]
        for name in ["terrace/auto", "terrace/local_fast", "gpt-4o", "small"]:
            self.assertIn(name, names)
        self.assertEqual(client().models.retrieve("terrace/auto").id, "terrace/auto")

    def test_texts_become_vectors(self):
        answer = client().embeddings.create(model="terrace/local_fast", input=["a", "bbb"])
        self.assertEqual([vector.embedding[0] for vector in answer.data], [1.0, 3.0])

    def test_a_response_whole_and_streamed(self):
        answer = client().responses.create(model="terrace/auto", input=CAPITAL)
        self.assertIn("Paris", answer.output_text)
        self.assertEqual(answer.terrace["tier"], "local_fast")
        with client().responses.stream(model="terrace/auto", input=CAPITAL) as stream:
            final = stream.get_final_response()
        self.assertIn("Paris", final.output_text)
        tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
        called = client().responses.create(
            model="terrace/auto", input="What is the weather in Paris?", tools=[tool]
        )
        self.assertEqual(called.output[-1].name, "get_weather")


class Errors(unittest.TestCase):
    def test_each_is_the_exception_that_programs_look_for(self):
        def ask(text=CAPITAL, model="small", **options):
            return client(max_retries=0, **options).chat.completions.create(
                model=model, messages=user(text)
            )

        with self.assertRaises(openai.AuthenticationError):
            ask(key="tk_wrong")
        with self.assertRaises(openai.NotFoundError) as missing:
            ask(model="gpt-9")
        self.assertEqual(missing.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as wrong:
            client().chat.completions.create(
                model="small", messages=user(CAPITAL), temperature=9
            )
        self.assertEqual(wrong.exception.param, "temperature")
        with self.assertRaises(openai.InternalServerError) as broken:
            ask(model="faulty")
        self.assertEqual(broken.exception.status_code, 502)
        trail = broken.exception.body["terrace"]
        self.assertTrue(trail["request_id"])
        self.assertEqual(trail["attempts"][0]["outcome"], "failed")

    def test_attempts_in_vain_are_not_made_again(self):
        with self.assertRaises(openai.InternalServerError) as broken:
            client(max_retries=2).chat.completions.create(
                model="faulty", messages=user(CAPITAL)
            )
        headers = broken.exception.response.request.headers
        self.assertEqual(headers["x-stainless-retry-count"], "0")

    def test_an_error_of_a_stream_is_raised(self):
        with self.assertRaises(openai.APIError):
            list(
                client(max_retries=0).chat.completions.create(
                    model="faulty", messages=user(CAPITAL), stream=True
                )
            )


if __name__ == "__main__":
    unittest.main()
