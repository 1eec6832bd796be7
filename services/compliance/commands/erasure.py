"""Erasure of a client's personal data: each service lets go of its own private rows when it hears `client.erased`."""

from typing import Any

from events.catalog.compliance import ClientErased, ComplianceRefused
from events.policy import policy_in_force
from events.transaction import Answer, Transaction
from schemas.compliance import EraseClient
from schemas.policy import keep_until, local_date
from schemas.vocabulary import Finding, Verdict
from services.compliance.commands.findings import unmet
from services.compliance.models import Policies
from services.compliance.queries.clients import last_of_each_kind, records_of, types_about
from services.compliance.rules.erasure import client_must_be_known, record_must_have_outlived_its_retention


async def erase_client(tx: Transaction, request: EraseClient) -> Answer[Any]:
    """All records of the person go, or none: half a person cannot be called in a look-back."""
    records = await records_of(tx.rows, tx.clinic_id, request.client_id)
    held = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    if held is None:
        lacking = Finding(rule="policy_must_be_published", verdict=Verdict.UNMET)
        return await tx.answer(ComplianceRefused(command="erase_client", subject_id=request.client_id, findings=(lacking,)))
    today = local_date(held.policy, tx.now)
    last = await last_of_each_kind(tx.rows, tx.clinic_id, records)
    findings = unmet(
        client_must_be_known(await types_about(tx.rows, tx.clinic_id, records)),
        *[
            record_must_have_outlived_its_retention(kind, keep_until(held.policy, kind, local_date(held.policy, at)), today)
            for kind, at in sorted(last.items())
        ],
    )
    if findings:
        refused = ComplianceRefused(command="erase_client", subject_id=request.client_id, findings=findings)
        return await tx.answer(refused, policy=held.version)
    for merged in records[1:]:
        await tx.record(ClientErased(client_id=merged), policy=held.version)
    return await tx.answer(ClientErased(client_id=records[0]), policy=held.version)
