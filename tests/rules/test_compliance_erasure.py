from datetime import date

import pytest

from schemas.vocabulary import Verdict
from services.compliance.rules.erasure import client_must_be_known, record_must_have_outlived_its_retention


@pytest.mark.parametrize(("today", "verdict"), [(date(2036, 11, 23), Verdict.UNMET), (date(2036, 11, 24), Verdict.MET)])
def test_a_record_is_kept_through_its_last_day(today: date, verdict: Verdict) -> None:
    finding = record_must_have_outlived_its_retention("treatment", date(2036, 11, 23), today)
    assert finding.verdict is verdict
    assert finding.parameters == {"kind": "treatment", "kept_until": "2036-11-23"}


def test_only_a_registered_client_who_is_still_there_is_erased() -> None:
    assert client_must_be_known({"client.registered", "booking.confirmed"}).verdict is Verdict.MET
    assert client_must_be_known({"booking.confirmed"}).verdict is Verdict.UNMET
    assert client_must_be_known({"client.registered", "client.erased"}).verdict is Verdict.UNMET
