"""Part 1: the front desk books by stream, and is told everything that is wrong."""

import json
from uuid import uuid4

from tests.walks.day.clinic import Client, Day
from tests.walks.day.story import chapter, does, expect, no, yes

DESK = "Front desk"


def front_desk_books(day: Day) -> None:
    """Ana and Bea want the same hour; a third was promised it elsewhere."""
    chapter(1, "The front desk books, by stream")
    _register(day)
    _book_the_others(day)
    _same_hour(day)
    _promised_elsewhere(day)
    _not_understood(day)
    _said_twice(day)


def _register(day: Day) -> None:
    does(DESK, "registers Ana, Bea, Cleo, Dina and Eva under ids of its own.")
    clients = (day.ana, day.bea, day.cleo, day.dina, day.eva)
    for client in clients:
        details = {"client_id": client.client_id, **client.identity, "phone": "+31201234567"}
        day.desk.ask("client.register", details, "client.registered")
    yes(f"client.registered, {len(clients)} times; no name, no birthday stands on the stream.")
    shown = json.dumps(day.desk.heard)
    private = {value for client in clients for value in client.identity.values()} | {"+31201234567"}
    expect(not any(value in shown for value in private), "personal data on the outward stream")


def _book_the_others(day: Day) -> None:
    does(DESK, "books Dina with Pieter in room 2 and Eva with Paula in room 3, at the same time.")
    for client, practitioner, room in ((day.dina, "practitioner_2", 1), (day.eva, "practitioner_3", 2)):
        day.desk.ask("booking.request", day.visit(client, day.begins, practitioner, room), "booking.confirmed")
    yes("booking.confirmed, twice.")


def _same_hour(day: Day) -> None:
    does(DESK, f"asks for Ana and for Bea: {day.local(day.begins.isoformat())}, Priya, room 1, the same handpiece.")
    ana = day.visit(day.ana, day.begins, "practitioner", 0, device_id=day.handpieces[0])
    day.desk.ask("booking.request", ana, "booking.confirmed", command=f"book-{day.ana.booking_id}")
    yes("Ana: booking.confirmed.")
    wish = day.visit(day.bea, day.begins, "practitioner", 0, device_id=day.handpieces[0])
    refused = day.desk.ask("booking.request", wish, "booking.refused")
    findings, slots = refused["data"]["findings"], refused["data"]["next_slots"]
    no("Bea: booking.refused.", day.why(findings))
    rules = {finding["rule"] for finding in findings if finding["verdict"] == "unmet"}
    expect({"practitioner_must_be_free", "room_must_be_free", "device_must_be_free"} <= rules, f"not all conflicts were named: {rules}")
    expect(slots, "no other slots were offered")
    does(DESK, f"takes the first of {len(slots)} slots that are offered instead: {day.local(slots[0]['starts_at'])}.")
    slot = {name: slots[0][name] for name in ("starts_at", "ends_at", "practitioner_id", "room_id")}
    day.desk.ask("booking.request", {**wish, **slot}, "booking.confirmed")
    yes("Bea: booking.confirmed.")


def _promised_elsewhere(day: Day) -> None:
    does(DESK, "announces that Cleo was promised Ana's hour on the telephone.")
    conflicted = day.desk.ask("booking.announce", day.visit(day.cleo, day.begins, "practitioner", 0), "booking.conflicted")
    no("Cleo: booking.conflicted: recorded, reserves nothing, and the gate will refuse it.", day.why(conflicted["data"]["findings"]))
    expect(conflicted["data"]["findings"], "a conflict without reasons")


def _not_understood(day: Day) -> None:
    does(DESK, "sends broken JSON, a type nobody knows, and a booking with wrong fields.")
    wrong = day.visit(day.ana, day.begins, "practitioner", 0) | {"areas": ["left_elbow"], "depth_um": "deep", "color": "Mauve-7"}
    wrong.pop("room_id")
    commands = [
        day.desk.raw('{"specversion": "1.0", "id": "fd-broken", "given_name": "Wilhelmina'),
        day.desk.send("booking.dance", {}),
        day.desk.send("booking.request", wrong),
    ]
    rejected = [day.desk.answer(command, "command.rejected")["data"]["reasons"] for command in commands]
    for words in rejected:
        no("command.rejected", [f"{found['field']}: {found['reason']}" for found in words])
    fields = {found["field"] for found in rejected[2]}
    expect({"data.room_id", "data.depth_um"} <= fields, f"not every wrong field was named: {fields}")
    expect(any("areas" in name for name in fields), f"the wrong area was not named: {fields}")
    shown = json.dumps(rejected)
    expect(not any(value in shown for value in ("Wilhelmina", "left_elbow", "Mauve-7", "color")), "a rejection repeats what was sent")
    expect(rejected[0][0]["reason"] == "json_invalid", "broken JSON has its own reason")
    expect(rejected[1][0]["reason"] == "unknown_type", "an unknown type has its own reason")


def _said_twice(day: Day) -> None:
    again = day.visit(day.ana, day.begins, "practitioner", 0, device_id=day.handpieces[0])
    does(DESK, "has lost the answer about Ana and sends the same command again.")
    first = next(event for event in day.desk.heard if event["causationid"] == f"book-{day.ana.booking_id}")
    asked_at = len(day.desk.heard)
    answer = day.desk.ask("booking.request", again, "booking.confirmed", command=f"book-{day.ana.booking_id}")
    confirmed = [e for e in day.desk.heard[:asked_at] if e["causationid"] == first["causationid"] and e["type"] == "booking.confirmed"]
    expect(len(confirmed) == 1 and answer["id"] == confirmed[0]["id"], "the answer to a repeated command is another one")
    yes("booking.confirmed: the same answer, published again; there is one booking.")
    does(DESK, "uses the same command id for something else.")
    other = again | {
        "booking_id": str(uuid4()),
        "starts_at": day.at_ten(3).isoformat(),
        "ends_at": day.at_ten(3).replace(hour=11).isoformat(),
    }
    reused = day.desk.answer(day.desk.send("booking.request", other, f"book-{day.ana.booking_id}"), "command.rejected")
    no("command.rejected", [f"{found['field']}: {found['reason']}" for found in reused["data"]["reasons"]])
    expect(reused["data"]["reasons"][0]["reason"] == "id_reused", "a reused id is called so")


def arrive(day: Day, *clients: Client) -> None:
    """Clients come, and their identity is confirmed at the desk."""
    for client in clients:
        arrival = {"booking_id": client.booking_id, "identity": client.identity, "occurred_at": day.ago(45)}
        arrived = day.desk.ask("client.arrive", arrival, "client.arrived")
        expect(arrived["data"]["identity_confirmed"], f"{client.given_name} was not recognized")
        expect("age_band" not in arrived["data"], "the age band left the house")
