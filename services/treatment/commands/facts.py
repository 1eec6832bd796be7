"""Rows as JSON inside one statement: what a case needs costs one round trip, whatever the number of tables."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Label, any_, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.sql import Select

from schemas.vocabulary import Shape


def row_as(shape: type[Shape], model: Any, **others: Any) -> ColumnElement[Any]:
    """A row as JSON with the shape's fields: columns of the same name, but for those given."""
    pairs: list[Any] = []
    for name in shape.model_fields:
        pairs += [name, others[name] if name in others else getattr(model, name)]
    return func.jsonb_build_object(*pairs, type_=JSONB).label("found")


def many(name: str, query: "Select[Any]") -> Label[Any]:
    """All rows of a query of one JSON column, as one JSON array."""
    inner = query.subquery()
    return select(func.coalesce(func.jsonb_agg(inner.c.found), cast([], JSONB))).scalar_subquery().label(name)


def one(name: str, query: "Select[Any]") -> Label[Any]:
    """The first row of a query of one JSON column."""
    return query.limit(1).scalar_subquery().label(name)


def among(values: Sequence[UUID]) -> ColumnElement[Any]:
    """One array parameter, so that the statement's text stays the same whatever the number."""
    return any_(cast(list(values), ARRAY(PGUUID())))


def linked(column: Any, model: Any, *where: Any) -> ColumnElement[Any]:
    """The ids in `column` of rows that belong to the outer row."""
    return select(func.coalesce(func.jsonb_agg(column), cast([], JSONB))).where(*where).correlate_except(model).scalar_subquery()
