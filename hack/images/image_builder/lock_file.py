"""Reads a lock file of uv: which packages it pins, and which of them is there for which other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_ENTRY = re.compile(r"^([a-z0-9._-]+)==\S+", re.MULTILINE)
_USER = re.compile(r"^    #(?: via|  ) ([a-z0-9._-]+)$", re.MULTILINE)
_ASKED_FOR = re.compile(r"^    #(?: via|  ) (?:-r \S+|\S+ \(\S+\))$", re.MULTILINE)


def normal_name(name: str) -> str:
    """One spelling for a package, whoever names it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def users_of_packages(lock: str) -> Mapping[str, set[str]]:
    """Which other packages need a package, as the lock's comments tell."""
    return {name: {normal_name(user) for user in _USER.findall(entry)} for name, entry in entries(lock).items()}


def asked_for(lock: str) -> set[str]:
    """The packages that this repository names itself."""
    return {name for name, entry in entries(lock).items() if _ASKED_FOR.search(entry)}


def entries(lock: str) -> Mapping[str, str]:
    """The lines of each package, by its name."""
    starts = list(_ENTRY.finditer(lock))
    ends = [*(match.start() for match in starts[1:]), len(lock)]
    return {normal_name(match[1]): lock[match.start() : end] for match, end in zip(starts, ends, strict=True)}


def with_all_they_need(lock: str, names: Collection[str]) -> set[str]:
    """These packages, what they need, what that needs, and so on."""
    users = users_of_packages(lock)
    found: set[str] = set()
    wanted = {normal_name(name) for name in names}
    while wanted:
        found |= wanted
        wanted = {name for name, its_users in users.items() if its_users & wanted} - found
    return found
