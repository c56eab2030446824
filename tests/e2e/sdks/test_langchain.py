"""The langchain-openai package against a running edge; see test_openai.py."""

import os
import unittest

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

URL, KEY = f"{os.environ['EDGE_URL']}/v1", os.environ["EDGE_KEY"]
CAPITAL = "Name the capital of France."


def chat(model="terrace/auto", key=KEY, **more):
    return ChatOpenAI(model=model, base_url=URL, api_key=key, max_retries=0, **more)


class City(BaseModel):
    """A city."""

    city: str


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


class LangChain(unittest.TestCase):
    def test_answers_come_whole_and_streamed(self):
        answer = chat(extra_body={"terrace": {"action": "research"}}).invoke(CAPITAL)
        self.assertIn("Paris", answer.content)
        self.assertGreater(answer.usage_metadata["output_tokens"], 0)
        pieces = list(chat().stream(CAPITAL))
        self.assertIn("Paris", "".join(piece.content for piece in pieces))

    def test_a_tool_is_called_and_its_result_goes_back(self):
        question = HumanMessage("What is the weather in Paris?")
        bound = chat().bind_tools([get_weather])
        answer = bound.invoke([question])
        call = answer.tool_calls[0]
        self.assertEqual((call["name"], call["args"]), ("get_weather", {"city": "Paris"}))
        result = ToolMessage("sunny", tool_call_id=call["id"])
        self.assertTrue(bound.invoke([question, answer, result]).content)

    def test_a_schema_is_parsed(self):
        asked = chat("small").with_structured_output(City, method="json_schema")
        self.assertEqual(asked.invoke("Answer in json: which city?"), City(city="Paris"))

    def test_texts_become_vectors(self):
        embeddings = OpenAIEmbeddings(
            model="terrace/local_fast", base_url=URL, api_key=KEY, check_embedding_ctx_length=False
        )
        self.assertEqual([vector[0] for vector in embeddings.embed_documents(["a", "bbb"])], [1, 3])

    def test_errors_are_those_of_openai(self):
        with self.assertRaises(openai.AuthenticationError):
            chat(key="tk_wrong").invoke(CAPITAL)
        with self.assertRaises(openai.NotFoundError):
            chat("gpt-9").invoke(CAPITAL)


if __name__ == "__main__":
    unittest.main()
