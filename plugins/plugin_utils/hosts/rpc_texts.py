# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a host for the rpc channel: texts, hashes, versions, and copying to it. The session's part of ``rpc_files``.

A text is replaced in three steps, because SMB 1 has no rename over a file that is there: the new text is written
beside as ``.tmp``, then called ``.whole``, which it never is before it is complete; the old file goes, and ``.whole``
takes its name. Who reads and finds no file, but a ``.whole``, has found what the last writer had no time to rename.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .errors import CommandFailed, ConnectionLost, Refused, Unreachable
from .rpc_errors import NOT_FOUND, SmbFailed
from .rpc_files import OPEN_IF, WRITE, Files, Handle
from .rpc_smb import Broken
from .rpc_version import file_version
from .wait import duration

if TYPE_CHECKING:
    from .rpc_connected import Connected
    from .rpc_link import Link

_WORD_AFTER = 30.0
_COMPARED = 1 << 18
_SET_BACK = 5


@contextmanager
def _told(what: str) -> Iterator[None]:
    """An SMB error as the failure of what was asked for."""
    try:
        yield
    except SmbFailed as error:
        raise CommandFailed(error.message, remedy=error.remedy, **error.details) from None


def _whole(path: str) -> str:
    return f"{path}.whole"


def content(session: Connected, path: str) -> bytes | None:
    """A file's bytes, or those of its finished successor; None: there is neither."""

    def read(link: Link) -> bytes | None:
        found = link.files.read_bytes(path)
        return found if found is not None else link.files.read_bytes(_whole(path))

    with _told(f"reading {path}"):
        return session.attempt(read)


def read(session: Connected, path: str) -> str | None:
    """See ``Session.read_text``."""
    data = content(session, path)
    return None if data is None else session.decode(data)


def lines(session: Connected, path: str) -> list[str]:
    """The lines of a text file; [] where there is none."""
    return (read(session, path) or "").splitlines()


def search(session: Connected, path: str, phrases: Sequence[str]) -> tuple[int, list[tuple[int, str]]]:
    """See ``Ways.search_lines``."""
    text = lines(session, path)
    wanted = [phrase.lower() for phrase in phrases]
    found = [(number, line) for number, line in enumerate(text, 1) if any(phrase in line.lower() for phrase in wanted)]
    return len(text), found


def write(session: Connected, path: str, text: Sequence[str]) -> None:
    """See ``Session.write_text``."""
    session.check_text("\n".join(text))
    data = "".join(f"{line}\r\n" for line in text).encode(session.encoding)

    def replace(link: Link) -> None:
        files, whole = link.files, _whole(path)
        files.write_bytes(f"{path}.tmp", data)
        # One that an earlier writer left is as good as the file itself.
        if files.entry(path) is None:
            files.rename(whole, path)
        files.delete(whole)
        files.rename(f"{path}.tmp", whole)
        files.delete(path)
        files.rename(whole, path)

    with _told(f"writing {path}"):
        session.alter(f"write {path}", replace)


def delete(session: Connected, path: str) -> None:
    """See ``Session.delete``."""

    def remove(link: Link) -> None:
        for name in (f"{path}.tmp", _whole(path), path):
            link.files.delete(name)

    with _told(f"deleting {path}"):
        session.alter(f"delete {path}", remove)


def make_dir(session: Connected, path: str) -> None:
    """See ``Session.make_dir``."""
    parts = path.rstrip("\\").split("\\")

    def make(link: Link) -> None:
        for count in range(2, len(parts) + 1):
            link.files.make_dir("\\".join(parts[:count]))

    with _told(f"making the folder {path}"):
        session.alter(f"make folder {path}", make)


def size(session: Connected, path: str) -> int | None:
    """See ``Session.file_size``."""
    with _told(f"looking at {path}"):
        found = session.attempt(lambda link: link.files.entry(path))
    return None if found is None or found.is_dir else found.size


def digest(session: Connected, path: str, algorithm: str) -> str:
    """Hash of a file that is read back. A connection that breaks is made again, and the reading goes on."""
    if algorithm not in ("sha256", "sha1", "md5"):
        raise Refused(f"{algorithm} is no hash that can be made; sha256, sha1 and md5 are")
    hashing = hashlib.new(algorithm)
    done = 0

    def read_on(link: Link, tell: Callable[[int, int], None]) -> None:
        nonlocal done
        with link.files.opened(path) as handle:
            while part := link.files.read(handle, done, link.wire.read_size):
                hashing.update(part)
                done += len(part)
                tell(done, handle.size)

    try:
        _persistently(session, f"reading {path} back", read_on, lambda: done, alters=False)
    except SmbFailed as error:
        if error.status in NOT_FOUND:
            raise CommandFailed(f"there is no file {path} on {session.host}") from None
        raise CommandFailed(error.message, remedy=error.remedy) from None
    return hashing.hexdigest()


