"""The full name of a sweep, as `wandb agent` takes it: entity/project/id."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SweepPath:
    """Where a sweep lives on its W&B server."""

    entity: str
    project: str
    sweep_id: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}/{self.sweep_id}"

    @classmethod
    def parse(cls, text: str) -> SweepPath:
        """Reads what `str()` wrote; raises ValueError for anything else."""
        entity, project, sweep_id = text.split("/")
        return cls(entity, project, sweep_id)
