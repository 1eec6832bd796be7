"""Documents by typst. What is printed reaches it as data, so that nothing in the record is ever read as markup."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib.resources import files
from typing import Any, Literal

from pydantic import JsonValue

STANDARDS: list[Literal["a-3a", "ua-1"]] = ["a-3a", "ua-1"]
"""To be kept, and to be read aloud: typst writes a file that is both, or none."""

COVERED = (range(0x20, 0x7F), range(0xA0, 0xAD), range(0xAE, 0x180), range(0x391, 0x3A2), range(0x3B1, 0x3CA), range(0x410, 0x450))
SIGNS = frozenset("–—‘’“”…€")
"""What the fonts that come with typst can show. It refuses a document with a sign that nobody could see."""

_one_at_a_time = ThreadPoolExecutor(1, thread_name_prefix="printing")
"""A thousand rows take a second and some hundred megabytes: a second document waits, and nothing else does."""


def visible(text: str) -> str:
    """The text with what no font here can show written as its number in Unicode. The attached records have it as it is."""
    return "".join(
        sign if sign in SIGNS or any(ord(sign) in block for block in COVERED) else " " if sign.isspace() else f"[U+{ord(sign):04X}]"
        for sign in text
    )


def _visible(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return visible(value)
        case list():
            return [_visible(inner) for inner in value]
        case dict():
            return {key: _visible(inner) for key, inner in value.items()}
        case _:
            return value


async def printed(template: str, document: dict[str, Any], records: str, made_at: datetime) -> bytes:
    """The document as PDF with its records inside. The same data at the same time give the same bytes."""
    inputs = {"document": json.dumps(_visible(document)), "records": records}
    return await asyncio.get_running_loop().run_in_executor(_one_at_a_time, _compiled, template, inputs, made_at)


def _compiled(template: str, inputs: dict[str, str], made_at: datetime) -> bytes:
    import typst  # 84 MB: for whoever prints

    source = files("services.compliance").joinpath("templates", template).read_bytes()
    compiler = typst.Compiler(source, font_paths=typst.Fonts(include_system_fonts=False), sys_inputs=inputs)
    made = compiler.compile(format="pdf", pdf_standards=list(STANDARDS), timestamp=int(made_at.timestamp()))
    if not isinstance(made, bytes):
        message = f"{template} gave no document"
        raise TypeError(message)
    return made
