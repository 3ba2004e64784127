# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An update's package on a host: is it there, is it the right one, and bring it there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..hosts.commands import Raw, command, quote, secret
from ..hosts.errors import CommandFailed, HostError, Refused
from ..hosts.session import Session

_SHARE = re.compile(r"^(\\\\[^\\]+\\[^\\]+)(?:\\.*)?$")
_NET_USE_TIMEOUT = 120.0


def observe(
    session: Session, update: Mapping[str, Any], source: str | None, folder: str, *, look: bool = False
) -> dict[str, Any]:
    r"""What is known of the package on the host.

    ``source``: the package as a local path of the host or a UNC path; a path that ends in a backslash is a
    folder that holds the catalogue's file; None takes ``package.path`` of the catalogue. ``look``: nothing is run
    after this, so a hash that was noted on the host when the package was proved will do. The result:

    * ``needed``: a package has to be copied to the host;
    * ``staged``: it lies at ``path``, complete, with the size and hash that the catalogue gives;
    * ``size`` (bytes) and ``sha256`` as found (hash: null where it was not made);
    * ``problem``: what keeps it from being staged (``what``, ``remedy``), or null.
    """
    origin = source_path(update, source)
    path = _target(update, origin, folder)
    found: dict[str, Any] = {
        "needed": bool(origin and (_SHARE.match(origin) or _is_here(origin))),
        "staged": False,
        "path": path,
        "size": None,
        "sha256": None,
        "problem": None,
    }
    if path is None:
        return found
    package = update["package"]
    if package["verify"] == "sha256" and not package["sha256"]:
        found["problem"] = {
            "what": f"the SHA-256 of the package of {update['id']} is not known",
            "remedy": "Give package.sha256 in a catalogue file, or set package.verify to size there.",
        }
    size = session.file_size(path)
    found["size"] = size
    if size is None:
        if not found["needed"]:
            found["problem"] = {
                "what": f"the package {path} is not on {session.host}",
                "remedy": "Put it there, or name a share that holds it.",
            }
        return found
    if found["problem"] or package["size"] not in (None, size):
        return found
    if package["verify"] == "sha256":
        found["sha256"] = session.known_hash(path) if look else session.file_hash(path, "sha256")
        if found["sha256"] is None:
            found["problem"] = _no_hash(session)
            return found
        if found["sha256"] != package["sha256"].lower():
            return found
    found["staged"] = True
    return found


def stage(
    session: Session,
    update: Mapping[str, Any],
    source: str | None,
    folder: str,
    share_user: str | None = None,
    share_password: str | None = None,
    timeout: float = 7200,
    files: Session | None = None,
) -> dict[str, Any]:
    """Bring the package into the folder: copied beside its place, checked, then renamed into it.

    A source that begins with ``/`` is a file of the control node. It is copied by ``files``, a session that can copy
    (of the same host; by default ``session`` itself), which goes on with what an earlier run has begun.

    ``share_user`` and ``share_password`` open the share (a network logon has nothing to show to a second
    host); the connection is taken away again whatever happens. The password stands on a command line
    (``net use``), because no other way is documented. ``timeout``: seconds for the copy. Returns ``changed``
    and what ``observe`` says before and after. Raises ``Refused`` where the package cannot be verified,
    ``CommandFailed`` where it is another file than the catalogue says.
    """
    origin = source_path(update, source)
    # What can copy a file can also read it back: the host's own means of proving it do not matter then.
    looking = files if files is not None and origin is not None and _is_here(origin) else session
    before = observe(looking, update, source, folder, look=True)
    if before["staged"]:
        return {"changed": False, "before": before, "after": before}
    if origin is None:
        raise Refused(
            f"no package of {update['id']} is named",
            remedy="Name it with the action's option, or as package.path in a catalogue file.",
        )
    if before["problem"]:
        raise Refused(before["problem"]["what"], remedy=before["problem"]["remedy"])
    share = _SHARE.match(origin)
    if _is_here(origin):
        _send(session, files or session, update, origin, before["path"], folder)
        after = observe(looking, update, source, folder, look=True)
        if not after["staged"]:
            raise CommandFailed(f"the package {after['path']} is not as the catalogue says after it was copied")
        return {"changed": True, "before": before, "after": after}
    if share is None:
        _verify(session, update, before["path"], None)
        return {"changed": False, "before": before, "after": observe(session, update, source, folder, look=True)}
    path = before["path"]
    part = path + ".part"
    session.make_dir(folder)
    opened = _open_share(session, share[1], share_user, share_password)
    try:
        expected = session.file_size(origin)
        if expected is None and opened:
            # The connection to a share belongs to the shell: one that broke off in between has lost it.
            _open_share(session, share[1], share_user, share_password)
            expected = session.file_size(origin)
        if expected is None:
            raise CommandFailed(
                f"the package {origin} is not there, or the account may not read it",
                remedy="Check the path, and the account that opens the share.",
            )
        if update["package"]["size"] not in (None, expected):
            raise CommandFailed(
                f"the package {origin} has {expected} bytes, the catalogue says {update['package']['size']}",
                remedy="See whether the share holds the right file and language, or correct package.size.",
            )
        _copy(session, origin, part, timeout, lambda: _open_share(session, share[1], share_user, share_password))
        digest = _verify(session, update, part, expected)
        # A move within one folder is a rename; it also replaces a wrong file of that name.
        session.change(command("move", Raw("/y"), quote(part), quote(path)), f"renaming {part} to {path}")
        if digest:
            session.note_hash(path, digest)
    finally:
        if opened:
            _close_share(session, share[1])
    after = observe(session, update, source, folder, look=True)
    if not after["staged"]:
        raise CommandFailed(f"the package {path} is not as the catalogue says after it was copied")
    return {"changed": True, "before": before, "after": after}