def version(session: Connected, path: str) -> str | None:
    """See ``Session.file_version``."""

    def read_version(link: Link) -> str | None:
        try:
            with link.files.opened(path) as handle:
                return file_version(lambda at, count: _exactly(link.files, handle, at, count))
        except SmbFailed:
            return None

    return session.attempt(read_version)


def _exactly(files: Files, handle: Handle, at: int, count: int) -> bytes:
    found = b""
    while len(found) < count and (part := files.read(handle, at + len(found), count - len(found))):
        found += part
    return found


def move(session: Connected, path: str, to: str) -> None:
    """See ``Connected.move_file``. Done twice it does no harm."""

    def rename(link: Link) -> None:
        if link.files.entry(path) is None and link.files.entry(to) is not None:
            return
        link.files.delete(to)
        if not link.files.rename(path, to):
            raise CommandFailed(f"there is no file {path} on {session.host}")

    with _told(f"renaming {path} to {to}"):
        session.alter(f"rename {path} to {to}", rename)


def put(session: Connected, local: str, remote: str) -> None:
    """See ``Connected.put_file``. What is there already counts when its last part is the same as here.

    That the whole is right is for the caller to prove, by ``file_hash``.
    """
    try:
        source = Path(local).open("rb")  # noqa: SIM115  # closed by the block below
    except OSError as error:
        raise Refused(
            f"the file {local} of the control node cannot be read: {error.strerror or error}",
            remedy="check the path on the machine that runs ansible-playbook",
        ) from None
    with source:
        total = source.seek(0, 2)
        done = 0

        def send(link: Link, tell: Callable[[int, int], None]) -> None:
            nonlocal done
            files = link.files
            there = files.entry(remote)
            done = _common(files, source, remote, there.size, total) if there is not None else 0
            if there is not None and there.size != done:
                files.delete(remote)
                done = 0
            with files.opened(remote, WRITE, OPEN_IF, sharing=1) as handle:
                while True:
                    source.seek(done)
                    part = source.read(link.wire.write_size * 4)
                    if not part:
                        break
                    files.write(handle, done, part)
                    done += len(part)
                    tell(done, total)
                files.flush(handle)

        try:
            _persistently(session, f"copying {local} to {remote}", send, lambda: done, alters=True)
        except SmbFailed as error:
            raise CommandFailed(
                f"copying {local} to {session.host} failed: {error.message}", remedy=error.remedy
            ) from None


def get(session: Connected, remote: str, local: str) -> None:
    """See ``RpcSession.get_file``."""
    try:
        target = Path(local).open("wb")  # noqa: SIM115  # closed by the block below
    except OSError as error:
        raise Refused(f"the file {local} of the control node cannot be written: {error.strerror or error}") from None
    with target, _told(f"reading {remote}"):

        def receive(link: Link, tell: Callable[[int, int], None]) -> None:
            with link.files.opened(remote) as handle:
                while part := link.files.read(handle, target.tell(), link.wire.read_size):
                    target.write(part)
                    tell(target.tell(), handle.size)

        _persistently(session, f"copying {remote} here", receive, target.tell, alters=False)


def _common(files: Files, source: BinaryIO, remote: str, there: int, total: int) -> int:
    """How many bytes of the file on the host are the beginning of ours: all of them, or none."""
    if not 0 < there <= total:
        return 0
    begin = max(there - _COMPARED, 0)
    source.seek(begin)
    ours = source.read(there - begin)
    with files.opened(remote) as handle:
        theirs = _exactly(files, handle, begin, there - begin)
    return there if ours == theirs else 0


def _persistently(
    session: Connected,
    what: str,
    action: Callable[[Link, Callable[[int, int], None]], None],
    done: Callable[[], int],
    *,
    alters: bool,
) -> None:
    """Do something long that goes on where it was cut off, until it got nowhere five times in a row."""
    begun = session.clock.now()
    word_at = begun + _WORD_AFTER

    def tell(now_done: int, total: int) -> None:
        nonlocal word_at
        now = session.clock.now()
        if now >= word_at:
            session.progress(f"{what}: {now_done >> 20} of {total >> 20} MB in {duration(now - begun)}")
            word_at = now + _WORD_AFTER

    failures, last = 0, -1
    while True:
        try:
            if alters:
                session.alter(what, lambda link: action(link, tell), again=False)
            else:
                session.attempt(lambda link: action(link, tell), tries=1)
            return
        except (ConnectionLost, Unreachable, Broken) as error:
            failures = failures + 1 if done() <= last else 0
            last = max(done(), last)
            if failures >= _SET_BACK:
                raise
            session.trace(f"{what}: going on at byte {done()} after: {error}")
            session.reconnect()
            session.clock.sleep(min(session.poll_interval, 5.0) if failures else 0)
