"""Row: requests made from the OpenAPI document by Schemathesis, as it says and against it. Every answer is a documented one."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from events.access import hash_of, new_token
from events.transaction import transaction
from schemas.compliance import CreateToken, GrantAccess
from schemas.vocabulary import Actor, Role
from services.compliance.commands import create_token, grant_access
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.servers import start

AS_DOCUMENTED, AGAINST_IT = "requests as documented", "requests against the document"
MODES = {AS_DOCUMENTED: schemathesis.GenerationMode.POSITIVE, AGAINST_IT: schemathesis.GenerationMode.NEGATIVE}
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ANSWER_SECONDS = 60.0


async def _everybody(stage: Stage) -> str:
    """A token of somebody who has every role: no door is shut to them."""
    token, identity = new_token(), uuid4()
    actor = Actor(identity_id=identity, role=Role.ADMIN)
    for role in Role:
        if role not in {Role.SERVICE, Role.CLIENT}:
            async with transaction(stage.database, stage.example.clinic_id, "compliance", actor, f"grant.{role}") as tx:
                await tx.once(grant_access, GrantAccess(identity_id=identity, role=role))
    async with transaction(stage.database, stage.example.clinic_id, "compliance", actor, "token") as tx:
        until = tx.now + timedelta(days=1)
        made = CreateToken(identity_id=identity, label="everybody", expires_at=until, token_hash=hash_of(token).hex())
        answer = await tx.once(create_token, made)
    assert not answer.event.refusal, answer.event
    return token


class Stranger:
    """Knows the document, and nothing else."""

    def __init__(self, stage: Stage, token: str, rng: Random, tally: Tally) -> None:
        self._clinic = str(stage.example.clinic_id)
        self._rng = rng
        self._tally = tally
        self._seen: set[str] = set()
        transport = httpx.HTTPTransport(uds=str(stage.order.door))
        authorization = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(transport=transport, base_url="http://asepsis", timeout=ANSWER_SECONDS, headers=authorization)

    def ask_everything(self, times: int) -> None:
        """Every operation of the document, as it says and against it, in equal parts."""
        with self._client:
            schema = schemathesis.openapi.from_dict(self._client.get("/openapi.json").json())
            operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
            each = max(1, times // (len(operations) * len(MODES)))
            self._tally.counted("operations", len(operations))
            for operation in operations:
                for kind in MODES:
                    self._ask(operation, kind, each)

    def _ask(self, operation: Any, kind: str, times: int) -> None:
        strategy = operation.as_strategy(generation_mode=MODES[kind])

        @seed(self._rng.getrandbits(64))
        @settings(max_examples=times, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(strategy)
        def knock(case: Any) -> None:
            self._knock(case, kind)

        try:
            knock()
        except Unsatisfiable:
            self._tally.counted(f"operations with no {kind}")

    def _knock(self, case: Any, kind: str) -> None:
        if "clinic" in case.path_parameters and self._rng.random() < 0.9:  # else a clinic that is none
            case.path_parameters["clinic"] = self._clinic
        asked = case.query.get("min_size", "")
        if any(str(one).strip().isdecimal() for one in (asked if isinstance(asked, list) else [asked])):
            case.query["min_size"] = 1  # else it waits for entries that nobody records
        request = case.as_transport_kwargs(base_url="http://asepsis")
        headers = {name: value for name, value in request["headers"].items() if name.lower() != "authorization"}
        try:
            answer = self._client.send(self._built(request, headers))
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError):
            self._tally.counted("requests that cannot be sent")
            return
        self._tally.injected(kind)
        self._tally.counted(f"answers {answer.status_code}")
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as wrong:
            self._tell(case, answer, wrong)

    def _built(self, request: Mapping[str, Any], headers: Mapping[str, Any]) -> httpx.Request:
        words: dict[str, Any] = {"params": request["params"] or None, "headers": headers}
        if "json" in request:
            words["json"] = request["json"]
        elif "data" in request:
            words["content"] = request["data"]
        return self._client.build_request(request["method"], request["url"], **words)

    def _tell(self, case: Any, answer: httpx.Response, wrong: FailureGroup) -> None:
        operation = f"{case.method} {case.path}"
        for failure in wrong.exceptions:
            said = f"{operation} answered {answer.status_code}: {failure.title}"
            if said not in self._seen:
                self._seen.add(said)
                self._tally.wrong(f"{said}\n{answer.text[:300]}\n{str(wrong)[:1500]}")


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """So many requests, over all operations."""
    with start(directory / "servers") as servers:
        async with (
            furnished_once(servers) as (name, examples),
            set_up(directory, servers, name, examples) as stage,
            stage.program() as program,
        ):
            token = await _everybody(stage)
            await asyncio.to_thread(Stranger(stage, token, rng, tally).ask_everything, times)
            if program.deaths:
                tally.wrong(f"the program died: {program.deaths}")
            log = stage.order.log.read_text(errors="replace")
            if "Traceback" in log:
                tally.wrong(f"the program stumbled: {log[-3000:]}")


ROW = Row("strangers", "requests made from the OpenAPI document", tuple(MODES), 400, 20_000, run, brief=0)
