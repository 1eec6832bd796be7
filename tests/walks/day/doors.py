"""The doors as a stranger uses them: HTTP with the standard library, streams with redis-py."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import redis

from tests.walks.day.story import expect

ANSWER_SECONDS = 10.0
"""No answer in 10 s: send the same id again (contract.md). Here it is a failure."""


@dataclass(frozen=True)
class Reply:
    """What came back over HTTP."""

    status: int
    body: Any

    @property
    def is_known(self) -> bool:
        """Whether whoever was asked serves the path at all."""
        return not (self.status == 404 and self.body.get("type") == "urn:asepsis:problem:http")

    @property
    def data(self) -> dict[str, Any]:
        """The facts of the recorded event."""
        found: dict[str, Any] = self.body["data"]
        return found

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What the rules said."""
        found: list[dict[str, Any]] = self.body.get("findings", [])
        return found

    @property
    def rules(self) -> set[str]:
        """The rules that were not met."""
        return {finding["rule"] for finding in self.findings if finding["verdict"] == "unmet"}


class Http:
    """The HTTP door of one clinic, for whoever holds a token.

    Where services run apart, each has an address of its own: the one that knows the path is asked, as a proxy would.
    """

    def __init__(self, base_urls: list[str], clinic: str, tokens: dict[str, str]) -> None:
        self._base_urls = base_urls
        self._clinic = clinic
        self._tokens = tokens

    def ask(self, who: str, method: str, path: str, body: object = None, *, key: str | None = None, device: str = "tablet-1") -> Reply:
        """Ask as somebody. Paths are those behind the clinic's."""
        headers = {"Authorization": f"Bearer {self._tokens[who]}", "Asepsis-Device": device}
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid4())
        return self._send(method, f"/clinics/{self._clinic}{path}", body, headers)

    def link(self, method: str, path: str, body: object = None) -> Reply:
        """Follow a link from a message: no token, no clinic."""
        return self._send(method, path, body, {})

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> Reply:
        replies = (self._send_to(method, base_url + path, body, headers) for base_url in self._base_urls)
        first = next(replies)
        return first if first.is_known else next((reply for reply in replies if reply.is_known), first)

    def _send_to(self, method: str, url: str, body: object, headers: dict[str, str]) -> Reply:
        """One request; refusals are answers, not exceptions."""
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers = {**headers, "Content-Type": "application/json"}
        request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - the demo's own address
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310 - the same
                return Reply(answer.status, json.load(answer))
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(refused.code, json.load(refused))

    def granted(self, who: str, method: str, path: str, body: object = None, **more: str) -> Reply:
        """Ask for something that must be granted."""
        reply = self.ask(who, method, path, body, **more)
        expect(reply.status in {200, 201}, f"{method} {path} as {who}: {reply.status} {json.dumps(reply.body)[:2000]}")
        return reply

    def refused(self, who: str, method: str, path: str, body: object = None, *, status: int = 409, **more: str) -> Reply:
        """Ask for something that must be refused, as a problem document with its findings."""
        reply = self.ask(who, method, path, body, **more)
        expect(reply.status == status, f"{method} {path} as {who} must be refused, but: {reply.status} {json.dumps(reply.body)[:2000]}")
        return reply


class FrontDesk:
    """A front-desk system: it writes into its inbox and reads the clinic's stream, as the contract says."""

    def __init__(self, redis_url: str, clinic: str, system: str) -> None:
        self._redis: Any = redis.Redis.from_url(redis_url, socket_timeout=10)
        self._system = system
        self._inbox = f"{{clinic:{clinic}}}:inbox:{system}"
        self._outward = f"{{clinic:{clinic}}}:events"
        newest = self._redis.xrevrange(self._outward, count=1)
        self._last = newest[0][0] if newest else b"0-0"
        self.heard: list[dict[str, Any]] = []
        self._unread: list[dict[str, Any]] = []

    def raw(self, content: str) -> str:
        """Write anything into the inbox; returns the id of the entry."""
        entry_id: bytes = self._redis.xadd(self._inbox, {"event": content})
        return entry_id.decode()

    def send(self, kind: str, data: dict[str, Any], command: str | None = None) -> str:
        """Give a command; returns its id."""
        command = command or f"fd-{uuid4()}"
        event = {"specversion": "1.0", "id": command, "source": f"urn:asepsis:system:{self._system}", "type": kind, "data": data}
        self.raw(json.dumps(event))
        return command

    def listen(self, milliseconds: int = 200) -> list[dict[str, Any]]:
        """What is new on the clinic's stream; ids must rise."""
        new: list[dict[str, Any]] = []
        found: Any = self._redis.xread({self._outward: self._last}, count=200, block=milliseconds)
        for _stream, entries in found or ():
            for entry_id, fields in entries:
                self._last = entry_id
                new.append(json.loads(fields[b"event"]))
        self.heard += new
        self._unread += new
        return new

    def answer(self, command: str, *kinds: str) -> dict[str, Any]:
        """Wait for the answer to a command: the first unread event it caused, of these types if any are named."""
        return self.wait(
            lambda event: event["causationid"] == command and (event["type"] in kinds if kinds else event["type"] != "booking.requested"),
            f"no answer to {command} ({' or '.join(kinds) or 'any'}) on the clinic's stream",
        )

    def wait(self, wanted: Any, otherwise: str) -> dict[str, Any]:
        """Wait for an event on the clinic's stream that was not read before."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            self.listen()
            found = next((event for event in self._unread if wanted(event)), None)
            if found is not None:
                self._unread.remove(found)
                return found
        expect(holds=False, what=otherwise)
        raise AssertionError

    def ask(self, kind: str, data: dict[str, Any], *expected: str, command: str | None = None) -> dict[str, Any]:
        """Give a command and wait for its answer, which must be of an expected type."""
        answer = self.answer(self.send(kind, data, command))
        expect(answer["type"] in expected, f"{kind} was answered {answer['type']}: {json.dumps(answer['data'])[:2000]}")
        return answer
