"""The next step, as a model proposes it, and what is made of nonsense.

The model is asked for JSON under a schema, and a backend that can hold it to that does. Nothing here
relies on it: what cannot be read, or names no action, is a step that was refused, told to the model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

#: What the daemon can do, and what each needs.
ACTIONS = {
    "write_memory": "remember something: topic, text",
    "read_file": "read a file: path",
    "list_files": "see which files there are",
    "edit_file": "write a file: path, and in text what it shall contain",
    "consolidate": "merge what is remembered of a topic: topic",
    "spawn_daemon": "give a part of the work away: objective",
    "done": "the objective is reached: text says how",
}
_TEXTS = ("topic", "text", "path", "objective")
#: Characters of a proposal that are looked at, and of each of its texts.
_MAX_PROPOSAL, _MAX_TEXT = 20_000, 4_000

SCHEMA = {
    "type": "object",
    "properties": {
        "action": {"enum": list(ACTIONS)},
        **{name: {"type": "string", "maxLength": 400} for name in _TEXTS},
    },
    "required": ["action"],
}


@dataclass(frozen=True)
class Step:
    """A step that can be tried."""

    action: str
    topic: str = ""
    text: str = ""
    path: str = ""
    objective: str = ""


class Nonsense(Exception):
    """The proposal is none; the message is for the model to read."""


def prompt(objective: str, memories: list[str], last: list[str]) -> str:
    """Asks for the next step."""
    actions = "\n".join(f"- {name}: {what}" for name, what in ACTIONS.items())
    known = "\n".join(f"- {text}" for text in memories) or "- nothing yet"
    before = "\n".join(f"- {text}" for text in last) or "- nothing yet"
    return (
        f"Objective: {objective}\n\nRemembered:\n{known}\n\nLast steps:\n{before}\n\n"
        f"Possible steps:\n{actions}\n\n"
        'Answer with the next step as one JSON object, as {"action": "list_files"}.'
    )


def read(proposal: str) -> Step:
    """Makes a step of what the model said."""
    found = _object(proposal[:_MAX_PROPOSAL])
    action = found.get("action")
    if not isinstance(action, str) or action not in ACTIONS:
        raise Nonsense(f"there is no such action; possible are {', '.join(ACTIONS)}")
    texts = {name: found[name][:_MAX_TEXT] for name in _TEXTS if isinstance(found.get(name), str)}
    return Step(action, **texts)


def _object(text: str) -> dict[str, object]:
    """The first JSON object in a text."""
    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0:
        try:
            found, _ = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            start = text.find("{", start + 1)
            continue
        return found if isinstance(found, dict) else {}
    raise Nonsense("that was no JSON object")
