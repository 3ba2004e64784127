# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running parsed commands: redirections, operators, ``if``, ``call`` and the choice of the program.

A command has a *return code*, which decides ``&&`` and ``||``, and usually leaves it as ERRORLEVEL.
Some of cmd's own commands do not touch ERRORLEVEL (echo, rem, if, for), and ``rd`` sets it only where
``||`` asks for it. [V] public tables of "what sets ERRORLEVEL".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import Win32Error
from ..scratch import is_scratch
from . import find_program, loops, percent
from .argv import split_arguments, split_words, unquote
from .call import Call, Program
from .commands import BUILTINS, Quiet
from .conditions import holds
from .filesystem import Disk
from .parser import DELIMITERS, Parser
from .streams import Capture, Discard, FileSink, Sink, Source, Streams
from .syntax import Block, Chain, For, If, Node, Redirect, Simple, SyntaxProblem
from .variables import Variables
from .waiting import Timer
from .wording import win32_text, wording

if TYPE_CHECKING:
    from ..world import Context
    from .batch import Frame

MAX_LINE = 8191  # [V] command-line-string-limitation, XP and later
NOT_RECOGNIZED = 9009
SYNTAX_ERROR = 255
NUL = ("nul", "nul:", "\\\\.\\nul")


class ExitShell(Exception):
    """``exit``: the whole interpreter ends."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ExitBatch(Exception):
    """``exit /b`` or ``goto :eof``; ``code`` None keeps ERRORLEVEL."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


def signed(code: int) -> int:
    """An exit code as cmd shows it: 32 bit, signed."""
    code &= 0xFFFFFFFF
    return code - (1 << 32) if code & 0x80000000 else code


