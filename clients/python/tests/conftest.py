"""What tests need: a Terrace at TERRACE_ADDRESS that knows TERRACE_API_KEY, with the scripted models
of tests/e2e/clients behind it. tests/e2e/tests/it/clients.rs starts it and runs them.
"""

import os

import pytest

from terrace_llm import AsyncTerrace, Reason, Terrace

CAPITAL = "Name the capital of France."
#: The lowest model refuses this, the next one answers.
HARDER = "Name the capital of France, beyond the small one."
#: Takes seconds to say.
SLOW = "Take your time and name the capital of France."
BROKEN = "Nothing works."
#: Whether the caller's clock or the model's share of it runs out first is a matter of milliseconds.
OUT_OF_TIME = (Reason.DEADLINE_EXCEEDED, Reason.BACKEND_TIMEOUT)


@pytest.fixture(scope="session")
def address():
    return os.environ["TERRACE_ADDRESS"]


@pytest.fixture
def terrace(address):
    with Terrace(address, timeout=30) as client:
        yield client


@pytest.fixture
def in_loop(address):
    """Runs a coroutine function with an asyncio client."""
    import asyncio

    def run(work):
        async def with_client():
            async with AsyncTerrace(address, timeout=30) as client:
                return await work(client)

        return asyncio.run(with_client())

    return run
