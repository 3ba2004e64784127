# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Negotiate logon of pypsrp, begun with the first request instead of after a refusal.

pypsrp sends an empty request, is told 401, and only then begins; the host asks for a logon in any case, so its first
message can go at once. That saves one of seven exchanges of a session with one command. Anything unexpected falls
back to pypsrp's own way.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

try:
    import spnego
    from pypsrp.negotiate import HTTPNegotiateAuth
except ImportError:  # said by winrm_transport.require(), when a session is opened
    HTTPNegotiateAuth = object  # type: ignore[assignment,misc]


class EagerNegotiate(HTTPNegotiateAuth):
    """Logs a connection on in two exchanges."""

    _begun: Any = None

    @classmethod
    def instead_of(cls, auth: HTTPNegotiateAuth) -> EagerNegotiate:
        """The same logon, begun earlier."""
        return cls(
            username=auth.username,
            password=auth.password,
            auth_provider=auth.auth_provider,
            send_cbt=auth.send_cbt,
            service=auth.service,
            delegate=auth.delegate,
            hostname_override=auth.hostname_override,
            wrap_required=auth.wrap_required,
        )

    def __call__(self, request: Any) -> Any:
        """Put the first message of the logon into the first request. requests calls this for each request."""
        request = super().__call__(request)
        parts = urlsplit(request.url)
        # Over TLS the logon is bound to the host's certificate, which is not known before the connection.
        if not self.contexts and parts.scheme == "http" and "Authorization" not in request.headers:
            context = spnego.client(
                self.username,
                self.password,
                hostname=self.hostname_override or parts.hostname,
                service=self.service,
                context_req=spnego.ContextReq.default | (spnego.ContextReq.delegate if self.delegate else 0),
                protocol=self.auth_provider,
                options=spnego.NegotiateOptions.wrapping_winrm if self.wrap_required else spnego.NegotiateOptions.none,
            )
            token = context.step()
            if token:
                self._set_auth_token(request, token, "Negotiate")
                self._begun = (parts.hostname, context)
        return request

    def response_hook(self, response: Any, **options: Any) -> Any:
        """Go on with the logon that was begun; requests calls this for each answer."""
        begun, self._begun = self._begun, None
        if begun is None:
            return super().response_hook(response, **options)
        host, context = begun
        token = self._get_auth_token(response, self._regex)
        if not token:
            # The host does not want it this way: begin again, as it asks.
            return super().response_hook(response, **options)
        answer = context.step(token)
        if answer:
            response.content  # noqa: B018  # read to its end, so that the connection can go on
            response.raw.release_conn()
            request = response.request.copy()
            self._set_auth_token(request, answer, "Negotiate")
            response = response.connection.send(request, **options)
            last = self._get_auth_token(response, self._regex)
            if last and not context.complete:
                context.step(last)
        context.response_auth_header = "negotiate"
        self.contexts[host] = context
        return response
