# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotes, carets, operators, parentheses and redirections of a line whose variables are expanded already."""

from __future__ import annotations

from collections.abc import Callable

from .syntax import Block, Chain, For, If, Node, Redirect, Simple, SyntaxProblem

DELIMITERS = " \t,;=\x0b\x0c\xff"
COMPARISONS = ("equ", "neq", "lss", "leq", "gtr", "geq")


class Parser:
    """Reads commands from a text. ``more`` gives the following line of a batch file, or None at its end."""

    def __init__(self, text: str, more: Callable[[], str | None] | None = None) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self._more = more

    def parse(self) -> Node | None:
        """The whole line; None when it holds no command (blank, or only a label).

        Raises SyntaxProblem. Nothing of a line is executed when a part of it does not parse, as in cmd.
        """
        self._skip_delimiters()
        if self._at_end() or self._peek() == ":":
            return None
        node = self._sequence()
        self._skip_delimiters()
        if not self._at_end():
            raise SyntaxProblem(self._peek())
        return node

    def parse_call(self) -> Simple | None:
        """The text after ``call``: one simple command, anything else is refused (SyntaxProblem)."""
        self._skip_delimiters()
        if self._at_end():
            return None
        if self._peek() in "(@&|":
            raise SyntaxProblem(self._peek())
        node = self._simple([], False)
        if not self._at_end():
            raise SyntaxProblem(self._peek() or None)
        node.redirects.clear()
        return node

    # -- characters ---------------------------------------------------------------------------------

    def _peek(self, length: int = 1) -> str:
        return self.text[self.position : self.position + length]

    def _at_end(self) -> bool:
        return self.position >= len(self.text)

    def _skip_delimiters(self, extra: str = "") -> None:
        while not self._at_end() and self.text[self.position] in DELIMITERS + extra:
            self.position += 1

    def _continue_line(self) -> bool:
        """Take in the next line of the batch file (after a caret at the end, or inside parentheses)."""
        line = self._more() if self._more else None
        if line is None:
            return False
        self.text += line
        return True

    def _read_escaped(self) -> str:
        """The character that a caret protects; a caret at the end of a line joins the next one."""
        self.position += 1
        if self._at_end() and not self._continue_line():
            return ""
        if self._peek() == "\n":
            self.position += 1
        return "" if self._at_end() else self._take()

    def _take(self) -> str:
        char = self.text[self.position]
        self.position += 1
        return char

    def _word(self, stop: str = DELIMITERS) -> str:
        """One word with its quotes, carets taken out; may be empty."""
        word = ""
        quoted = False
        while not self._at_end():
            char = self._peek()
            if char == "\n":
                break
            if char == '"':
                quoted = not quoted
            elif not quoted:
                if char == "^":
                    word += self._read_escaped()
                    continue
                if char in stop or char in "&|<>" or (char == ")" and self.depth):
                    break
            word += self._take()
        return word

    def _keyword(self, word: str) -> bool:
        """Whether the next word is this one (any case) and ends there."""
        found = self._peek(len(word))
        after = self.text[self.position + len(word) : self.position + len(word) + 1]
        return found.lower() == word and (not after or after in DELIMITERS + "(&|<>\n/\"'%@)")

    # -- operators ----------------------------------------------------------------------------------

    def _sequence(self) -> Node:
        left = self._joined("||")
        while True:
            self._skip_delimiters()
            if self._peek() != "&" or self._peek(2) == "&&":
                return left
            self.position += 1
            self._skip_delimiters()
            if self._at_end() or self._peek() in ")\n":
                return left
            left = Chain(left, "&", self._joined("||"))

    def _joined(self, operator: str) -> Node:
        lower = {"||": "&&", "&&": "|"}.get(operator)
        left = self._joined(lower) if lower else self._command()
        self._skip_delimiters()
        matches = self._peek(len(operator)) == operator and not (operator == "|" and self._peek(2) == "||")
        if not matches:
            return left
        self.position += len(operator)
        self._skip_delimiters(extra="\n" if self.depth else "")
        if self._at_end() and not (self.depth and self._continue_line()):
            raise SyntaxProblem(None)
        return Chain(left, operator, self._joined(operator))

    # -- commands -----------------------------------------------------------------------------------

    def _command(self) -> Node:
        redirects: list[Redirect] = []
        quiet = False
        while True:
            self._skip_delimiters()
            if self._peek() == "@":
                quiet = True
                self.position += 1
            elif self._leading_redirect():
                redirects.append(self._redirect(self._handle_before()))
            else:
                break
        if self._at_end():
            if redirects:
                return Simple("", "", redirects, quiet)
            raise SyntaxProblem(None)
        if self._peek() == "(":
            return self._block(redirects, quiet)
        if self._peek() in "&|)":
            raise SyntaxProblem(self._peek(2) if self._peek(2) in ("&&", "||") else self._peek())
        if self._keyword("if") and not redirects:
            node = self._if()
            node.quiet = quiet
            return node
        if self._keyword("for") and not redirects:
            loop = self._for()
            loop.quiet = quiet
            return loop
        return self._simple(redirects, quiet)

    def _leading_redirect(self) -> bool:
        text = self._peek(2)
        return text[:1] in ("<", ">") or (text[:1].isdigit() and text[1:] in ("<", ">"))

    def _handle_before(self) -> int | None:
        if self._peek().isdigit():
            return int(self._take())
        return None

    def _redirect(self, handle: int | None) -> Redirect:
        mode = self._take()
        if mode == ">" and self._peek() == ">":
            mode += self._take()
        number = handle if handle is not None else (0 if mode == "<" else 1)
        if self._peek() == "&":
            self.position += 1
            self._skip_delimiters()
            target = self._take() if not self._at_end() else ""
            if not target.isdigit():
                raise SyntaxProblem(target or None)
            return Redirect(number, mode[0] + "&", target)
        self._skip_delimiters()
        target = self._word()
        if not target:
            raise SyntaxProblem(self._peek() if not self._at_end() else None)
        return Redirect(number, mode, target)

    def _block(self, redirects: list[Redirect], quiet: bool) -> Node:
        self.position += 1
        self.depth += 1
        parts: list[Node] = []
        while True:
            self._skip_delimiters(extra="\n")
            if self._at_end():
                if not self._continue_line():
                    raise SyntaxProblem(None)
                continue
            if self._peek() == ")":
                break
            parts.append(self._sequence())
            self._skip_delimiters()
            if not self._at_end() and self._peek() not in "\n)":
                raise SyntaxProblem(self._peek())
        if not parts:
            raise SyntaxProblem(")")
        self.position += 1
        self.depth -= 1
        body = parts[0]
        for part in parts[1:]:
            body = Chain(body, "&", part)
        while True:
            self._skip_delimiters()
            if not self._leading_redirect():
                break
            redirects.append(self._redirect(self._handle_before()))
        if not self._at_end() and self._peek() not in "&|)\n" and not self._keyword("else"):
            raise SyntaxProblem(self._word() or self._peek())
        return Block(body, redirects, quiet)

    def _simple(self, redirects: list[Redirect], quiet: bool) -> Simple:
        text = ""
        name_end: int | None = None
        plain = False  # the last character of text came neither from quotes nor from a caret
        quoted = False
        while not self._at_end():
            char = self._peek()
            if char == "\n":
                break
            if char == '"':
                quoted = not quoted
            elif not quoted:
                if char == "^":
                    text += self._read_escaped()
                    plain = False
                    continue
                if char in "&|" or (char == ")" and self.depth):
                    break
                if char in "<>":
                    text, handle = self._split_handle(text, plain)
                    if name_end is not None:
                        name_end = min(name_end, len(text))
                    redirects.append(self._redirect(handle))
                    plain = False
                    continue
                if name_end is None and char in DELIMITERS:
                    name_end = len(text)
                    if text.lower() == "rem":
                        self._skip_comment()
                        continue
            text += self._take()
            plain = not quoted
        name = text if name_end is None else text[:name_end]
        return Simple(name, text[len(name) :], redirects, quiet)

    def _skip_comment(self) -> None:
        self._skip_delimiters()
        if not self._at_end() and self._peek() not in "&|<>":
            end = self.text.find("\n", self.position)
            self.position = len(self.text) if end < 0 else end

    @staticmethod
    def _split_handle(text: str, plain: bool) -> tuple[str, int | None]:
        """A single digit right before the sign is the handle when a delimiter stands before it."""
        if plain and text[-1:].isdigit() and text[-1:].isascii() and (len(text) == 1 or text[-2] in DELIMITERS):
            return text[:-1], int(text[-1])
        return text, None

    # -- if and for ---------------------------------------------------------------------------------

    def _if(self) -> If:
        self.position += 2
        negated = ignore_case = False
        while True:
            self._skip_delimiters()
            if self._keyword("/i"):
                ignore_case = True
                self.position += 2
            elif self._keyword("not"):
                negated = not negated
                self.position += 3
            else:
                break
        kind, operands = self._condition()
        self._skip_delimiters()
        if self._at_end():
            raise SyntaxProblem(None)
        start = self.position
        if self._peek() == "(":
            block = self._block([], False)
            self._skip_delimiters()
            if self._keyword("else"):
                self.position += 4
                self._skip_delimiters()
                if self._at_end():
                    raise SyntaxProblem(None)
                return If(kind, operands, negated, ignore_case, block, self._sequence())
            self.position = start
        return If(kind, operands, negated, ignore_case, self._sequence())

    def _condition(self) -> tuple[str, tuple[str, ...]]:
        for kind in ("exist", "defined", "errorlevel", "cmdextversion"):
            if self._keyword(kind):
                self.position += len(kind)
                self._skip_delimiters()
                operand = self._word(DELIMITERS + "(" if kind == "errorlevel" else DELIMITERS)
                if not operand:
                    raise SyntaxProblem(None)
                return kind, (operand,)
        left = self._word()
        self._skip_blanks()
        if self._peek(2) == "==":
            self.position += 2
            self._skip_blanks()
            right = self._word()
            return "==", (left, right)
        operator = self._word().lower()
        if not left or operator not in COMPARISONS:
            raise SyntaxProblem(operator or left or None)
        self._skip_blanks()
        right = self._word()
        if not right:
            raise SyntaxProblem(None)
        return operator, (left, right)

    def _skip_blanks(self) -> None:
        while self._peek() in (" ", "\t"):
            self.position += 1

    def _for(self) -> For:
        self.position += 3
        self._skip_delimiters()
        kind = options = ""
        if self._peek() == "/":
            kind = self._word()[1:].lower()
            if kind not in ("f", "l", "d"):
                raise SyntaxProblem("/" + kind)
            self._skip_delimiters()
            if self._peek() != "%":
                options = self._word()
                self._skip_delimiters()
        variable = self._word()
        if len(variable) != 2 or variable[0] != "%":
            raise SyntaxProblem(variable or None)
        self._skip_delimiters()
        if not self._keyword("in"):
            raise SyntaxProblem(self._word() or None)
        self.position += 2
        self._skip_delimiters()
        if self._peek() != "(":
            raise SyntaxProblem(self._word() or None)
        self.position += 1
        values = self._values()
        self._skip_delimiters()
        if not self._keyword("do"):
            raise SyntaxProblem(self._word() or None)
        self.position += 2
        return For(kind, options, variable[1], values, self._sequence())

    def _values(self) -> str:
        values = ""
        quoted = False
        while True:
            if self._at_end():
                if not self._continue_line():
                    raise SyntaxProblem(None)
                continue
            char = self._peek()
            if char == "\n":
                self.position += 1
                values += " "
                quoted = False
                continue
            if char == '"':
                quoted = not quoted
            elif not quoted:
                if char == "^":
                    values += self._read_escaped()
                    continue
                if char == ")":
                    self.position += 1
                    return values
            values += self._take()
