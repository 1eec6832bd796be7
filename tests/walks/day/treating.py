"""Parts 3 to 5: consent and preparation, the gate, and what was done."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.walks.day.booking import arrive
from tests.walks.day.clinic import Client, Day
from tests.walks.day.doors import Reply
from tests.walks.day.story import chapter, does, expect, no, yes


def clients_prepare(day: Day) -> None:
    """Consent, health questions, arrival, skin."""
    chapter(3, "Clients consent, answer, arrive and are prepared")
    does("Ana, Bea", "read the consent form on the tablet and sign it; so do Dina and Eva.")
    explained = {day.ana: "practitioner", day.bea: "practitioner", day.dina: "practitioner_2", day.eva: "practitioner_3"}
    form = day.http.granted("practitioner", "GET", f"/forms/{day.form['form_id']}").body
    expect(form["text_digest"] == day.form["text_digest"], "the form on the tablet is not the published one")
    for client, practitioner in explained.items():
        _sign(day, client, practitioner)
    yes("consent.signed, four times, bound to the text that was on the screen.")
    does("Ana, Bea", 'answer the health questions. Bea answers "pregnant: yes".')
    questions = day.http.granted("practitioner", "GET", "/screening-questions?extent=full").body["questions"]
    for client in explained:
        answers = [{"code": question["code"], "answer": "no"} for question in questions]
        if client is day.bea:
            answers = [answer | {"answer": "yes"} if answer["code"] == "pregnancy" else answer for answer in answers]
        _answer(day, client, answers)
    yes(f"screening.answered, four times: {len(questions)} questions each; the ledger learns verdicts, never answers.")
    does("Front desk", "says who has arrived, and compares names and birthdays.")
    arrive(day, *explained)
    yes("client.arrived, four times.")
    _prepare_skin(day)


def _sign(day: Day, client: Client, practitioner: str) -> None:
    sheet = {
        "client_id": client.client_id,
        **day.form,
        "areas": ["cheeks"],
        "max_depth_um": 1500,
        "explained_by": day.ids[practitioner],
        "signed_at": day.ago(0),
        "signature": {"method": "drawn", "strokes": [[{"x": 1, "y": 2}, {"x": 30, "y": 12, "t": 240}]]},
        "client_language": "en",
    }
    day.http.granted(practitioner, "PUT", f"/consents/{uuid4()}", sheet)


def _answer(day: Day, client: Client, answers: list[dict[str, str]]) -> None:
    sheet = {"client_id": client.client_id, "extent": "full", "answered_at": day.ago(0), "answers": answers}
    day.http.granted("practitioner", "PUT", f"/screenings/{uuid4()}", sheet)


def _prepare_skin(day: Day) -> None:
    does("Priya", "cleanses Ana's skin, puts 4 % lidocaine on for 33 minutes, takes it off, and cleanses again.")
    at, numbing = f"/bookings/{day.ana.booking_id}", str(uuid4())
    day.http.granted("practitioner", "PUT", f"{at}/cleansings/{uuid4()}", {"product": "chlorhexidine", "occurred_at": day.ago(40)})
    cream = {"product": "lidocaine_cream", "lidocaine_permille": 40, "milligrams": 2000, "areas": ["cheeks"], "occurred_at": day.ago(38)}
    day.http.granted("practitioner", "PUT", f"{at}/numbings/{numbing}", cream)
    early = _start(day, "practitioner", day.ana, 0, day.handpieces[0], day.units[0], day.packs[0])
    expect(early.status == 409 and "numbing_must_be_off" in early.rules, "a start was possible under numbing cream")
    no("a start now would be refused:", day.why(early.findings))
    day.http.granted("practitioner", "POST", f"{at}/numbings/{numbing}/removal", {"occurred_at": day.ago(5)})
    for client, practitioner in ((day.ana, "practitioner"), (day.dina, "practitioner_2"), (day.eva, "practitioner_3")):
        day.http.granted(practitioner, "PUT", f"/bookings/{client.booking_id}/cleansings/{uuid4()}", {"product": "chlorhexidine"})
    yes("skin.cleansed, numbing.applied, numbing.removed, skin.cleansed.")


def _start(day: Day, who: str, client: Client, room: int, handpiece: str, unit: str, pack: str, **more: str) -> Reply:
    request = {
        "booking_id": client.booking_id,
        "room_id": day.rooms[room],
        "handpiece_id": handpiece,
        "cartridge_unit_ids": [unit],
        "packs": [{"pack_id": pack, "indicator_changed": True, "intact": True}],
    }
    return day.http.ask(who, "POST", "/treatments", request, **more)


def gate_decides(day: Day) -> None:
    """Who may start, and who may not."""
    chapter(4, "The gate decides at the chair")
    _start_ana(day)
    _refuse_bea(day)
    does("Pieter", "tries to start Cleo, whose hour was promised twice.")
    refused = _start(day, "practitioner_2", day.cleo, 0, day.handpieces[1], day.units[1], day.packs[1])
    no("treatment.refused", day.why(refused.findings))
    expect(refused.status == 409 and "booking_must_hold_its_slot" in refused.rules, "a conflicted booking was started")
    _race(day)


def _start_ana(day: Day) -> None:
    does("Priya", "starts Ana with the room, handpiece, cartridge and pack that she really uses.")
    started = _start(day, "practitioner", day.ana, 0, day.handpieces[0], day.units[0], day.packs[0], key="start-ana")
    expect(started.status == 201, f"Ana was not started: {day.why(started.findings)}")
    day.treatment = started.data["treatment_id"]
    verdicts = {finding["verdict"] for finding in started.findings}
    expect("unmet" not in verdicts and started.findings, "a certificate with an unmet rule")
    codes = {finding["code"] for finding in started.findings} - {""}
    expect(codes == {f"G{number:02}" for number in range(1, 23)}, f"the certificate does not list every rule: {sorted(codes)}")
    certificate = day.http.granted("practitioner", "GET", f"/treatments/{day.treatment}").body
    evidence, rules = certificate["evidence"], certificate["findings"]
    expect(evidence["cartridges_must_be_sterile_and_unused"][0] == day.units[0], "the cartridge is not the evidence of its rule")
    expect(day.packs[0] in evidence["packs_must_be_sterile_and_unused"], "the pack is not the evidence of its rule")
    proven = {"consent_must_cover_areas_and_depth", "screening_must_be_fresh", "room_must_be_turned_over", "handpiece_must_be_reprocessed"}
    expect(all(evidence[rule] for rule in proven), f"rules without evidence: {evidence}")
    version = next(finding["parameters"]["version"] for finding in rules if finding["rule"] == "policy_must_be_in_force")
    records = {record for found in evidence.values() for record in found}
    yes(
        f"treatment.started. Its certificate lists {len(rules)} rules (G01 to G22) under policy version {version}, "
        f"and {len(records)} records as their evidence. For instance:"
    )
    for sentence in day.why(started.findings, "met", "warning")[5:11]:
        yes(sentence)
    does("Priya", "has no answer and presses Start again; then on a second tablet.")
    retry = _start(day, "practitioner", day.ana, 0, day.handpieces[0], day.units[0], day.packs[0], key="start-ana")
    second = _start(day, "practitioner", day.ana, 0, day.handpieces[0], day.units[0], day.packs[0], device="tablet-7")
    for reply in (retry, second):
        expect(reply.status == 200 and reply.body["event_id"] == started.body["event_id"], "a second certificate for one treatment")
    yes("The same certificate, both times. One treatment.")


def _refuse_bea(day: Day) -> None:
    does("Pieter", "tries to start Bea.")
    refused = _start(day, "practitioner_2", day.bea, 1, day.handpieces[1], day.units[1], day.packs[1])
    no("treatment.refused", day.why(refused.findings))
    expect(refused.status == 409 and "nothing_may_contraindicate" in refused.rules, "Bea was not refused for her answers")
    shown = day.desk.wait(
        lambda event: event["type"] == "treatment.refused" and event["data"]["booking_id"] == day.bea.booking_id,
        "the refusal did not reach the front desk",
    )
    does("Front desk", "reads of it on the stream:")
    findings = shown["data"]["findings"]
    no("treatment.refused", day.why(findings))
    medical = {"G02", "G04", "G05", "G06"}
    expect(not any(finding["code"] in medical for finding in findings), "the front desk sees a medical reason")
    expect("client_must_be_eligible_today" in {finding["rule"] for finding in findings}, "the front desk is told nothing")
    expect("pregnan" not in str(shown).lower(), "the front desk reads of a pregnancy")


def _race(day: Day) -> None:
    does("Pieter, Paula", "press Start at the same moment, for Dina and Eva, with the one handpiece that is reprocessed.")
    entrants = ((day.dina, "practitioner_2", 1, day.units[1], day.packs[1]), (day.eva, "practitioner_3", 2, day.units[2], day.packs[2]))
    with ThreadPoolExecutor(2) as threads:
        tried = [
            (client, threads.submit(_start, day, who, client, room, day.handpieces[1], unit, pack))
            for client, who, room, unit, pack in entrants
        ]
        replies = [(client, reply.result()) for client, reply in tried]
    started = [(client, reply) for client, reply in replies if reply.status == 201]
    refused = [reply for _, reply in replies if reply.status == 409]
    expect(len(started) == len(refused) == 1, f"not exactly one start: {[(reply.status, reply.rules) for _, reply in replies]}")
    day.raced, day.raced_treatment = started[0][0], started[0][1].data["treatment_id"]
    yes(f"treatment.started for {day.raced.given_name}.")
    no("treatment.refused for the other:", day.why(refused[0].findings))


def treatments_end(day: Day) -> None:
    """What was really done, and what follows for the next time."""
    chapter(5, "Treatments end, and the skin needs its rest")
    _end(day)
    first_ok = day.today + timedelta(days=28)
    does("Front desk", "asks for Ana's next treatment on day 20.")
    too_soon = day.visit(day.ana, day.at_ten(20), "practitioner", 0, booking=str(uuid4()))
    refused = day.desk.ask("booking.request", too_soon, "booking.refused")["data"]["findings"]
    no("booking.refused", day.why(refused))
    earliest = [_local_day(day, finding["earliest_ok"]) for finding in refused if finding["rule"] == "spacing_must_be_kept"]
    expect(earliest == [first_ok], f"the earliest day is {first_ok}, not {earliest}")
    does("Front desk", f"asks for day 28, {first_ok:%A %d %B}.")
    wish = day.visit(day.ana, day.at_ten(28), "practitioner", 0, booking=day.later_booking, device_id=day.handpieces[0])
    confirmed = day.desk.ask("booking.request", wish, "booking.confirmed")["data"]["findings"]
    warnings = [finding for finding in confirmed if finding["verdict"] == "warning" and finding["rule"] == "spacing_must_be_kept"]
    recommended = (first_ok + timedelta(days=2)).isoformat()
    expect(warnings and recommended in str(warnings), f"day 28 is confirmed with the advice to wait until day 30: {confirmed}")
    yes("booking.confirmed, with a warning: " + " ".join(day.why(warnings, "warning")))
    _record_cleo_late(day)


def _local_day(day: Day, instant: str) -> date:
    return datetime.fromisoformat(instant).astimezone(day.zone).date()


def _end(day: Day) -> None:
    note: dict[str, Any] = {
        "needle_contact": True,
        "depths": [{"area": "cheeks", "depth_um": 1000}],
        "skin_cleansed": True,
        "sharps_disposed": False,
        "aftercare_given": True,
    }
    does("Priya", "ends Ana's treatment: 1.0 mm on the cheeks; at first she forgets to dispose of the cartridge.")
    refused = day.http.refused("practitioner", "POST", f"/treatments/{day.treatment}/end", note)
    no("not ended", day.why(refused.findings))
    day.http.granted("practitioner", "POST", f"/treatments/{day.treatment}/end", note | {"sharps_disposed": True})
    who = "practitioner_2" if day.raced is day.dina else "practitioner_3"
    day.http.granted(who, "POST", f"/treatments/{day.raced_treatment}/end", note | {"sharps_disposed": True})
    yes(f"treatment.ended: skin cleansed, sharps disposed of, aftercare given. {day.raced.given_name}'s too.")


def _record_cleo_late(day: Day) -> None:
    does("Pieter", "records yesterday's treatment of Cleo, done on paper while the tablet was dead.")
    treatment_id = str(uuid4())
    began = day.now - timedelta(hours=24)
    note = {
        "client_id": day.cleo.client_id,
        "room_id": day.rooms[1],
        "handpiece_id": day.handpieces[1],
        "cartridge_unit_ids": [day.units[3]],
        "needle_contact": True,
        "depths": [{"area": "cheeks", "depth_um": 800}],
        "started_at": began.isoformat(),
        "ended_at": (began + timedelta(minutes=40)).isoformat(),
        "reason": "tablet_dead",
    }
    late = day.http.granted("practitioner_2", "PUT", f"/past-treatments/{treatment_id}", note)
    expect(late.rules, "rules that would have failed are listed")
    yes("treatment.recorded_late: it happened, so it is never refused.")
    no("These rules would have stopped it:", day.why(late.findings))
    incident = _incident(day, treatment_id)
    yes(f"incident.opened ({incident['kind']}).")
    does("Front desk", "asks for Cleo on day 20.")
    wish = day.visit(day.cleo, day.at_ten(20), "practitioner_2", 1, booking=str(uuid4()))
    refused = day.desk.ask("booking.request", wish, "booking.refused")["data"]["findings"]
    no("booking.refused: the treatment on paper counts.", day.why(refused))
    expect("spacing_must_be_kept" in {finding["rule"] for finding in refused}, "paper does not count for spacing")


def _incident(day: Day, subject: str) -> dict[str, Any]:
    """The incident about something; recovery opens it a moment later."""
    for _ in range(100):
        for incident in day.http.granted("clinician", "GET", "/incidents").body:
            if incident["subject_id"] == subject:
                found: dict[str, Any] = incident
                return found
        day.desk.listen(100)
    expect(holds=False, what="no incident was opened")
    raise AssertionError
