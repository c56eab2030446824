"""The daemon of examples/: whole runs over a real Terrace, and its parts against hostile plans."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))

from hybrid import plan  # noqa: E402
from hybrid.loop import Daemon, Stopper  # noqa: E402
from hybrid.sandbox import MAX_FILE_BYTES, Missing, Refused, Sandbox  # noqa: E402
from hybrid.store import Store  # noqa: E402


def command(home, *more):
    return [sys.executable, str(EXAMPLES / "hybrid_daemon.py"), "--home", str(home), *more]


def ran(home, *more):
    return subprocess.run(command(home, *more), capture_output=True, text=True, timeout=120)


def rows(home, sql):
    with sqlite3.connect(home / "memory.sqlite3") as db:
        return db.execute(sql).fetchall()


def until(claim):
    for _ in range(600):
        try:
            if claim():
                return
        except sqlite3.OperationalError:
            pass  # Its tables are being made.
        time.sleep(0.1)
    raise AssertionError("it did not come to that")


# ---- whole runs


def test_a_run_is_stopped_goes_on_and_does_every_kind_of_step(tmp_path):
    begin = ("--objective", "tidy the notes", "--pause")
    first = subprocess.Popen(command(tmp_path, *begin, "60"), stderr=subprocess.PIPE, text=True)
    until(lambda: (tmp_path / "memory.sqlite3").exists() and rows(tmp_path, "SELECT 1 FROM steps"))
    first.send_signal(signal.SIGINT)
    assert "goes on from here" in first.communicate()[1]
    assert first.returncode == 3
    assert rows(tmp_path, "SELECT status FROM runs") == [("interrupted",)]

    second = ran(tmp_path, *begin, "0", "--verbose")
    assert second.returncode == 0, second.stderr
    runs = rows(tmp_path, "SELECT id, parent, objective, status FROM runs")
    assert runs == [(1, None, "tidy the notes", "done"), (2, 1, "count the words", "done")]
    steps = rows(tmp_path, "SELECT action, done FROM steps WHERE run = 1 ORDER BY number")
    assert steps == [
        ("list_files", 1),
        ("write_memory Caching", 1),
        ("write_memory caching", 1),
        ("edit_file ../escape.md", 0),
        ("edit_file notes/caching.md", 1),
        ("read_file notes/caching.md", 1),
        ("consolidate caching", 1),
        ("spawn_daemon count the words", 1),
        ("done", 1),
    ]
    written = (tmp_path / "work" / "notes" / "caching.md").read_text()
    assert written == "# Caching\n\nCaching keeps what was asked for before.\n"
    assert not (tmp_path / "escape.md").exists()
    assert "quality" in (tmp_path / "daemon.log").read_text()

    told = ran(tmp_path, "--status").stdout
    for line in ["tidy the notes: done, 9 steps", "Cost: $0.0", "local_fast  ", "caching (1)"]:
        assert line in told, told
    assert "evicted at times" in ran(tmp_path, "--memory", "caching", "--recent", "24h").stdout


def test_a_signal_ends_the_call_at_hand(tmp_path):
    slow = command(tmp_path, "--objective", "take your time")
    daemon = subprocess.Popen(slow, stderr=subprocess.PIPE, text=True)
    until(lambda: (tmp_path / "daemon.log").exists() and "step 1" in (tmp_path / "daemon.log").read_text())
    daemon.terminate()
    daemon.communicate()
    assert daemon.returncode == 3
    assert rows(tmp_path, "SELECT count(*) FROM steps") == [(0,)]
    assert ran(tmp_path, "--resume", "--max-steps", "0").returncode == 0
    assert rows(tmp_path, "SELECT status FROM runs") == [("given up",)]


def test_a_signal_while_a_call_begins_ends_that_call(tmp_path, terrace, monkeypatch):
    stopper, store, sandbox = Stopper(), Store(tmp_path / "memory.sqlite3"), Sandbox(tmp_path / "work")
    begin = terrace.stream

    def interrupted(*question, **options):
        call = begin(*question, **options)
        stopper.stop()
        return call

    monkeypatch.setattr(terrace, "stream", interrupted)
    run = store.begin("take your time")
    assert Daemon(terrace, store, sandbox, stopper).work(run, "take your time", 1) == "interrupted"
    assert store.steps(run) == 0
    store.close()
    sandbox.close()


def test_nonsense_is_refused_told_and_survived(tmp_path):
    assert ran(tmp_path, "--objective", "talk nonsense", "--pause", "0", "--max-steps", "7").returncode == 0
    steps = rows(tmp_path, "SELECT action, done FROM steps ORDER BY number")
    assert len(steps) == 7
    assert ("plan", 0) in steps[:2]
    # The same step again and again is not done for ever.
    assert ("plan", 0) in steps[2:]


def test_without_a_terrace_it_gives_up_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("TERRACE_ADDRESS", "127.0.0.1:1")
    gone = ran(tmp_path, "--objective", "anything", "--pause", "0", "--timeout", "5")
    assert gone.returncode == 4 and "SERVICE_UNAVAILABLE" in gone.stderr
    assert rows(tmp_path, "SELECT status FROM runs") == [("interrupted",)]


def test_a_second_daemon_keeps_out_of_the_first_ones_home(tmp_path):
    first = subprocess.Popen(
        command(tmp_path, "--objective", "take your time"), stderr=subprocess.DEVNULL
    )
    until(lambda: (tmp_path / "daemon.log").exists() and "step 1" in (tmp_path / "daemon.log").read_text())
    second = ran(tmp_path, "--objective", "something else")
    first.terminate()
    first.wait()
    assert second.returncode == 2 and "another daemon" in second.stderr


def test_the_command_line_is_checked(tmp_path):
    assert ran(tmp_path).returncode == 2
    assert ran(tmp_path, "--resume").returncode == 2
    assert ran(tmp_path, "--memory", "--recent", "soon").returncode == 2
    assert "Nothing has been done yet" in ran(tmp_path, "--status").stdout


# ---- the sandbox


@pytest.fixture
def sandbox(tmp_path):
    made = Sandbox(tmp_path / "work")
    yield made
    made.close()


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../out", "a/../../out", "./a", "a//b", ".hidden", "a/.b", "a\\b", "a\0b",
        "a\nb", "x" * 300, "a/" * 20 + "a", "\ud800",
    ],
)  # fmt: skip
def test_a_path_that_leads_out_or_is_none_is_refused(sandbox, path):
    for attempt in (lambda: sandbox.read(path), lambda: sandbox.write(path, "x")):
        with pytest.raises(Refused):
            attempt()
    assert sandbox.files() == []


def test_links_pipes_and_second_names_are_refused(sandbox, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    work = sandbox.folder
    (work / "link").symlink_to(secret)
    (work / "folder").symlink_to(tmp_path)
    os.link(secret, work / "second")
    os.mkfifo(work / "pipe")
    for path in ["link", "folder/secret", "second", "pipe"]:
        with pytest.raises(Refused):
            sandbox.read(path)
        with pytest.raises(Refused):
            sandbox.write(path, "overwritten")
    assert secret.read_text() == "secret"
    assert [path for path, _ in sandbox.files()] == ["second"]


def test_sizes_and_numbers_are_bounded(sandbox, monkeypatch):
    with pytest.raises(Refused, match="bytes"):
        sandbox.write("big", "x" * (MAX_FILE_BYTES + 1))
    (sandbox.folder / "huge").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    with pytest.raises(Refused, match="bytes"):
        sandbox.read("huge")
    monkeypatch.setattr("hybrid.sandbox.MAX_FILES", 1)
    with pytest.raises(Refused, match="already"):
        sandbox.write("second", "x")
    monkeypatch.setattr("hybrid.sandbox.MAX_TOTAL_BYTES", 10)
    with pytest.raises(Refused, match="together"):
        sandbox.write("huge", "x" * 11)


def test_a_file_is_written_whole_and_read_again(sandbox):
    sandbox.write("a/b/c.txt", "grün")
    sandbox.write("a/b/c.txt", "rot")
    assert sandbox.read("a/b/c.txt") == "rot"
    assert sandbox.files() == [("a/b/c.txt", 3)]
    with pytest.raises(Missing):
        sandbox.read("a/none.txt")
    (sandbox.folder / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(Refused, match="no text"):
        sandbox.read("binary")


# ---- memory and plans


def test_memory_is_asked_by_topic_and_age(tmp_path):
    store = Store(tmp_path / "m.sqlite3")
    store.remember("Async Memory", "one")
    old = store.remember("async-memory", "two")
    store.remember("", "three")
    store._db.execute("UPDATE memory SET at = at - 7200 WHERE id = ?", (old,))
    assert [memory.text for memory in store.recall("async memory")] == ["one", "two"]
    assert [memory.text for memory in store.recall("async memory", recent="1h")] == ["one"]
    assert store.topics() == {"async-memory": 2, "general": 1}
    store.merge(store.recall("async memory"), "both")
    assert [memory.text for memory in store.recall("async memory")] == ["both"]
    store.close()


@pytest.mark.parametrize(
    "proposal",
    ["", "list_files", "{", "[]", '{"action": 1}', '{"action": "rm -rf"}', "{" * 5000, "null", '{"action": ["done"]}'],
)
def test_what_is_no_plan_is_nonsense(proposal):
    with pytest.raises(plan.Nonsense):
        plan.read(proposal)


def test_a_plan_is_found_in_talk_and_cut_to_size():
    step = plan.read('Sure! {"action": "write_memory", "topic": 7, "text": "' + "x" * 9000 + '"} Done.')
    assert (step.action, step.topic, len(step.text)) == ("write_memory", "", 4000)