class Shell:
    """One instance of cmd.exe."""

    def __init__(self, context: Context, *, delayed: bool = False) -> None:
        self.context = context
        self.variables = Variables(context.environment)
        self.disk = Disk(context)
        self.timer = Timer(context)
        self.errorlevel = 0
        self.echo = True
        self.delayed = delayed
        self._changing = False
        self.command_line = ""
        self.loops: dict[str, str] = {}
        self.frame: Frame | None = None

    def child(self) -> Shell:
        """The new instance that one side of a pipe, ``cmd`` or a command of ``for /f`` runs in."""
        environment = self.variables.as_dict()
        shell = Shell(dataclasses.replace(self.context, environment=environment), delayed=self.delayed)
        shell.errorlevel = self.errorlevel
        shell.loops = dict(self.loops)
        shell.frame = self.frame
        shell.echo = self.echo
        shell.timer = self.timer
        return shell

    @property
    def changing(self) -> bool:
        """Whether a command of a changing kind was executed."""
        return self._changing

    @changing.setter
    def changing(self, value: bool) -> None:
        self._changing = value
        if value and self.context.job is not None:
            self.context.job.changing = True

    @property
    def encoding(self) -> str:
        """Python's name of the host's OEM code page."""
        return f"cp{self.context.host.oem_codepage}"

    def text(self, key: str, **values: object) -> str:
        """A text in the host's language."""
        return wording(self.context.host.language, key, **values)

    def complain(self, streams: Streams, text: str) -> None:
        """Write an error message of cmd itself."""
        streams.err.write(text.replace("\n", "\r\n") + "\r\n")

    # -- variables ----------------------------------------------------------------------------------

    def lookup(self, name: str) -> str | None:
        """A variable's value, the ones that cmd computes included (a defined one of that name goes first)."""
        value = self.variables.get(name)
        if value is not None:
            return value
        moment = self.context.host.local_time
        computed: dict[str, Callable[[], str]] = {
            "ERRORLEVEL": lambda: str(self.errorlevel),
            "CD": lambda: self.context.cwd,
            "DATE": lambda: moment.strftime("%a %m/%d/%Y"),
            "TIME": lambda: f"{moment.hour:2}{moment.strftime(':%M:%S')}.{moment.microsecond // 10000:02}",
            "RANDOM": lambda: str(self.context.world.random.randrange(32768)),
            "CMDCMDLINE": lambda: self.command_line,
            "CMDEXTVERSION": lambda: "2",
        }
        value_of = computed.get(name.upper())
        return value_of() if value_of else None

    def expand(self, line: str) -> str:
        """Percent expansion as it is done where this shell stands: in a batch file or at the prompt."""
        if self.frame is None:
            return percent.expand_prompt(line, self.lookup)
        return percent.expand_batch(line, self.lookup, self.frame.arguments, self.disk.modify)

    def substitute(self, text: str) -> str:
        """The late expansions: variables of ``for``, then ``!NAME!`` where that is switched on."""
        if self.loops:
            text = loops.substitute(text, self.loops, self.disk.modify)
        return percent.expand_delayed(text, self.lookup) if self.delayed else text

    # -- lines --------------------------------------------------------------------------------------

    def line(self, line: str, streams: Streams) -> int:
        """Run a line as ``cmd /c`` does. Returns its exit code; raises ExitShell for ``exit``."""
        self.command_line = f'cmd /c "{line}"'
        line = line.replace("\r", "").split("\n", 1)[0]
        if len(line) > MAX_LINE:
            self.complain(streams, self.text("cmd.line_too_long"))
            return 1
        try:
            node = Parser(self.expand(line)).parse()
        except (SyntaxProblem, RecursionError) as problem:
            self.syntax_error(problem if isinstance(problem, SyntaxProblem) else SyntaxProblem(None), streams)
            return SYNTAX_ERROR
        if node is None:
            return 0
        code = self.run(node, streams)
        code = code or self.errorlevel
        return 1 if code == NOT_RECOGNIZED else code

    def syntax_error(self, problem: SyntaxProblem, streams: Streams) -> None:
        """Say what was not expected."""
        if problem.token is None:
            self.complain(streams, self.text("cmd.syntax"))
        else:
            self.complain(streams, self.text("cmd.unexpected", token=problem.token))
        self.errorlevel = SYNTAX_ERROR

    # -- nodes --------------------------------------------------------------------------------------

    def run(self, node: Node, streams: Streams) -> int:
        """Run a node; returns its return code."""
        match node:
            case Simple():
                return self._simple(node, streams)
            case Block():
                opened = self._open(node.redirects, streams)
                if opened is None:
                    return 1
                with self.disk.holding(self._written(node.redirects)):
                    return self.run(node.body, opened)
            case Chain():
                return self._chain(node, streams)
            case If():
                if holds(self, node):
                    return self.run(node.then, streams)
                return self.run(node.otherwise, streams) if node.otherwise else 0
            case For():
                return loops.run_for(self, node, streams)

    def _chain(self, node: Chain, streams: Streams) -> int:
        if node.operator == "|":
            return self._pipe(node, streams)
        if node.operator == "&":
            return self._in_turn(node, streams)
        code = self.run(node.left, streams)
        if node.operator == "&&" and code:
            return code
        if node.operator == "||":
            if not code:
                return code
            # "||" makes cmd set ERRORLEVEL even after commands that otherwise leave it alone.
            self.errorlevel = code
        return self.run(node.right, streams)

    def _in_turn(self, node: Chain, streams: Streams) -> int:
        """A long line can hold hundreds of commands: they are run one by one, not one inside the other."""
        commands: list[Node] = []
        first: Node = node
        while isinstance(first, Chain) and first.operator == "&":
            commands.append(first.right)
            first = first.left
        code = self.run(first, streams)
        for command in reversed(commands):
            code = self.run(command, streams)
        return code

    def _pipe(self, node: Chain, streams: Streams) -> int:
        middle = Capture()
        left = streams.copy()
        left.sinks[1] = middle
        self._side(node.left, left)
        right = streams.copy()
        right.source = Source(middle.text)
        self.errorlevel = self._side(node.right, right)
        return self.errorlevel

    def _side(self, node: Node, streams: Streams) -> int:
        """One side of a pipe runs in its own cmd, which parses a command of cmd's own anew."""
        shell = self.child()
        try:
            if isinstance(node, Simple) and not node.redirects and self.builtin(node.text):
                shell.frame = None
                code = shell.line(self.substitute(node.text), streams)
            else:
                code = shell.run(node, streams)
        except ExitShell as ended:
            code = ended.code
        except ExitBatch as ended:
            code = shell.errorlevel if ended.code is None else ended.code
        self.changing |= shell.changing
        return code

    def _open(self, redirects: list[Redirect], streams: Streams) -> Streams | None:
        """Redirect handles from left to right; None after a message when a file cannot be opened."""
        opened = streams.copy() if redirects else streams
        for redirect in redirects:
            if redirect.mode == "<&":
                continue
            if redirect.mode == ">&":
                opened.sinks[redirect.handle] = opened.sinks.get(int(redirect.target), Discard())
                continue
            name = unquote(self.substitute(redirect.target))
            try:
                if redirect.mode == "<":
                    opened.source = self._input(name)
                else:
                    opened.sinks[redirect.handle] = self._output(name, redirect.mode == ">>")
            except Win32Error as problem:
                self.complain(streams, win32_text(self.context.host.language, problem.code))
                self.errorlevel = 1
                return None
        return opened

    def _input(self, name: str) -> Source:
        if name.lower() in NUL:
            return Source("")
        return Source(self.disk.read(name).decode(self.encoding, errors="replace"))

    def _output(self, name: str, append: bool) -> Sink:
        if name.lower() in NUL:
            return Discard()
        path = self.disk.resolve(name)
        self.changing |= self.context.job is None or not is_scratch(path)
        if not append or not self.disk.exists(path):
            self.disk.write(path, b"")
        return FileSink(lambda data: self.disk.append(path, data), self.encoding)

    # -- simple commands ----------------------------------------------------------------------------

    def _simple(self, node: Simple, streams: Streams) -> int:
        opened = self._open(node.redirects, streams)
        if opened is None:
            return 1
        if not node.text.strip():
            return 0
        name = self.substitute(node.name)
        rest = self.substitute(node.rest)
        if name != node.name and not name.startswith('"'):
            # A variable gave the name: what follows a delimiter in it is argument text.
            name, extra = _split_name(name)
            rest = extra + rest
        with self.disk.holding(self._written(node.redirects)):
            return self.execute(name, rest, opened)

    def _written(self, redirects: list[Redirect]) -> list[str]:
        """The files that redirections write into; while the command runs, nobody else can have them for himself."""
        names = [unquote(self.substitute(each.target)) for each in redirects if each.mode in (">", ">>")]
        return [self.disk.resolve(name) for name in names if name.lower() not in NUL]

    def builtin(self, text: str) -> str | None:
        """The name of cmd's own command that a text starts with, also in ``echo.``, ``cd..`` or ``dir/b``."""
        name = _split_name(text)[0].lower()
        if name in BUILTINS or name == "call":
            return name
        for index, char in enumerate(name):
            if char in './\\:+[]("' and name[:index] in BUILTINS:
                return name[:index]
        return None

    def execute(self, name: str, rest: str, streams: Streams) -> int:
        """Run one command by name and argument text; sets ERRORLEVEL as that command does."""
        builtin = self.builtin(name)
        if builtin == "call":
            return self._call(rest, streams)
        if builtin:
            return self._builtin(builtin, name[len(builtin) :] + rest, streams)
        found = find_program.find(self, name, rest)
        if isinstance(found, find_program.BatchFile):
            from .batch import run_file  # the batch runner builds on this module

            code = run_file(self, found.path, rest, streams)
            if self.frame is not None:
                raise ExitBatch(code)  # without "call" a batch file does not come back
            return code
        if isinstance(found, find_program.Missing):
            self.complain(streams, found.message)
            self.errorlevel = found.code
            return found.code
        return self.start(found, name, rest, streams)

    def start(self, found: find_program.Found, name: str, rest: str, streams: Streams) -> int:
        """Run a console program to its end."""
        call = Call(self, name, rest, split_arguments(rest), streams, found.path)
        program: Program = found.program
        self.changing |= program.changes(call.argv)
        if self.context.job is not None and program.name != "cmd":
            self.context.job.ran(name + rest)
        try:
            code = program.run(call)
        except Win32Error as problem:
            call.complain(call.win32(problem.code))
            code = 1
        self.timer.check()
        self.errorlevel = signed(code)
        return self.errorlevel

    def _own_tools(self, name: str, rest: str) -> bool:
        """Whether a command of a client's job only handles the files that the job consists of, or starts its parts."""
        if self.context.job is None:
            return False
        names = [unquote(word) for word in split_words(rest) if not word.startswith("/")]
        if name == "start":
            return True
        if name in ("ren", "rename"):
            names = names[:1]  # the second name has no folder
        return bool(names) and all(is_scratch(self.disk.resolve_pattern(each)) for each in names)

    def _builtin(self, name: str, rest: str, streams: Streams) -> int:
        command = BUILTINS[name]
        call = Call(self, name, rest, [], streams)
        # "/?" among the arguments asks for help, also behind the text of an echo; "echo(" is not caught [R].
        if rest[:1] in DELIMITERS and "/?" in split_words(rest) and name != "rem":
            call.line(call.text("cmd.help", name=name.upper()))
            self.errorlevel = 1
            return 1
        if command.changes and not self._own_tools(name, rest):
            self.changing = True
            if self.context.job is not None:
                self.context.job.ran(name + rest)
        try:
            code = command.run(call)
        except Win32Error as problem:
            call.complain(call.win32(problem.code))
            code = 1
        if isinstance(code, Quiet):
            return code.code
        if code is None:
            return 0
        self.errorlevel = signed(code)
        return self.errorlevel

    def _call(self, rest: str, streams: Streams) -> int:
        """``call``: carets are doubled, then the text is expanded and parsed once more.

        [V] public analyses of cmd's parser: redirections that appear only now are dropped, and the call is
        given up without a message when an operator appears.
        """
        try:
            node = Parser(self.expand(rest.lstrip(" \t,;=").replace("^", "^^"))).parse_call()
        except SyntaxProblem:
            self.errorlevel = 1
            return 1
        if node is None:
            self.errorlevel = 0  # "call" alone clears it
            return 0
        if node.name.startswith(":") and self.frame is not None:
            from .batch import run_label

            return run_label(self, node.name[1:], node.rest, streams)
        if self.builtin(node.text) is None:
            found = find_program.find(self, node.name, node.rest)
            if isinstance(found, find_program.BatchFile):
                from .batch import run_file

                return run_file(self, found.path, node.rest, streams)
        return self.execute(node.name, node.rest, streams)


def _split_name(text: str) -> tuple[str, str]:
    """The first word of a text, quotes kept together, and the rest."""
    quoted = False
    for index, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char in " \t,;=" and not quoted:
            return text[:index], text[index:]
    return text, ""
