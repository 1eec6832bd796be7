"""A new installation's first clinic, opened from the command line."""

from pathlib import Path
from uuid import UUID

from events.access import authenticate
from events.database import Database
from events.transaction import reading
from schemas.vocabulary import Role
from services.compliance.queries import policy_reply
from tests.events.test_admin import Asking, asepsis

__all__ = ["asepsis"]


def words(*more: str) -> list[str]:
    people = ["--administrator", "Adam", "--clinician", "Dr. Kim"]
    return ["clinic", "open", "--timezone", "America/New_York", *people, *more]


async def test_a_clinic_is_opened_with_a_policy_and_a_token_that_works(asepsis: Asking, database: Database, tmp_path: Path) -> None:
    changes = tmp_path / "policy.toml"
    changes.write_text("spacing.bands.medium.floor_days = 29\n")
    code, said = await asepsis(*words("--policy", str(changes)))
    assert code == 0, said
    found = dict(line.split(maxsplit=1) for line in said.splitlines()[:4])
    clinic_id = UUID(found["clinic"])
    caller = await authenticate(database, found["token"], clinic_id)
    assert caller is not None
    assert (caller.identity_id, caller.roles) == (UUID(found["administrator"]), frozenset({Role.ADMIN}))
    async with reading(database, clinic_id, "compliance") as view:
        policy = await policy_reply(view)
    assert policy is not None
    assert (policy.approval.policy_version, policy.approval.approver_id) == (1, UUID(found["clinician"]))
    assert policy.document.clinic.timezone == "America/New_York"
    assert (await asepsis("verify", "--clinic", clinic_id))[0] == 0


async def test_a_time_zone_that_is_none_opens_nothing(asepsis: Asking) -> None:
    before = (await asepsis("verify"))[1]
    code, said = await asepsis("clinic", "open", "--timezone", "Mars/Olympus", "--administrator", "A", "--clinician", "B")
    assert code == 2
    assert "zone" in said
    assert (await asepsis("verify"))[1] == before
