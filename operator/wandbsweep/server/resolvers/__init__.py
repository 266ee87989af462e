"""Resolvers of the GraphQL schema: one file per noun, each binding fields of the schema files by their names."""

from wandbsweep.server.resolvers import agents, files, history, projects, runs, scalars, sweeps, viewer

BINDINGS = (
    *scalars.BINDINGS,
    *viewer.BINDINGS,
    *projects.BINDINGS,
    *sweeps.BINDINGS,
    *agents.BINDINGS,
    *runs.BINDINGS,
    *history.BINDINGS,
    *files.BINDINGS,
)
