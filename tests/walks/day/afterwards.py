"""Parts 6 to 8: recovery, the positive indicator, and the auditor."""

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.walks.day.clinic import Day
from tests.walks.day.story import chapter, does, expect, no, yes

MESSAGE_SECONDS = 20.0


def recovery_asks(day: Day) -> None:
    """The check-in that comes seconds after the end, and what its answer does."""
    chapter(6, "Recovery asks how Ana is")
    message = _message_to_ana(day)
    does("Asepsis", f"writes to {message['to']}: a link, and not a word about why.")
    link = message["parameters"]["link"]
    questions = day.http.link("GET", link).body
    expect({"pus"} <= set(questions["symptoms"]) and questions["asks_fever"], "the check-in asks about symptoms and fever")
    does("Ana", 'opens it without any login and answers: "pus", and a fever.')
    answer = day.http.link("POST", link, {"symptoms": ["pus"], "fever": True})
    expect(answer.status == 200 and answer.body["tier"] == "urgent", f"pus and fever are urgent: {answer.body}")
    yes(f'She is told: "{answer.body["advice"]}"')
    hold = day.desk.wait(
        lambda event: event["type"] == "safety_hold.placed" and event["data"]["client_id"] == day.ana.client_id, "no safety hold was placed"
    )
    expect(not {"reason", "tier"} & set(hold["data"]), "the stream says why Ana is held")
    yes("safety_hold.placed: until a clinician lifts it.")
    forged = day.http.link("POST", link[:-4] + "AAAA", {"symptoms": []})
    expect(forged.status == 404, "a forged link was accepted")
    does("Priya", "tries to start Ana's next booking.")
    start = {"booking_id": day.later_booking, "room_id": day.rooms[0], "handpiece_id": day.handpieces[0]}
    refused = day.http.refused("practitioner", "POST", "/treatments", start)
    no("treatment.refused", day.why(refused.findings))
    expect("no_safety_hold_may_stand" in refused.rules, "the hold does not stop the gate")


def _message_to_ana(day: Day) -> dict[str, Any]:
    """The message in the spool: for now the log adapter's file stands for the mail."""
    deadline = time.monotonic() + MESSAGE_SECONDS
    while time.monotonic() < deadline:
        lines = day.spool.read_text().splitlines() if day.spool.exists() else []
        for message in map(json.loads, lines):
            if message["template"] == "checkin_due" and message["recipient_id"] == day.ana.client_id:
                found: dict[str, Any] = message
                return found
        time.sleep(0.1)
    expect(holds=False, what="no check-in was sent to Ana")
    raise AssertionError


def indicator_reads_positive(day: Day) -> None:
    """Spores survived: everything since the last negative indicator is in doubt."""
    chapter(7, "The weekly indicator of the autoclave reads positive")
    does("Technician", "reads the biological indicator of cycle 413: the spores grew.")
    reading = {
        "cycle_id": day.cycle,
        "product": "rapid_24_minutes",
        "lot": "BI2211",
        "control_lot": "BI2211",
        "incubation_started_at": day.ago(60),
        "grew": True,
        "control_grew": True,
        "occurred_at": day.ago(1),
        "device": "tablet-2",
    }
    read = day.http.granted("technician", "PUT", f"/indicators/{uuid4()}", reading)
    expect(read.data["result"] == "positive", "a positive indicator")
    hygiene = day.http.granted("technician", "GET", "/hygiene").body
    recall = hygiene["recalls"][0]
    sterilizer = next(found for found in hygiene["sterilizers"] if found["sterilizer_id"] == day.sterilizer)
    expect(not sterilizer["in_service"], "the sterilizer is still in service")
    yes("sterilizer.removed: nothing is released from it any more.")
    usable = {pack["pack_id"] for pack in hygiene["usable_packs"]}
    expect(not usable & {*day.packs, *day.wet_packs}, "a pack in doubt can still be used")
    expect(usable >= set(day.earlier_packs), "packs from before the last negative indicator were held")
    expect(set(recall["pack_ids"]) >= set(day.packs), "the recall does not name every pack")
    yes("pack.quarantined: every unused pack since the last negative indicator; the two from before stay usable.")
    exposed = {day.ana.client_id, day.raced.client_id}
    expect(set(recall["client_ids"]) == exposed, f"the look-back list is {recall['client_ids']}, not {exposed}")
    yes(f"recall.opened, with its look-back list: Ana and {day.raced.given_name}.")
    _all_in_one_commit(day, read.body["index"])
    flagged = day.desk.wait(
        lambda event: (
            event["type"] == "booking.flagged"
            and event["data"]["booking_id"] == day.later_booking
            and event["data"]["cause"] == recall["recall_id"]
        ),
        "Ana's next booking was not flagged",
    )
    yes(f"booking.flagged ({flagged['data']['reason']}): Ana's treatment in four weeks.")


