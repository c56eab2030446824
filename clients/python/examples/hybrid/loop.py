"""The daemon's loop: plan a step, do it, write down what came of it, until done, stopped or out of money."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass, field

from terrace_llm import Answer, Reason, Stream, Terrace, TerraceError

from . import plan
from .sandbox import Missing, Refused, Sandbox
from .store import Store

LOG = logging.getLogger("hybrid_daemon")

#: How deep a daemon may give work away, and how many steps the one below gets.
MAX_DEPTH, SPAWNED_STEPS = 2, 4
#: Failures in a row after which it gives up.
MAX_FAILURES = 5
#: The same step in a row that is still tried.
MAX_REPEATS = 2
_FENCED = re.compile(r"```[^\n]*\n(.*?)```", re.DOTALL)


class Stopped(Exception):
    """Somebody wants it to stop."""


class OutOfBudget(Exception):
    """The budget says no; the message says when to come back."""


@dataclass
class Stopper:
    """What a signal handler holds: it ends the call at hand, and with it the model's work."""

    asked: threading.Event = field(default_factory=threading.Event)
    call: Stream | None = None

    def stop(self, *_: object) -> None:
        """May be called from a signal handler."""
        self.asked.set()
        if self.call is not None:
            self.call.cancel()

    def holds(self, call: Stream) -> None:
        """From here on `stop` ends this call; one that came while the call began ends it at once."""
        self.call = call
        if self.asked.is_set():
            call.cancel()


