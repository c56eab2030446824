"""Streams in every mode, taken back, left early, cut by a deadline."""

import asyncio
import time

import pytest
from conftest import BROKEN, CAPITAL, HARDER, OUT_OF_TIME, SLOW

from terrace_llm import Done, Restart, TerraceError, Text
from terrace_llm.request import new_id

@pytest.mark.parametrize("commit", ["hold_back", "prefix", "provisional"])
def test_every_mode_ends_in_the_whole_answer(terrace, commit):
    with terrace.stream(CAPITAL, commit=commit) as stream:
        events = list(stream)
    assert isinstance(events[-1], Done)
    said = "".join(event.text for event in events if isinstance(event, Text))
    assert said == stream.text == stream.answer.text
    assert stream.answer.model == "small"


def test_a_provisional_text_is_taken_back_and_another_model_begins(terrace):
    with terrace.stream(HARDER, commit="provisional") as stream:
        events = list(stream)
    place = next(i for i, event in enumerate(events) if isinstance(event, Restart))
    before = "".join(event.text for event in events[:place] if isinstance(event, Text))
    assert "sorry" in before and events[place].attempt.model == "small"
    assert all(event.provisional for event in events[:place] if isinstance(event, Text))
    assert stream.text == stream.answer.text and "sorry" not in stream.text
    assert stream.answer.model == "middle"


def test_leaving_ends_the_model_too_and_is_billed(terrace):
    case = new_id()
    with terrace.stream(SLOW, commit="provisional", tags={"case": case}) as stream:
        first = next(event for event in stream if isinstance(event, Text))
    assert first.text and stream.answer is None
    for _ in range(100):
        rows = list(terrace.usage(f"since=1h tag.case={case}"))
        if rows:
            break
        time.sleep(0.1)
    assert [row["outcome"] for row in rows] == ["cancelled"]


def test_a_deadline_holds_for_the_whole_stream(terrace):
    with pytest.raises(TerraceError) as late:
        list(terrace.stream(SLOW, commit="provisional", timeout=1.0))
    assert late.value.reason in OUT_OF_TIME


def test_a_stream_that_fails_raises_with_its_attempts(terrace):
    with pytest.raises(TerraceError) as broken:
        list(terrace.stream(BROKEN))
    assert len(broken.value.attempts) == 3


def test_a_mode_that_is_none_is_refused(terrace):
    with pytest.raises(ValueError, match="provisional"):
        terrace.stream(CAPITAL, commit="later")


def test_asyncio_streams_and_leaves(in_loop):
    async def whole(client):
        async with client.stream(HARDER, commit="provisional") as stream:
            events = [event async for event in stream]
        return events, stream

    events, stream = in_loop(whole)
    assert any(isinstance(event, Restart) for event in events)
    assert stream.text == stream.answer.text

    async def cut(client):
        with pytest.raises(TerraceError) as late:
            async for _ in client.stream(SLOW, commit="provisional", timeout=1.0):
                await asyncio.sleep(0)
        return late.value

    assert in_loop(cut).reason in OUT_OF_TIME
