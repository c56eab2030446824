"""A Terrace of a program's own: `terrace up` as a child, stopped when the program ends."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

#: Seconds that a start may take, and a stop.
_START, _STOP = 60.0, 30.0


class CannotStart(RuntimeError):
    """`terrace up` is not to be found, or does not start; the message says what to do."""


def program() -> str | None:
    """The `terrace` command: what TERRACE_BIN names, or on the PATH, or built in this repository."""
    named = os.environ.get("TERRACE_BIN")
    if named:
        return named
    target = Path(__file__).parents[4] / "target"
    built = (target / kind / "terrace" for kind in ("release", "debug"))
    found = shutil.which("terrace")
    return found or next((str(path) for path in built if path.is_file()), None)


class LocalTerrace:
    """`terrace up` with a config, at a port that the system chose."""

    def __init__(self, config: Path, environment: Mapping[str, str] | None = None) -> None:
        terrace = program()
        if terrace is None:
            raise CannotStart(
                "there is no `terrace` command: put it on the PATH, name it in TERRACE_BIN, or name "
                "a running Terrace in TERRACE_ADDRESS"
            )
        self._log: IO[bytes] = tempfile.TemporaryFile()
        command = [terrace, "up", "--config", str(config), "--listen", "127.0.0.1:0"]
        # Nobody asks this one over HTTP.
        settings = {**os.environ, "TERRACE__EDGE__ENABLED": "false", **(environment or {})}
        self._process = subprocess.Popen(
            command, env=settings, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        atexit.register(self.stop)
        #: Where it answers.
        self.address = self._ready()

    def _ready(self) -> str:
        until = time.monotonic() + _START
        while time.monotonic() < until:
            for line in self._lines():
                if line.startswith("ready "):
                    return line.removeprefix("ready ").strip()
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        told = "\n".join(self._lines()[-15:])
        raise CannotStart(f"`terrace up` does not start:\n{told}")

    def _lines(self) -> list[str]:
        # Reads at its own place: the child writes at another.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), min(size, 1 << 20), 0).decode(errors="replace").splitlines()

    def stop(self) -> None:
        """Asks it to stop and waits; insists after half a minute. May be called twice."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