def _all_in_one_commit(day: Day, index: int) -> None:
    """What follows from the reading stands right behind it, recorded at the same instant."""
    page = day.http.granted("auditor", "GET", f"/ledger?cursor={index}&limit=4").body["entries"]
    kinds = [entry["type"].rpartition(".v")[0] for entry in page]
    expect(set(kinds) >= {"indicator.read", "sterilizer.removed", "recall.opened", "pack.quarantined"}, f"behind the reading: {kinds}")
    expect(len({entry["recorded_at"] for entry in page}) == 1, "the recall was not recorded together with the reading")


def auditor_asks(day: Day, checkpoint: Path) -> None:
    """Two questions, and what the auditor keeps."""
    chapter(8, "The auditor asks")
    does("Auditor", "What stands behind Ana's start?")
    behind = day.http.granted("auditor", "GET", f"/audit/treatments/{day.treatment}").body
    parts = {evidence["part"] for evidence in behind["known_at_start"]}
    wanted = {"certificate", "booking", "arrival", "consent", "screening", "practitioner", "skin", "numbing", "handpiece", "room"}
    wanted |= {"lot", "sterilization", "policy"}
    expect(parts >= wanted, f"missing behind the start: {wanted - parts}")
    learned = {evidence["part"] for evidence in behind["learned_since"]}
    expect(learned >= {"recall", "recovery", "cartridge"}, f"what was learned since: {learned}")
    approver = next(name for name, identity in day.ids.items() if identity == behind["policy"]["approver_id"])
    yes(
        f"{len(behind['known_at_start'])} entries as the ledger knew them then ({', '.join(sorted(parts))}), under policy version "
        f"{behind['policy']['policy_version']}, approved by the {approver}; and {len(behind['learned_since'])} learned since."
    )
    does("Auditor", "Who was touched by that autoclave?")
    touched = day.http.granted("auditor", "GET", f"/audit/touched?kind=sterilizer&id={day.sterilizer}").body
    clients = {client: name for name, client in (("Ana", day.ana.client_id), (day.raced.given_name, day.raced.client_id))}
    expect(set(touched["clients"]) == set(clients), f"touched: {touched['clients']}, not {clients}")
    expect(touched["complete"], "the answer is not complete")
    fates: dict[str, int] = {}
    for load in touched["loads"]:
        for fate in ("used", "quarantined", "in_stock"):
            fates[fate] = fates.get(fate, 0) + load[fate]
    counts = ", ".join(f"{count} {fate.replace('_', ' ')}" for fate, count in fates.items())
    yes(f"{' and '.join(clients.values())}, and nobody else: every pack of its {len(touched['loads'])} loads is accounted for ({counts}).")
    verdict = day.http.granted("auditor", "GET", "/ledger/verify").body
    expect(verdict["sound"], f"the ledger is not sound: {verdict}")
    head = verdict["head"]
    checkpoint.write_text(f"{head['epoch']}:{head['size']}:{head['chain']}\n")
    does("Auditor", "verifies the chain and keeps its end, outside.")
    yes(f"Sound: {verdict['verified']} entries. Kept: ({head['epoch']}, {head['size']}, {head['chain'][:16]}…)")
