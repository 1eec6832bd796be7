"""What was measured, kept in `docs/bench.json` part by part, and told in README between two marks."""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks.drawing import svg
from tests.benchmarks.measure import Beside, Curve, Findings, Row, number

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

Document = dict[str, Any]

WHY = {
    "chained append": "The ledger's own work (lock, look, chain, entry, bookmark, fingerprint) takes 480 us of the server, where the plain"
    " row takes 80: pgbench with our statements and no program at all reaches 0.17 of the limit with 16 clients on these two cores. The"
    " rest is four round trips and 0.3 ms of Python. More cores would close most of it; fewer round trips need a driver that sends several"
    " statements at once.",
    "full command": "Reading, checking, deciding and projecting are Python's, and what six services do about the booking (a consent to be"
    " asked for, spacing, the outward stream) is done on the same two cores; the bare hops decide nothing. A thousand clinics are five"
    " processes, each reading two hundred inboxes, in turns on two cores; two hundred clinics in one process came to 0.0039 of the limit"
    " (p50 9.2 times the bare hops, p99 15), apart in two to 0.0041. Deciding several commands of an inbox in one commit would save most"
    " messages and waits; more cores would do the rest.",
    "gate, median at": "A look-up that goes through more than its own case: `tests/services/test_few_rows.py` names the table.",
    "gate, one clinic": "The whole case is loaded and all rules are asked in Python, on cores that also carry both servers and the asker.",
    "catch-up": "Each row of a projection is a row of PostgreSQL's, at 6.5 us and more; what a service hears is read and checked in Python."
    " A million entries behind, the indexes' pages are written again at every checkpoint: 100,000 behind, booking came to 33,000 entries a"
    " second and compliance to 23,800. A second process would take other clinics; one clinic's entries are worked in order.",
    "fan-out": "Six services each project, react and commit what FastStream's subscribers only count.",
    "longest hold": "A slow machine: at most fifty entries are projected under the lock.",
    "asepsis verify": "Three hashes and a header for each entry in Python, on both cores beside PostgreSQL, which reads the rows for it.",
    "asepsis up": "Nearly all of it is Python importing the frameworks, while the servers start beside it.",
}
"""Why a row falls short, and what would close it, by how its name begins. Said only where it does."""

BESIDE = """Side by side, for the same promise: a durable effect, exactly once. `tests/benchmarks/peers` says how it is measured, and
what each promises beyond it and what not. Rates are ours over theirs: above one we are ahead. Late is how long after the asking
an effect can be read; processor is the time that whoever asks, whoever works and both servers take for one task: ours over theirs,
below one we are ahead. We are not ahead of each: whose task is one message and one row of the handler's own (taskiq-redis, arq,
pgqueuer) is done with less than a command that is worked in its sender's order, decided behind the clinic's lock, answered, chained
into the record and published. Several commands of an inbox in one commit would close most of that."""

PEERS = ("with_taskiq", "with_arq", "with_celery", "with_procrastinate", "with_pgqueuer", "with_dbos")
NAMES = {
    "with_taskiq": "taskiq-redis",
    "with_arq": "arq",
    "with_celery": "celery",
    "with_procrastinate": "procrastinate",
    "with_pgqueuer": "pgqueuer",
    "with_dbos": "dbos",
    "with_eventsourcing": "eventsourcing",
}


def read(directory: Path) -> Document:
    file = directory / "bench.json"
    return json.loads(file.read_text()) if file.exists() else {"parts": {}}