def share_is_readable(session: Session, path: str, user: str | None, password: str | None) -> str:
    r"""What keeps a host from reading a path such as ``\\server\share\file``, in a sentence; empty where it can.

    The connection to the share is taken away again. Raises ReadOnlyViolation in a session that may not make one.
    """
    if _SHARE.match(path) is None:
        return f"{path} is no path on a share"
    try:
        with share_opened(session, path, user, password):
            output = session.run(command("dir", Raw("/b"), quote(path)) + " >nul", changes=False)
    except CommandFailed as error:
        return f"{error.message}: {' '.join(error.output.split())[:200]}"
    return "" if output.exit_code == 0 else f"{path} is not there, or cannot be read from {session.host}"


@contextmanager
def share_opened(session: Session, path: str, user: str | None, password: str | None) -> Iterator[None]:
    """Have the share of a path open as ``user`` for a while; nothing happens for a path of the host, or without a user.

    A network logon has nothing to show to a second host. Raises CommandFailed where the share cannot be opened.
    """
    share = _SHARE.match(path)
    opened = share is not None and _open_share(session, share[1], user, password)
    try:
        yield
    finally:
        if share is not None and opened:
            _close_share(session, share[1])


def source_path(update: Mapping[str, Any], source: str | None) -> str | None:
    """The package's full path where it comes from; None where nobody said."""
    path = source or update["package"]["path"]
    if not path:
        return None
    if path.endswith(("\\", "/")):
        if not update["package"]["file"]:
            raise Refused(
                f"the file name of the package of {update['id']} is not known",
                remedy="Name the file itself, or give package.file in a catalogue file.",
            )
        path += update["package"]["file"]
    return str(path)


def _target(update: Mapping[str, Any], origin: str | None, folder: str) -> str | None:
    """Where the package lies, or has to lie, on the host."""
    if origin is None:
        return None
    if _is_here(origin):
        return f"{folder}\\{origin.rsplit('/', 1)[1]}"
    if not _SHARE.match(origin):
        return origin
    return f"{folder}\\{origin.rsplit(chr(92), 1)[1]}"


def _is_here(origin: str) -> bool:
    """Whether a path is one of the control node."""
    return origin.startswith("/")


