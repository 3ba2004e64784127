# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management messages: reading requests, writing answers and faults as Windows does ([MS-WSMV])."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
MICROSOFT = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
CMD = f"{SHELL}/cmd"
IDENTITY = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
#: Windows' own clients ask and answer with `identity` (DSP0226), others with what MS-WSMV writes [V for both].
IDENTITIES = (IDENTITY, "http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd")
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
CONFIG = "http://schemas.microsoft.com/wbem/wsman/1/config"
ANONYMOUS = f"{ADDRESSING}/role/anonymous"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"

#: MaxEnvelopeSizekb of WinRM 2.0 is 150 [R]; the answers of both versions fit into it.
MAX_ENVELOPE = 153600

_ENVELOPE = (
    f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}" xmlns:w="{WSMAN}"'
    f' xmlns:rsp="{SHELL}" xmlns:p="{MICROSOFT}"><s:Header><a:Action>%s</a:Action><a:MessageID>uuid:%s</a:MessageID>'
    f"<a:To>{ANONYMOUS}</a:To>%s</s:Header><s:Body>%s</s:Body></s:Envelope>"
)
_DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$")


class Fault(Exception):
    """A fault to answer with: WS-Man code, SOAP code and subcode, text."""

    def __init__(self, code: int, subcode: str, text: str, *, sender: bool = True) -> None:
        super().__init__(text)
        self.code = code
        self.subcode = subcode
        self.text = text
        self.sender = sender


# Codes and texts of Windows: 2150858793, 2150858843, 2150859173 [V, quoted in public issues of WinRM clients];
# 5 and 87 are Win32 codes; the others [R].
def timed_out() -> Fault:
    """Nothing happened within OperationTimeout: the client asks again."""
    text = "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  "
    return Fault(2150858793, "w:TimedOut", text, sender=False)


def shell_not_found(shell: str) -> Fault:
    """The shell is not there (any more)."""
    text = (
        f"The request for the Windows Remote Shell with ShellId {shell} failed because the shell was not found on the"
        " server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the server."
        " Provide the correct ShellId or create a new shell and retry the operation. "
    )
    return Fault(2150858843, "w:InvalidSelectors", text)


def too_many_shells(limit: int) -> Fault:
    """The user has left too many shells open."""
    text = (
        "The WS-Management service cannot process the request. This user is allowed a maximum number of"
        f" {limit} concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user. "
    )
    return Fault(2150859173, "w:QuotaLimit", text)


def access_denied() -> Fault:
    """The user is no administrator of the host."""
    return Fault(5, "w:AccessDenied", "Access is denied. ")


def invalid_parameter(what: str) -> Fault:
    """A value that makes no sense here."""
    return Fault(87, "w:InvalidParameter", f"The parameter is incorrect: {what}. ")


def unsupported(action: str) -> Fault:
    """An operation or a resource that there is none of."""
    text = f"The action is not supported by the service: {action} "
    return Fault(2150858754, "a:ActionNotSupported", text)


@dataclass
class Message:
    """A request: its header fields, options and body."""

    action: str
    resource: str
    message_id: str
    selectors: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    envelope_size: int = MAX_ENVELOPE
    body: ET.Element | None = None
    identify: bool = False

    @property
    def shell_id(self) -> str:
        """The shell it is for."""
        return next((value for name, value in self.selectors.items() if name.lower() == "shellid"), "")

    def option(self, name: str) -> str:
        """An option's value; names are compared without regard to case."""
        return next((value for key, value in self.options.items() if key.upper() == name), "")


def seconds(duration: str) -> float:
    """The seconds of an xs:duration such as PT60S or PT20.000S; raises ValueError."""
    match = _DURATION.match(duration.strip())
    if not match:
        raise ValueError(duration)
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest


def parse(content: bytes) -> Message:
    """Read a request; raises ValueError when it is no SOAP message."""
    try:
        envelope = ET.fromstring(content)
    except ET.ParseError as error:
        raise ValueError(str(error)) from error
    if envelope.tag != f"{{{SOAP}}}Envelope":
        raise ValueError(envelope.tag)
    body = envelope.find(f"{{{SOAP}}}Body")
    header = envelope.find(f"{{{SOAP}}}Header")
    first = body[0] if body is not None and len(body) else None
    if first is not None and first.tag in [f"{{{space}}}Identify" for space in IDENTITIES]:
        return Message("", "", "", body=first, identify=True)
    if header is None:
        raise ValueError("no header")
    message = Message(
        action=_text(header, f"{{{ADDRESSING}}}Action"),
        resource=_text(header, f"{{{WSMAN}}}ResourceURI"),
        message_id=_text(header, f"{{{ADDRESSING}}}MessageID"),
        body=first,
    )
    for entry in header.iterfind(f"{{{WSMAN}}}SelectorSet/{{{WSMAN}}}Selector"):
        message.selectors[entry.get("Name", "")] = (entry.text or "").strip()
    for entry in header.iterfind(f"{{{WSMAN}}}OptionSet/{{{WSMAN}}}Option"):
        message.options[entry.get("Name", "")] = (entry.text or "").strip()
    timeout = _text(header, f"{{{WSMAN}}}OperationTimeout")
    message.timeout = seconds(timeout) if timeout else message.timeout
    size = _text(header, f"{{{WSMAN}}}MaxEnvelopeSize")
    if size.isdecimal():
        message.envelope_size = min(int(size), MAX_ENVELOPE)
    return message


def _text(header: ET.Element, tag: str) -> str:
    return (header.findtext(tag) or "").strip()


def answer(request: Message, action: str, body: str) -> bytes:
    """An answer; `body` is XML that uses the prefixes s, a, x, w, rsp and p."""
    relates = f"<a:RelatesTo>{escape(request.message_id)}</a:RelatesTo>" if request.message_id else ""
    return (_ENVELOPE % (action, str(uuid.uuid4()).upper(), relates, body)).encode()


def fault(request: Message, problem: Fault, machine: str) -> bytes:
    """The answer that says what went wrong."""
    text = escape(problem.text)
    body = (
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if problem.sender else 'Receiver'}</s:Value><s:Subcode>"
        f'<s:Value>{problem.subcode}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">{text}</s:Text>'
        f'</s:Reason><s:Detail><f:WSManFault xmlns:f="{FAULT}" Code="{problem.code}" Machine={quoteattr(machine)}>'
        f"<f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    return answer(request, FAULT_ACTION, body)


def identity(version: str) -> bytes:
    """The answer to Identify."""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}"><s:Header/><s:Body><wsmid:IdentifyResponse'
        f' xmlns:wsmid="{IDENTITY}"><wsmid:ProtocolVersion>{WSMAN}</wsmid:ProtocolVersion>'
        "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        f"<wsmid:ProductVersion>{escape(version)}</wsmid:ProductVersion></wsmid:IdentifyResponse></s:Body></s:Envelope>"
    ).encode()
