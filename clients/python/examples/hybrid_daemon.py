#!/usr/bin/env python3
"""A daemon that works towards an objective in one folder, with every thought routed over tiers.

    hybrid_daemon.py --objective "Collect what is known about caching" --verbose
    hybrid_daemon.py --status
    hybrid_daemon.py --memory caching --recent 24h

It plans a step, does it, and writes down what came of it: write_memory, read_file, list_files,
edit_file, consolidate, spawn_daemon. Files are those of HOME/work and no others; there is no shell.
SIGINT and SIGTERM stop it, the model's work too, and the same command goes on from there.

Terrace is that of TERRACE_ADDRESS, else the one at 127.0.0.1:7600; a key comes from TERRACE_API_KEY.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path

from hybrid.loop import LOG, Daemon, Stopper
from hybrid.sandbox import Sandbox
from hybrid.status import memories, status
from hybrid.store import Store, span

from terrace_llm import Terrace, TerraceError

#: Exit codes: done or given up, stopped or out of budget and to be gone on with, no answer.
ENDED, TO_GO_ON, FAILED, WRONG = 0, 3, 4, 2


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        epilog=(__doc__ or "").split("\n\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what to do, one of")
    what.add_argument("-o", "--objective", help="begin, or go on if it was stopped before its end")
    what.add_argument("--resume", action="store_true", help="go on with what was stopped")
    what.add_argument("--status", action="store_true", help="runs, quality, cost, tiers")
    what.add_argument("--memory", nargs="?", const="", metavar="TOPIC", help="what is remembered, of a topic or all")
    parser.add_argument("--recent", default="", metavar="SPAN", help="with --memory: not older, as 24h")
    parser.add_argument("--home", type=Path, default=os.environ.get("HYBRID_DAEMON_HOME", "hybrid-daemon"),
                        help="folder of its memory, its log and its work (%(default)s)")  # fmt: skip
    parser.add_argument("--max-steps", type=int, default=20, help="steps of one objective (%(default)s)")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two steps (%(default)s)")
    parser.add_argument("--plan-tier", default="", help="tier that plans; by default the router decides")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one answer (%(default)s)")
    parser.add_argument("-v", "--verbose", action="store_true", help="say quality and cost of every answer")
    args = parser.parse_args()
    if not (args.objective or args.resume or args.status or args.memory is not None):
        parser.error("say one of --objective, --resume, --status, --memory")
    return args


def main() -> int:
    """Does what the command line says; returns the exit code."""
    args = arguments()
    home: Path = args.home
    home.mkdir(parents=True, exist_ok=True)
    store = Store(home / "memory.sqlite3")
    try:
        if args.status:
            print(status(store))
            return ENDED
        if args.memory is not None:
            if args.recent:
                span(args.recent)
            print(memories(store.recall(args.memory, args.recent)))
            return ENDED
        return run(args, home, store)
    except ValueError as wrong:
        print(f"hybrid_daemon.py: {wrong}", file=sys.stderr)
        return WRONG
    finally:
        store.close()


def run(args: argparse.Namespace, home: Path, store: Store) -> int:
    """Begins or goes on, until the end or a signal."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[logging.StreamHandler(), logging.FileHandler(home / "daemon.log")],
    )
    LOG.setLevel(logging.DEBUG if args.verbose else logging.INFO)
    with open(home / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another daemon works in {home}") from None
        number, objective = begun(args, store)
        stopper = Stopper()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, stopper.stop)
        sandbox = Sandbox(home / "work")
        try:
            with Terrace(timeout=args.timeout) as terrace:
                daemon = Daemon(terrace, store, sandbox, stopper, args.pause, args.plan_tier)
                ended = daemon.work(number, objective, args.max_steps)
        except TerraceError as error:
            LOG.error("%s", error)
            return FAILED
        finally:
            sandbox.close()
        print(status(store))
        return ENDED if ended in ("done", "given up") else TO_GO_ON


def begun(args: argparse.Namespace, store: Store) -> tuple[int, str]:
    """The run to work on: the one that was stopped, if it is for this objective, else a new one."""
    stopped = store.unfinished()
    if stopped and (args.resume or args.objective == stopped[1]):
        LOG.info("going on with: %s", stopped[1])
        return stopped
    if not args.objective:
        raise ValueError("there is nothing to go on with; begin with --objective")
    return store.begin(args.objective), args.objective


if __name__ == "__main__":
    sys.exit(main())