def _send(session: Session, files: Session, update: Mapping[str, Any], origin: str, path: str, folder: str) -> None:
    """Copy a file of the control node beside its place, prove it by reading it back, and put it there."""
    if not files.copies_files:
        raise Refused(
            f"the package {origin} is a file of the control node, which this connection cannot copy to {session.host}",
            remedy="Set via to smb, use the connection mailops.exchange.rpc, or name the file on a share.",
        )
    expected = update["package"]["size"]
    try:
        size = Path(origin).stat().st_size
    except OSError as error:
        raise CommandFailed(
            f"the package {origin} of the control node cannot be read: {error.strerror or error}",
            remedy="Check the path on the machine that runs ansible-playbook.",
        ) from None
    if expected not in (None, size):
        raise CommandFailed(
            f"the package {origin} has {size} bytes, the catalogue says {expected}",
            remedy="See whether it is the right file and language, or correct package.size.",
        )
    part = f"{path}.part"
    session.make_dir(folder)
    files.put_file(origin, part)
    try:
        digest = _verify(files, update, part, size)
    except CommandFailed:
        # What was begun with another file's beginning must not be gone on with for ever.
        files.delete(part)
        raise
    files.move_file(part, path)
    if digest:
        files.note_hash(path, digest)


def _verify(session: Session, update: Mapping[str, Any], path: str, expected: int | None) -> str | None:
    """Prove the file's size, and its hash where the catalogue wants that; returns the hash."""
    package = update["package"]
    size = session.file_size(path)
    for wanted in (expected, package["size"]):
        if wanted is not None and size != wanted:
            raise CommandFailed(
                f"{path} has {size} bytes where {wanted} are expected",
                remedy="Start again; if it stays so, see whether the host's disk is full, or correct package.size.",
            )
    if package["verify"] != "sha256":
        return None
    digest = session.file_hash(path, "sha256")
    if digest is None:
        problem = _no_hash(session)
        raise Refused(problem["what"], remedy=problem["remedy"])
    if digest != package["sha256"].lower():
        raise CommandFailed(
            f"{path} has the SHA-256 {digest}, the catalogue says {package['sha256'].lower()}",
            remedy="Do not use this file. Get the package anew, or correct package.sha256.",
        )
    return digest


def _no_hash(session: Session) -> dict[str, str]:
    # certutil of Server 2003 has no documented -hashfile, and fciv (KB 841290) knows no SHA-256.
    return {
        "what": f"{session.host} offers no way to make the SHA-256 of a file",
        "remedy": "Put a certutil.exe that knows -hashfile on the host, or set package.verify to size in a catalogue"
        " file.",
    }


def _copy(session: Session, origin: str, part: str, timeout: float, reopen: Callable[[], bool]) -> None:
    """Copy the package beside its place; once more when the share's connection went with the shell meanwhile.

    To do it twice does no harm: nobody looks at the part before it is complete and proved. A copy whose answer got
    lost is not dealt with here: the action stages anew.
    """
    # /z goes on after a short break of the network (help of copy); /y asks nothing; /b copies bytes.
    line = command("copy", Raw("/z"), Raw("/y"), Raw("/b"), quote(origin), quote(part))
    output = session.run(line, changes=True, timeout=timeout)
    if output.exit_code != 0 and session.file_size(origin) is None and reopen():
        output = session.run(line, changes=True, timeout=timeout)
    if output.exit_code != 0:
        raise CommandFailed(
            f"copying {origin} to {session.host} failed",
            exit_code=output.exit_code,
            output=output.text,
            remedy="See whether the share can be reached and the host's disk has room.",
        )


def _open_share(session: Session, share: str, user: str | None, password: str | None) -> bool:
    if not user:
        return False
    line = command("net", "use", quote(share), secret(password or ""), Raw("/user:" + quote(user)))
    for attempt in (1, 2):
        output = session.run(line, changes=True, timeout=_NET_USE_TIMEOUT, secrets=[password or ""])
        if output.exit_code == 0:
            return True
        if attempt == 1:
            # A connection that an earlier run left behind, perhaps of another account (error 1219).
            _close_share(session, share)
    text = output.text.replace(password, "********") if password else output.text
    raise CommandFailed(
        f"the share {share} cannot be opened as {user}",
        exit_code=output.exit_code,
        output=text,
        remedy="Check the account, its password, and its right to read the share.",
    )


def _close_share(session: Session, share: str) -> None:
    """Take the connection away; what went wrong before matters more than a failure here."""
    try:
        session.run(
            command("net", "use", quote(share), Raw("/delete"), Raw("/y")), changes=True, timeout=_NET_USE_TIMEOUT
        )
    except HostError as error:
        session.progress(f"the connection to {share} may be left behind: {error.message}")
