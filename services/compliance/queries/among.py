"""Conditions for many values at once."""

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import ARRAY, ColumnElement, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

T = TypeVar("T")


def among(column: InstrumentedAttribute[T], values: Collection[T]) -> ColumnElement[bool]:
    """Whether it is one of these. They are one parameter: a statement has no place for more than 32,767, and a clinic has more packs.

    And they are rows, to be looked up or hashed: `= any` of a parameter compares each row with each of them.
    """
    return column.in_(select(func.unnest(literal(list(values), ARRAY(column.type)))))
