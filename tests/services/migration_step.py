"""A step of the migrations, as a test asks for it: no package holds them."""

import importlib.util
from pathlib import Path
from types import ModuleType

STEPS = Path(__file__).parents[2] / "deploy" / "migrations" / "versions"


def step(name: str) -> ModuleType:
    """`2026_11_23_signers`, say."""
    spec = importlib.util.spec_from_file_location(name, STEPS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