@dataclass
class Daemon:
    """Works on one objective at a time."""

    terrace: Terrace
    store: Store
    sandbox: Sandbox
    stopper: Stopper
    #: Seconds between two steps.
    pause: float = 1.0
    #: Tier that plans; empty: as the router finds.
    plan_tier: str = ""

    def work(self, run: int, objective: str, most: int, depth: int = 0) -> str:
        """Goes on with a run; returns, and notes, how it stands at the end."""
        self.store.set_status(run, "running")
        status = "interrupted"
        try:
            status = self._steps(run, objective, most, depth)
        except Stopped:
            LOG.info("stopping as asked; the same command goes on from here")
        except OutOfBudget as told:
            status = "out of budget"
            LOG.warning("%s", told)
        finally:
            self.store.set_status(run, status)
        if depth and status in ("interrupted", "out of budget"):
            raise Stopped if status == "interrupted" else OutOfBudget
        return status

    def _steps(self, run: int, objective: str, most: int, depth: int) -> str:
        failures = 0
        while (number := self.store.steps(run)) < most:
            if self.stopper.asked.is_set():
                raise Stopped
            LOG.info("step %d of at most %d", number + 1, most)
            try:
                step = self._planned(run, objective)
                done, result = self._do(run, step, depth)
                failures = 0
            except plan.Nonsense as nonsense:
                step, done, result = plan.Step("plan"), False, str(nonsense)
            except TerraceError as error:
                failures += 1
                self._bear(error, failures)
                continue
            self.store.note_step(run, _told(step), done, result)
            LOG.info("%s: %s%s", step.action, "" if done else "refused: ", result.splitlines()[0][:200])
            if step.action == "done":
                return "done"
            self.stopper.asked.wait(self.pause)
        return "given up"

    def _planned(self, run: int, objective: str) -> plan.Step:
        memories = [f"{memory.topic}: {memory.text[:200]}" for memory in self.store.recall(most=8)]
        last = [f"{s['action']} -> {s['result'][:300]}" for s in self.store.last_steps(run, 4)]
        question = plan.prompt(objective, memories, last)
        answer = self._ask(run, "plan", question, json_schema=plan.SCHEMA, max_output_tokens=400)
        step = plan.read(answer.text)
        before = [s["action"] for s in self.store.last_steps(run, MAX_REPEATS)]
        if before == [_told(step)] * MAX_REPEATS:
            raise plan.Nonsense("that was done just now; take another step")
        return step

    # ---- what it can do

    def _do(self, run: int, step: plan.Step, depth: int) -> tuple[bool, str]:
        """Whether it was done, and what came of it."""
        try:
            if step.action == "spawn_daemon":
                return self._spawn_daemon(run, step, depth)
            return True, getattr(self, f"_{step.action}")(run, step)
        except Refused as refused:
            return False, str(refused)

    def _write_memory(self, run: int, step: plan.Step) -> str:
        text = step.text.strip()
        if not text:
            topic = step.topic or "the objective"
            text = self._ask(run, "write_memory", f"Write one sentence to remember about {topic}.").text
        self.store.remember(step.topic, text)
        return f"remembered under {step.topic or 'general'}"

    def _read_file(self, run: int, step: plan.Step) -> str:
        content = self.sandbox.read(step.path)
        question = f"In one sentence, what does this file say?\n\n{step.path}:\n{content[:4000]}"
        return self._ask(run, "read_file", question, max_output_tokens=200).text or "it is empty"

    def _list_files(self, _run: int, _step: plan.Step) -> str:
        files = [f"{path} ({size} bytes)" for path, size in self.sandbox.files()[:50]]
        return "\n".join(files) or "there are no files yet"

    def _edit_file(self, run: int, step: plan.Step) -> str:
        try:
            before = self.sandbox.read(step.path)
        except Missing:
            before = ""
        question = (
            f"Write the whole content of the file {step.path}. {step.text}\n"
            f"It contains now:\n{before[:4000] or '(nothing)'}\nAnswer with the content alone."
        )
        answer = self._ask(run, "edit_file", question)
        if not answer.passed:
            raise Refused(f"{step.path} is left as it was: what was written fell short")
        fenced = _FENCED.search(answer.text)
        content = fenced[1] if fenced else answer.text.rstrip() + "\n"
        self.sandbox.write(step.path, content)
        return f"{step.path} has {len(content.encode())} bytes now"

    def _consolidate(self, run: int, step: plan.Step) -> str:
        parts = self.store.recall(topic=step.topic or "general")
        if len(parts) < 2:
            raise Refused(f"there is nothing to merge under {step.topic or 'general'}")
        told = "\n".join(f"- {part.text}" for part in parts)
        answer = self._ask(run, "consolidate", f"Merge these notes into one short note:\n{told}")
        if not answer.passed or not answer.text.strip():
            raise Refused("the notes are left as they were: what was written fell short")
        self.store.merge(parts, answer.text)
        return f"{len(parts)} notes became one"

    def _spawn_daemon(self, run: int, step: plan.Step, depth: int) -> tuple[bool, str]:
        if depth + 1 >= MAX_DEPTH:
            return False, "a daemon that was spawned spawns none"
        if not step.objective.strip():
            return False, "it needs an objective"
        below = self.store.begin(step.objective, parent=run)
        status = self.work(below, step.objective, SPAWNED_STEPS, depth + 1)
        return True, f"{step.objective[:100]}: {status} after {self.store.steps(below)} steps"

    def _done(self, _run: int, step: plan.Step) -> str:
        return step.text or "done"

    # ---- how it asks

    def _ask(self, run: int, purpose: str, question: str, **options: object) -> Answer:
        """Asks the router and notes quality and cost; a signal ends it, and the model's work."""
        if self.stopper.asked.is_set():
            raise Stopped
        if purpose == "plan" and self.plan_tier:
            options["tier"] = self.plan_tier
        stream = self.terrace.stream(question, action=purpose, tags={"agent": "hybrid_daemon"}, **options)
        self.stopper.holds(stream)
        try:
            for _ in stream:
                pass
        except TerraceError:
            if self.stopper.asked.is_set():
                raise Stopped from None
            raise
        finally:
            self.stopper.call = None
        answer = stream.answer
        assert answer is not None, "a stream ends in its answer or in an error"
        self.store.note_call(run, purpose, answer)
        score = "not judged" if answer.score is None else f"{answer.score:.2f}"
        LOG.debug(
            "%s: %s on %s, quality %s%s, $%s", purpose, answer.model, answer.tier, score,
            "" if answer.passed else " (fell short)", f"{answer.cost_usd:.6f}",
        )  # fmt: skip
        return answer

    def _bear(self, error: TerraceError, failures: int) -> None:
        """Waits after a failure, or gives up where waiting does not help."""
        if error.reason == Reason.BUDGET_EXHAUSTED:
            when = "" if error.retry_after is None else f"; opens in {error.retry_after / 3600:.1f} h"
            raise OutOfBudget(f"{error.message}{when}")
        caller = (Reason.UNAUTHENTICATED, Reason.PERMISSION_DENIED, Reason.INVALID_REQUEST)
        if failures >= MAX_FAILURES or error.reason in caller:
            raise error
        wait = max(error.retry_after or 0, min(2.0**failures, 60.0) * min(self.pause, 1))
        LOG.warning("%s; trying again in %.1f s", error, wait)
        self.stopper.asked.wait(wait)


def _told(step: plan.Step) -> str:
    """A step in a line, for the model and for people."""
    about = step.path or step.topic or step.objective
    return f"{step.action} {about[:100]}".strip()
