"""What the daemon keeps: its runs, each step with quality and cost, and its memory, in one SQLite file.

A step is written in the transaction that ends it, so that a daemon which was killed goes on with the
next one. Money is in billionths of a US dollar.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: Characters of one memory.
MAX_MEMORY = 2000
_SPAN = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, parent INTEGER REFERENCES runs, objective TEXT NOT NULL,
    status TEXT NOT NULL, began REAL NOT NULL, ended REAL
);
CREATE TABLE IF NOT EXISTS steps (
    run INTEGER NOT NULL REFERENCES runs, number INTEGER NOT NULL, at REAL NOT NULL,
    action TEXT NOT NULL, done INTEGER NOT NULL, result TEXT NOT NULL,
    PRIMARY KEY (run, number)
);
CREATE TABLE IF NOT EXISTS calls (
    run INTEGER NOT NULL REFERENCES runs, at REAL NOT NULL, request_id TEXT NOT NULL, purpose TEXT NOT NULL,
    tier TEXT NOT NULL, model TEXT NOT NULL, score REAL, passed INTEGER NOT NULL,
    attempts TEXT NOT NULL, cost_nano INTEGER NOT NULL, baseline_nano INTEGER, latency_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS memory (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, topic TEXT NOT NULL, text TEXT NOT NULL, merged INTEGER
);
CREATE INDEX IF NOT EXISTS memory_by_topic ON memory (topic, at);
"""


@dataclass(frozen=True)
class Memory:
    """Something to remember."""

    id: int
    at: float
    topic: str
    text: str


class Store:
    """The file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Closes it."""
        self._db.close()

    # ---- runs

    def begin(self, objective: str, parent: int | None = None) -> int:
        """A new run; its number."""
        row = (parent, objective, time.time())
        sql = "INSERT INTO runs (parent, objective, status, began) VALUES (?, ?, 'running', ?)"
        return int(self._db.execute(sql, row).lastrowid or 0)

    def unfinished(self) -> tuple[int, str] | None:
        """The last run of a person that has not come to its end, if there is one."""
        sql = """SELECT id, objective FROM runs WHERE parent IS NULL AND status NOT IN ('done', 'given up')
                 ORDER BY id DESC LIMIT 1"""
        found = self._db.execute(sql).fetchone()
        return (found[0], found[1]) if found else None

    def set_status(self, run: int, status: str) -> None:
        """How it stands: running, done, interrupted, out of budget, …"""
        ended = None if status == "running" else time.time()
        self._db.execute("UPDATE runs SET status = ?, ended = ? WHERE id = ?", (status, ended, run))

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the first first."""
        sql = """SELECT id, parent, objective, status, began, ended,
                 (SELECT count(*) FROM steps WHERE run = runs.id) AS steps FROM runs ORDER BY id"""
        return self._dicts(sql)

    # ---- steps and calls

    def note_step(self, run: int, action: str, done: bool, result: str) -> None:
        """What was done and what came of it."""
        number = self.steps(run) + 1
        row = (run, number, time.time(), action, done, result[:MAX_MEMORY])
        self._db.execute("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?)", row)

    def steps(self, run: int) -> int:
        """How many there are."""
        return int(self._db.execute("SELECT count(*) FROM steps WHERE run = ?", (run,)).fetchone()[0])

    def last_steps(self, run: int, most: int) -> list[dict[str, Any]]:
        """The last ones, the first first."""
        sql = "SELECT action, done, result FROM steps WHERE run = ? ORDER BY number DESC LIMIT ?"
        return self._dicts(sql, (run, most))[::-1]

    def note_call(self, run: int, purpose: str, answer: Any) -> None:
        """An answer of the router: quality, tiers, cost."""
        tried = json.dumps([[attempt.tier, attempt.outcome] for attempt in answer.attempts])
        row = (
            run, time.time(), answer.request_id, purpose, answer.tier, answer.model, answer.score,
            answer.passed, tried, answer.cost_nano_usd, answer.baseline_nano_usd,
            round(answer.latency_seconds * 1000),
        )  # fmt: skip
        self._db.execute(f"INSERT INTO calls VALUES ({', '.join('?' * len(row))})", row)

    def calls(self) -> list[dict[str, Any]]:
        """All answers of the router, the first first."""
        return self._dicts("SELECT * FROM calls ORDER BY at")

    # ---- memory

    def remember(self, topic: str, text: str) -> int:
        """Writes something down; its number."""
        row = (time.time(), _topic(topic), text.strip()[:MAX_MEMORY])
        return int(self._db.execute("INSERT INTO memory (at, topic, text) VALUES (?, ?, ?)", row).lastrowid or 0)

    def recall(self, topic: str = "", recent: str = "", most: int = 20) -> list[Memory]:
        """Of a topic, or all, not older than a span as `24h`; the newest first, merged ones left out."""
        since = time.time() - span(recent) if recent else 0.0
        sql = """SELECT id, at, topic, text FROM memory WHERE merged IS NULL AND at >= ?
                 AND (? = '' OR topic = ?) ORDER BY at DESC, id DESC LIMIT ?"""
        wanted = _topic(topic) if topic else ""
        return [Memory(*row) for row in self._db.execute(sql, (since, wanted, wanted, most))]

    def merge(self, parts: list[Memory], text: str) -> int:
        """Puts one memory in the place of several of one topic; their rows stay and point to it."""
        self._db.execute("BEGIN")
        merged = self.remember(parts[0].topic, text)
        self._db.executemany("UPDATE memory SET merged = ? WHERE id = ?", [(merged, p.id) for p in parts])
        self._db.execute("COMMIT")
        return merged

    def topics(self) -> dict[str, int]:
        """Topics and how much there is of each."""
        sql = "SELECT topic, count(*) FROM memory WHERE merged IS NULL GROUP BY topic ORDER BY 2 DESC, 1"
        return dict(self._db.execute(sql).fetchall())

    def _dicts(self, sql: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        found = self._db.execute(sql, values)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]


def span(text: str) -> float:
    """Seconds of a span as `90m`, `24h`, `7d`."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise ValueError(f"a span is written as 90m, 24h or 7d, and not as {text!r}")
    return int(match[1]) * _SPAN[match[2]]


def _topic(text: str) -> str:
    """A topic as it is kept: in kebab case, short, never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "general"