def keep(directory: Path, part: str, found: Findings, about: dict[str, Any]) -> None:
    """Put one part's findings in the place of its earlier ones, and draw the picture anew."""
    document = read(directory)
    document["parts"][part] = about | {
        "rows": [row.as_json() for row in found.rows],
        "curves": [{"name": curve.name, "unit": curve.unit, "points": list(curve.points)} for curve in found.curves],
        "beside": [asdict(one) for one in found.beside],
    }
    directory.mkdir(exist_ok=True)
    (directory / "bench.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    curves = curves_of(document)
    if curves:
        (directory / "bench.svg").write_text(svg(curves))


def rows_of(part: Document) -> list[Row]:
    fields = ("name", "unit", "rounds", "sense", "aim", "note")
    return [Row(**{name: row[name] for name in fields}) for row in part.get("rows", ())]


def curves_of(document: Document) -> list[Curve]:
    found = (curve for part in document["parts"].values() for curve in part.get("curves", ()))
    return [Curve(curve["name"], curve["unit"], [tuple(point) for point in curve["points"]]) for curve in found]


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown; where one falls short, why."""
    lines = ["| what | measured (lowest – highest round) | aim | met |", "|---|---|---|---|"]
    for row in rows:
        aim = "" if row.sense == "no aim" else f"{'≥' if row.sense == 'at least' else '≤'} {number(row.aim)} {row.unit}"
        met = {None: "", True: "yes", False: "**no**"}[row.met]
        spread = f" ({number(min(row.rounds))} – {number(max(row.rounds))})" if len(row.rounds) > 1 else ""
        note = f"; {row.note}" if row.note else ""
        lines.append(f"| {row.name}{note} | {number(row.shown)} {row.unit}{spread} | {aim} | {met} |")
    return "\n".join(lines)


def reasons(rows: Sequence[Row]) -> Iterator[str]:
    """One sentence for each kind of row that falls short."""
    short = [row.name for row in rows if row.met is False]
    for begins, why in WHY.items():
        if any(name.startswith(begins) for name in short):
            yield f"* **{begins}**: {why}"


def beside_table(found: Sequence[Beside]) -> str:
    """Peers beside ours, by the rounds of the same run. Above one we are ahead; for what is late, below one."""
    by_name = {one.name: one for one in found}
    command, reaction = by_name["ours_command"], by_name["ours_reaction"]
    lines = [
        "| beside | a second | late at 50/s | processor, each | our command by stream | our append and reaction |",
        "|---|---|---|---|---|---|",
        f"| **ours: command by stream** | {_figures(command)} | | |",
        f"| **ours: append and reaction** | {_figures(reaction)} | | |",
    ]
    for name in PEERS:
        theirs = by_name[name]
        versus = " | ".join(_versus(ours, theirs) for ours in (command, reaction))
        lines.append(f"| {NAMES[name]} | {_figures(theirs)} | {versus} |")
    append, store = by_name["ours_append"], by_name["with_eventsourcing"]
    lines += [
        "",
        "| beside | appends a second | late at 50/s | processor, each | ours |",
        "|---|---|---|---|---|",
        f"| **ours: `transaction`** | {_figures(append)} | |",
        f"| eventsourcing | {_figures(store)} | {_versus(append, store)} |",
    ]
    return "\n".join(lines)


def _figures(one: Beside) -> str:
    return f"{_of(one.rates)} | {_of(one.p50s)} ms | {_of(one.busy)} ms"


def _of(values: Sequence[float]) -> str:
    return number(statistics.median(values))


def _versus(ours: Beside, theirs: Beside) -> str:
    ratios = (_ratio(mine, other) for mine, other in ((ours.rates, theirs.rates), (ours.p50s, theirs.p50s), (ours.busy, theirs.busy)))
    return "{}×, late {}×, processor {}×".format(*ratios)


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return number(statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True)))


def section(document: Document) -> str:
    """What stands in README between the marks."""
    parts: dict[str, Document] = document["parts"]
    rows = [row for part in parts.values() for row in rows_of(part)]
    told = [_about(parts), "", table([row for row in rows if row.met is not None])]
    why = list(reasons(rows))
    if why:
        told += ["", "What falls short, why, and what would close it:", "", *why]
    if curves_of(document):
        told += ["", "![Cost of an append, a decision and a verified entry against the length of the record](docs/bench.svg)"]
    beside = [Beside(**one) for part in parts.values() for one in part.get("beside", ())]
    if beside:
        told += ["", BESIDE, "", beside_table(beside)]
    without = [row for row in rows if row.met is None]
    if without:
        told += ["", "<details><summary>Further figures, without an aim</summary>", "", table(without), "", "</details>"]
    return "\n".join([BEGIN, *told, END])


def _about(parts: dict[str, Document]) -> str:
    """When and on what."""
    days = " and ".join(sorted({part["on"] for part in parts.values()}))
    cores = " or ".join(f"{many} cores" for many in sorted({part["cores"] for part in parts.values()}))
    loads = [float(part[when].split()[0]) for part in parts.values() for when in ("load_before", "load_after")]
    return (
        f"Measured {days} with `make bench` on a machine with {cores}, which carried servers, services and askers alike"
        f" (its load average: {number(min(loads))} to {number(max(loads))}). Medians of the rounds, ratios inside one run;"
        " the limit is pgbench inserting one plain row of 400 bytes, fsync on."
    )


def write_readme(readme: Path, document: Document) -> None:
    """Renew what stands between the marks. Raises ValueError where there are none."""
    text = readme.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme.name} has no place between {BEGIN} and {END}")
    readme.write_text(before + section(document) + after)
