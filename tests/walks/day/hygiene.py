"""Part 2: the technician's morning, over HTTP, each with when it happened, on which device, and an id of the tablet's."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.walks.day.clinic import Day
from tests.walks.day.story import chapter, does, expect, no, yes

TECHNICIAN = "Technician"
PROGRAM = "prevac_wrapped_132"
INDICATOR = {"product": "rapid_24_minutes", "lot": "BI2211"}


def technician_prepares(day: Day) -> None:
    """Cartridges, the autoclave, handpieces, rooms."""
    chapter(2, "The technician prepares the morning, over HTTP")
    _receive_cartridges(day)
    _run_the_autoclave(day)
    _reprocess(day)
    _turn_rooms_over(day)


def _receive_cartridges(day: Day) -> None:
    does(TECHNICIAN, "scans a box of cartridges whose code has no expiry date, then one with a wrong check digit.")
    wrong_digit = day.gtin[:-1] + str((int(day.gtin[-1]) + 1) % 10)
    expiry = (day.today + timedelta(days=400)).strftime("%y%m%d")
    for scan in (f"]d201{day.gtin}10SP4471", f"]d201{wrong_digit}17{expiry}10SP4471"):
        refused = day.http.refused("technician", "PUT", f"/lots/{uuid4()}", _box(day, scan), status=422)
        no("not accepted", [f"{found['field']}: {found['reason']}" for found in refused.findings])
    does(TECHNICIAN, "scans the right one, and prints labels for six of its units, which have no serial numbers.")
    box = _box(day, f"]d201{day.gtin}17{expiry}10SP4471")
    received = day.http.granted("technician", "PUT", f"/lots/{day.lot}", box)
    again = day.http.granted("technician", "PUT", f"/lots/{day.lot}", box)
    expect(again.body["event_id"] == received.body["event_id"] and again.body["repeated"], "a lot sent twice came in twice")
    labeled = day.http.granted("technician", "POST", f"/lots/{day.lot}/units", {"units": 6, "occurred_at": day.ago(100)})
    day.units = labeled.data["unit_ids"]
    labels = day.http.granted("technician", "GET", f"/lots/{day.lot}/labels").body["labels"]
    expect(len(day.units) == len(labels) == 6 and all("<path" in label["code_svg"] for label in labels), "six printable labels")
    sheet = day.http.granted("technician", "GET", f"/lots/{day.lot}").body
    expect((sheet["received"], sheet["labeled"], sheet["on_hand"]) == (20, 6, 20), f"the lot does not add up: {sheet}")
    yes(f"lot.received (lot SP4471, expiry {sheet['expires_on']}; sent twice, counted once) and lot.units_labeled.")


def _box(day: Day, scan: str) -> dict[str, Any]:
    return {"scan": scan, "quantity": 20, "occurred_at": day.ago(105), "device": "tablet-2"}


def _run_the_autoclave(day: Day) -> None:
    does(TECHNICIAN, "records the morning's air removal test and two autoclave cycles with every sample of their plateau.")
    _cycle(day, str(uuid4()), 412, started=200, purpose="air_removal_test")
    good = _cycle(day, day.cycle, 413, started=140, packs=_packs(day.packs), indicator=INDICATOR)
    expect(good["mechanical"] == "passed", "the good cycle failed")
    yes("cycle 413: passed, with four packs and a biological indicator that will be read later.")
    bad = _cycle(day, day.failed_cycle, 414, started=90, dips=True, packs=_packs(day.wet_packs))
    expect(bad["mechanical"] == "failed", "a cycle that dipped below its temperature passed")
    no("cycle 414: failed: for ten seconds it was 131.4 °C, and nothing is rounded.", day.why(bad["said"]))
    does(TECHNICIAN, "asks to release both loads.")
    refused = day.http.refused("technician", "POST", f"/cycles/{day.failed_cycle}/release", {"occurred_at": day.ago(40)})
    no("cycle 414: not released.", day.why(refused.findings))
    released = day.http.granted("technician", "POST", f"/cycles/{day.cycle}/release", {"occurred_at": day.ago(45)})
    expect(released.data["basis"] == "bi_pending", "a load with an unread indicator is released conditionally")
    yes("cycle 413: load.released, on condition that the indicator stays negative.")


def _packs(ids: list[str]) -> list[dict[str, str]]:
    return [{"pack_id": pack_id, "contents": "extractor_set"} for pack_id in ids]


def _cycle(day: Day, cycle_id: str, number: int, *, started: int, dips: bool = False, **more: Any) -> dict[str, Any]:
    """Record a cycle twice, as a tablet without an answer would; it counts once."""
    samples = [{"second": second, "temperature_mc": 132_900 + second // 5 % 5 * 100} for second in range(0, 251, 5)]
    if dips:
        for sample in samples:
            if 100 <= sample["second"] < 110:
                sample["temperature_mc"] = 131_400
    report = {
        "sterilizer_id": day.sterilizer,
        "cycle_number": number,
        "program": PROGRAM,
        "started_at": day.ago(started),
        "ended_at": day.ago(started - 40),
        "samples": samples,
        "external_indicator": "changed",
        "internal_indicator": "changed",
        "occurred_at": day.ago(started - 42),
        "device": "tablet-2",
        **more,
    }
    first = day.http.granted("technician", "PUT", f"/cycles/{cycle_id}", report)
    again = day.http.granted("technician", "PUT", f"/cycles/{cycle_id}", report)
    expect(again.body["repeated"] and again.body["index"] == first.body["index"], f"cycle {number} was recorded twice")
    return {**first.data, "said": first.findings}


def _reprocess(day: Day) -> None:
    does(TECHNICIAN, "disinfects both handpieces; the first was wet for 40 of the 120 seconds that the label asks.")
    wet = {"product": "quat_wipes", "label_seconds": 120, "device": "tablet-2"}
    first, second = day.handpieces
    hasty = {**wet, "handpiece_id": first, "wet_seconds": 40, "occurred_at": day.ago(35)}
    refused = day.http.refused("technician", "PUT", f"/reprocessings/{uuid4()}", hasty)
    no("not accepted", day.why(refused.findings))
    for handpiece, minutes in ((second, 33), (first, 30)):
        done = {**wet, "handpiece_id": handpiece, "wet_seconds": 130, "occurred_at": day.ago(minutes)}
        day.http.granted("technician", "PUT", f"/reprocessings/{uuid4()}", done)
    yes("handpiece.reprocessed, both: each is good for one start.")


def turn_over(day: Day, room: str, minutes: float) -> None:
    """Make a room ready for the next client."""
    report = {
        "room_id": room,
        "product": "quat_wipes",
        "wet_seconds": 130,
        "label_seconds": 120,
        "steps": ["sharps_discarded", "surfaces_cleaned", "surfaces_disinfected", "barriers_renewed"],
        "occurred_at": day.ago(minutes),
        "device": "tablet-2",
    }
    day.http.granted("technician", "PUT", f"/turnovers/{uuid4()}", report)


def _turn_rooms_over(day: Day) -> None:
    does(TECHNICIAN, "turns over the three rooms.")
    half = {"room_id": day.rooms[0], "product": "quat_wipes", "wet_seconds": 130, "steps": ["surfaces_cleaned"], "occurred_at": day.ago(29)}
    refused = day.http.refused("technician", "PUT", f"/turnovers/{uuid4()}", half)
    no("half a turnover is none", day.why(refused.findings))
    for room in day.rooms:
        turn_over(day, room, 28)
    yes("room.turned_over, three times.")
