"""The packages of OpenAI, Anthropic and LangChain against an edge with a real model behind: whatever it
says, it has to arrive whole, counted and in the form that was asked for.
"""

import json
import os
import unittest

import anthropic
import openai
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

URL = os.environ["EDGE_URL"]
CAPITAL = "Name the capital of France in one short sentence."
USER = [{"role": "user", "content": CAPITAL}]
#: Whether the judge likes it is not what this is about.
ANY = {"terrace": {"quality_check": False}}


class City(BaseModel):
    city: str


class RealModel(unittest.TestCase):
    def test_openai_chat_stream_and_schema(self):
        client = openai.OpenAI(base_url=f"{URL}/v1", api_key="none", timeout=300)
        asked = {"model": "terrace/auto", "messages": USER, "max_tokens": 48, "temperature": 0}
        whole = client.chat.completions.create(**asked, extra_body=ANY)
        self.assertGreater(whole.usage.completion_tokens, 0)
        chunks = list(client.chat.completions.create(**asked, stream=True, extra_body=ANY))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        parsed = client.chat.completions.parse(**asked, response_format=City, extra_body=ANY)
        self.assertIsInstance(parsed.choices[0].message.parsed, City)

    def test_anthropic_messages_and_stream(self):
        client = anthropic.Anthropic(base_url=URL, api_key="none", timeout=300)
        asked = {"model": "terrace/auto", "max_tokens": 48, "messages": USER, "extra_body": ANY}
        self.assertTrue(client.messages.create(**asked).content[0].text)
        with client.messages.stream(**asked) as stream:
            text = "".join(stream.text_stream)
        self.assertTrue(text)

    def test_langchain_answers_in_a_schema(self):
        chat = ChatOpenAI(
            model="terrace/auto", base_url=f"{URL}/v1", api_key="none", timeout=300, max_tokens=48, extra_body=ANY
        )
        self.assertTrue(chat.invoke(CAPITAL).content)
        schema = {"title": "city", "description": "A city.", **City.model_json_schema()}
        asked = chat.with_structured_output(schema, method="json_schema", include_raw=True)
        self.assertIn("city", json.loads(asked.invoke(CAPITAL)["raw"].content))


if __name__ == "__main__":
    unittest.main()
