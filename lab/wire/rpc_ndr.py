# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network data representation (C706 chapter 14, [MS-RPCE] 2.2.5): reading requests and writing answers.

Only what the lab's interfaces need, in little endian: numbers, texts, arrays, pointers, and texts of the registry and
of the security authority (RPC_UNICODE_STRING), whose letters come after the structure that holds them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable


class BadStub(Exception):
    """The parameters of a call are not what the interface says; the call ends in a fault."""


class NdrReader:
    """Reads the parameters of a call."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def align(self, size: int) -> None:
        """Skip to the next place that can be divided by `size`."""
        self._place += -self._place % size

    def raw(self, count: int) -> bytes:
        """The next bytes; raises BadStub when there are too few."""
        part = self._data[self._place : self._place + count]
        if len(part) < count:
            raise BadStub
        self._place += count
        return part

    def u8(self) -> int:
        """A byte."""
        return self.raw(1)[0]

    def u16(self) -> int:
        """A number of 16 bits."""
        self.align(2)
        return int(struct.unpack("<H", self.raw(2))[0])

    def u32(self) -> int:
        """A number of 32 bits."""
        self.align(4)
        return int(struct.unpack("<I", self.raw(4))[0])

    def pointer(self) -> bool:
        """A unique pointer: whether something is there."""
        return self.u32() != 0

    def optional(self) -> int | None:
        """A number behind a unique pointer."""
        return self.u32() if self.pointer() else None

    def varying(self, width: int = 2) -> bytes:
        """A conformant and varying array of characters of that width, in bytes."""
        most, offset, count = self.u32(), self.u32(), self.u32()
        if offset or count > most:
            raise BadStub
        return self.raw(count * width)

    def text(self) -> str:
        """A text of UTF-16 with its NUL."""
        return self.varying().decode("utf-16-le", "replace").partition("\0")[0]

    def narrow(self, encoding: str) -> str:
        """A text of bytes with its NUL."""
        return self.varying(1).decode(encoding, "replace").partition("\0")[0]

    def text_pointer(self) -> str | None:
        """A text behind a unique pointer."""
        return self.text() if self.pointer() else None

    def array(self) -> bytes:
        """A conformant array of bytes."""
        return self.raw(self.u32())

    def array_pointer(self) -> bytes | None:
        """A conformant array of bytes behind a unique pointer."""
        return self.array() if self.pointer() else None

    def unicode_head(self) -> tuple[int, int, bool]:
        """Length, room and pointer of an RPC_UNICODE_STRING; its letters follow the structure that holds it."""
        self.align(4)
        length, room = self.u16(), self.u16()
        return length, room, self.pointer()

    def unicode(self) -> str | None:
        """An RPC_UNICODE_STRING that stands for itself; its NUL is left out."""
        length, _unused, there = self.unicode_head()
        return self.unicode_letters(length) if there else None

    def unicode_letters(self, length: int) -> str:
        """The letters of an RPC_UNICODE_STRING."""
        return self.varying()[:length].decode("utf-16-le", "replace").rstrip("\0")


class NdrWriter:
    """Writes the parameters of an answer."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._referents = 0x00020000
        self._later: list[Callable[[], None]] = []

    @property
    def data(self) -> bytes:
        """What has been written."""
        return bytes(self._data)

    def align(self, size: int) -> None:
        """Fill up to the next place that can be divided by `size`."""
        self._data += bytes(-len(self._data) % size)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._data += data

    def u8(self, value: int) -> None:
        """A byte."""
        self._data.append(value)

    def u16(self, value: int) -> None:
        """A number of 16 bits."""
        self.align(2)
        self._data += struct.pack("<H", value & 0xFFFF)

    def u32(self, value: int) -> None:
        """A number of 32 bits."""
        self.align(4)
        self._data += struct.pack("<I", value & 0xFFFFFFFF)

    def pointer(self, there: bool = True) -> None:
        """A pointer; what it points to has to follow."""
        self._referents += 4
        self.u32(self._referents if there else 0)

    def optional(self, value: int | None) -> None:
        """A number behind a unique pointer."""
        self.pointer(value is not None)
        if value is not None:
            self.u32(value)

    def varying(self, data: bytes, width: int = 2, most: int | None = None) -> None:
        """A conformant and varying array of characters of that width."""
        count = len(data) // width
        self.u32(count if most is None else max(most, count))
        self.u32(0)
        self.u32(count)
        self.raw(data)

    def text(self, text: str) -> None:
        """A text of UTF-16 with its NUL."""
        self.varying((text + "\0").encode("utf-16-le"))

    def text_pointer(self, text: str | None) -> None:
        """A text behind a unique pointer."""
        self.pointer(text is not None)
        if text is not None:
            self.text(text)

    def array(self, data: bytes) -> None:
        """A conformant array of bytes."""
        self.u32(len(data))
        self.raw(data)

    def later_text(self, text: str | None) -> None:
        """A pointer to a text within a structure; the text comes with `settle`."""
        self.pointer(text is not None)
        if text is not None:
            self._later.append(lambda: self.text(text))

    def later_narrow(self, text: str | None, encoding: str) -> None:
        """The same with a text of bytes."""
        self.pointer(text is not None)
        if text is not None:
            self._later.append(lambda: self.varying((text + "\0").encode(encoding, "replace"), 1))

    def later_unicode(self, text: str | None, *, nul: bool = False) -> None:
        """An RPC_UNICODE_STRING within a structure; its letters come with `settle`. `nul`: counted with its end."""
        data = b"" if text is None else (text + ("\0" if nul else "")).encode("utf-16-le")
        self.align(4)
        self.u16(len(data))
        self.u16(len(data))
        self.pointer(text is not None)
        if text is not None:
            self._later.append(lambda: self.varying(data))

    def later(self, action: Callable[[], None]) -> None:
        """Something behind a pointer within a structure; it is written with `settle`."""
        self._later.append(action)

    def settle(self) -> None:
        """The structure is complete: what its pointers point to follows."""
        while self._later:
            waiting, self._later = self._later, []
            for action in waiting:
                action()

    def unicode(self, text: str | None, *, nul: bool = False) -> None:
        """An RPC_UNICODE_STRING that stands for itself."""
        self.later_unicode(text, nul=nul)
        self.settle()
