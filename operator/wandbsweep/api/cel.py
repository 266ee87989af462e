"""How a type hands the API server a rule in CEL, and the message a user gets when it is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pydantic.types import JsonDict


class Rule(NamedTuple):
    """One CEL rule. The message names the field with its path and says what to do."""

    rule: str
    message: str


def cel(*rules: Rule) -> JsonDict:
    """The rules as the part of a schema that the API server reads."""
    return {"x-kubernetes-validations": [rule._asdict() for rule in rules]}


def at_least(path: str, least: int, otherwise: str) -> JsonDict:
    """The rule of a whole number that must not be smaller, and what to do instead of giving a smaller one."""
    return cel(Rule(rule=f"self >= {least}", message=f"{path} must be at least {least}; {otherwise}"))


def immutable(path: str, why: str) -> Rule:
    """A rule for the object that holds the field: it can be neither changed, nor set, nor removed later."""
    field = path.rsplit(".", 1)[-1]
    return Rule(
        rule=f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})",
        message=f"{path} cannot be changed, because {why}: delete the object and apply the new one",
    )
