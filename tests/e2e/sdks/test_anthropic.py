"""The anthropic package against a running edge; see test_openai.py."""

import os
import unittest

import anthropic

URL, KEY = os.environ["EDGE_URL"], os.environ["EDGE_KEY"]
CAPITAL = "Name the capital of France."
TOOL = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def client(**options):
    return anthropic.Anthropic(base_url=URL, api_key=options.pop("key", KEY), **options)


def ask(text, key=KEY, retries=0, **more):
    return client(key=key, max_retries=retries).messages.create(
        **{
            "model": "terrace/auto",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": text}],
            **more,
        }
    )


class Messages(unittest.TestCase):
    def test_an_answer_comes_with_its_account(self):
        answer = ask(CAPITAL, system="Be brief.", metadata={"user_id": "u1"})
        self.assertIn("Paris", answer.content[0].text)
        self.assertEqual(answer.stop_reason, "end_turn")
        self.assertGreater(answer.usage.output_tokens, 0)
        self.assertEqual(answer.terrace["tier"], "local_fast")
        self.assertEqual(answer._request_id, answer.terrace["request_id"])

    def test_a_stream_is_put_together_by_the_package(self):
        with client().messages.stream(
            model="small", max_tokens=200, messages=[{"role": "user", "content": CAPITAL}]
        ) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertIn("Paris", text)
        self.assertEqual(final.content[0].text, text)
        self.assertEqual(final.model, "small")
        self.assertGreater(final.usage.output_tokens, 0)

    def test_tools_are_called_whole_and_streamed_and_their_results_go_back(self):
        question = {"role": "user", "content": "What is the weather in Paris?"}
        answer = ask(question["content"], tools=[TOOL])
        self.assertEqual(answer.stop_reason, "tool_use")
        call = answer.content[-1]
        self.assertEqual((call.name, call.input), ("get_weather", {"city": "Paris"}))
        with client().messages.stream(
            model="terrace/auto", max_tokens=200, messages=[question], tools=[TOOL]
        ) as stream:
            self.assertEqual(stream.get_final_message().content[-1].input, {"city": "Paris"})
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        blocks = [block.model_dump(exclude_none=True) for block in answer.content]
        history = [
            question,
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": [result]},
        ]
        self.assertTrue(ask("", messages=history, tools=[TOOL]).content)

    def test_tokens_are_counted_and_models_listed(self):
        counted = client().messages.count_tokens(
            model="terrace/auto", messages=[{"role": "user", "content": "x" * 400}]
        )
        self.assertGreaterEqual(counted.input_tokens, 100)
        self.assertIn("small", [model.id for model in client().models.list()])


class Errors(unittest.TestCase):
    def test_each_is_the_exception_that_programs_look_for(self):
        with self.assertRaises(anthropic.AuthenticationError):
            ask(CAPITAL, key="tk_wrong")
        with self.assertRaises(anthropic.NotFoundError):
            ask(CAPITAL, model="claude-9")
        with self.assertRaises(anthropic.BadRequestError):
            ask(CAPITAL, extra_body={"temperature": 9})
        with self.assertRaises(anthropic.InternalServerError) as broken:
            ask(CAPITAL, model="faulty", retries=2)
        headers = broken.exception.response.request.headers
        self.assertEqual(headers["x-stainless-retry-count"], "0")


if __name__ == "__main__":
    unittest.main()
