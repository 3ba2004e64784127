# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough HTTP/1.1 for WS-Management: requests with a body, persistent connections."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

MAX_HEAD = 65536
#: The largest request that is read; WinRM's own limit is 500 KB at most.
MAX_BODY = 524288

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    501: "Not Implemented",
}


class BadRequest(Exception):
    """What came is no request that can be answered; `status` is the HTTP status that says so."""

    def __init__(self, status: int = 400) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Request:
    """One request; the names of headers are lower case."""

    method: str
    target: str
    version: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Response:
    """One response."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    close: bool = False

    def pack(self, date: datetime) -> bytes:
        """The bytes to send. `date` is the simulated time: a client can learn the server's clock from it."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Error')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += ["Server: Microsoft-HTTPAPI/1.0", f"Date: {format_datetime(date, usegmt=True)}"]
        if self.close:
            lines.append("Connection: close")
        lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


class Reader:
    """Requests of one connection, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def _more(self) -> bool:
        data = self._connection.recv(65536)
        self._buffer += data
        return bool(data)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD or not self._more():
                raise BadRequest
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _exactly(self, length: int) -> bytes:
        while len(self._buffer) < length:
            if not self._more():
                raise BadRequest
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    def read(self) -> Request | None:
        """The next request; None when the client has closed. Raises BadRequest for what is none."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadRequest
            if not self._more():
                return None
        head = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        parts = head[0].split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise BadRequest
        headers: dict[str, str] = {}
        for line in head[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadRequest
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Request(parts[0], parts[1], parts[2], headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise BadRequest
        if int(length) > MAX_BODY:
            raise BadRequest(413)
        return self._exactly(int(length))

    def _chunks(self) -> bytes:
        body = b""
        while True:
            try:
                size = int(self._line().partition(b";")[0], 16)
            except ValueError as error:
                raise BadRequest from error
            if len(body) + size > MAX_BODY:
                raise BadRequest(413)
            body += self._exactly(size)
            if not size:
                while self._line():  # trailers, if any, up to the empty line
                    continue
                return body
            self._line()
