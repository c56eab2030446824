"""The one folder that the daemon may touch.

Plans come from a language model, so every path is taken for hostile: each part of it is opened by
itself, below the folder and never through a link, and whatever is read or written has a bound.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Bytes of one file, read or written.
MAX_FILE_BYTES = 64 * 1024
#: Bytes of all files together, and how many there may be.
MAX_TOTAL_BYTES, MAX_FILES = 8 * 1024 * 1024, 500
_MAX_DEPTH, _MAX_NAME_BYTES = 8, 200


class Refused(Exception):
    """The path or the size is not allowed; the message is for the model to read."""


class Missing(Refused):
    """There is no such file."""


class Sandbox:
    """Reads, writes and lists below one folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        #: The folder.
        self.folder = folder.resolve()
        self._root = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)

    def close(self) -> None:
        """Lets go of the folder."""
        os.close(self._root)

    def read(self, path: str) -> str:
        """The text of a file."""
        *above, name = _parts(path)
        with self._opened(above, make=False) as parent, _told(path):
            # Without O_NONBLOCK a named pipe would be waited for.
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
            with open(file, "rb") as opened:
                _plain(os.fstat(opened.fileno()), path)
                content = opened.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise Refused(f"{path} has more than {MAX_FILE_BYTES} bytes")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise Refused(f"{path} is no text") from None

    def write(self, path: str, text: str) -> None:
        """Makes a file, or puts another text into it; whole or not at all."""
        *above, name = _parts(path)
        content = text.encode()
        if len(content) > MAX_FILE_BYTES:
            raise Refused(f"{path} would have more than {MAX_FILE_BYTES} bytes")
        files = dict(self.files())
        if len(files) >= MAX_FILES and path not in files:
            raise Refused(f"there are {MAX_FILES} files already")
        if sum(files.values()) - files.get(path, 0) + len(content) > MAX_TOTAL_BYTES:
            raise Refused(f"all files together would have more than {MAX_TOTAL_BYTES} bytes")
        with self._opened(above, make=True) as parent, _told(path):
            _replaceable(parent, name, path)
            draft = f".{name}.draft"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            _gone(parent, draft)
            with open(os.open(draft, flags, 0o644, dir_fd=parent), "wb") as opened:
                opened.write(content)
            os.replace(draft, name, src_dir_fd=parent, dst_dir_fd=parent)

    def files(self) -> list[tuple[str, int]]:
        """Every plain file with its bytes, in order; a few more than allowed at most."""
        found: list[tuple[str, int]] = []
        self._walk(self._root, "", found)
        return sorted(found)

    def _walk(self, folder: int, prefix: str, found: list[tuple[str, int]]) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) > MAX_FILES or entry.name.startswith("."):
                    continue
                about = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(about.st_mode):
                    found.append((prefix + entry.name, about.st_size))
                elif stat.S_ISDIR(about.st_mode) and prefix.count("/") < _MAX_DEPTH:
                    below = os.open(entry.name, _FOLDER, dir_fd=folder)
                    try:
                        self._walk(below, f"{prefix}{entry.name}/", found)
                    finally:
                        os.close(below)

    @contextmanager
    def _opened(self, names: list[str], make: bool) -> Iterator[int]:
        """The folder of these names, opened step by step."""
        folder = os.dup(self._root)
        try:
            for name in names:
                with _told("/".join(names)):
                    if make:
                        _made(folder, name)
                    below = os.open(name, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if not path or path.startswith("/") or "\\" in path:
        raise Refused("a path is relative, as notes/plan.md")
    if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        raise Refused("a path has no . or .. and no hidden names")
    if any(not part.isprintable() or len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        raise Refused("a name is short and can be printed")
    if len(parts) > _MAX_DEPTH:
        raise Refused(f"a path has at most {_MAX_DEPTH} parts")
    return parts


@contextmanager
def _told(path: str) -> Iterator[None]:
    """What the system says of a path, without the way to the folder."""
    try:
        yield
    except FileNotFoundError:
        raise Missing(f"there is no {path}") from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    except (ValueError, UnicodeError):
        raise Refused("a name is plain text") from None


def _plain(about: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise Refused(f"{path} is no plain file")
    # Another name of the file may lie outside.
    if about.st_nlink > 1:
        raise Refused(f"{path} has another name")


def _replaceable(parent: int, name: str, path: str) -> None:
    try:
        about = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    _plain(about, path)


def _made(parent: int, name: str) -> None:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        pass


def _gone(parent: int, name: str) -> None:
    """Removes what a daemon that was killed left behind."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        pass
