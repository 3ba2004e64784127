# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a program splits its command line into arguments (the C run-time's rules)."""

from __future__ import annotations


def split_arguments(text: str) -> list[str]:
    """Split an argument text as CommandLineToArgvW does.

    Blanks and tabs separate, double quotes group, ``\\"`` is a literal quote, and backslashes are
    literal unless a quote follows them (documented by Microsoft: "Parsing C command-line arguments").
    """
    arguments: list[str] = []
    current: list[str] = []
    started = quoted = False
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            end = index
            while end < len(text) and text[end] == "\\":
                end += 1
            count = end - index
            if end < len(text) and text[end] == '"':
                current.append("\\" * (count // 2))
                if count % 2:
                    current.append('"')
                    end += 1
            else:
                current.append("\\" * count)
            started = True
            index = end
            continue
        if char == '"':
            if quoted and text[index + 1 : index + 2] == '"':
                current.append('"')
                index += 1
            else:
                quoted = not quoted
            started = True
        elif char in " \t" and not quoted:
            if started:
                arguments.append("".join(current))
            current, started = [], False
        else:
            current.append(char)
            started = True
        index += 1
    if started:
        arguments.append("".join(current))
    return arguments


def split_words(text: str, delimiters: str = " \t,;=") -> list[str]:
    """Split the arguments of one of cmd's own commands: quotes stay, delimiters outside them separate."""
    words: list[str] = []
    current = ""
    quoted = False
    for char in text:
        if char == '"':
            quoted = not quoted
        if char in delimiters and not quoted:
            if current:
                words.append(current)
            current = ""
        else:
            current += char
    if current:
        words.append(current)
    return words


def unquote(text: str) -> str:
    """Take every double quote out, as cmd does with a file name."""
    return text.replace('"', "")
