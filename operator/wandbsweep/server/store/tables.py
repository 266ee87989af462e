"""The tables. Times are seconds since 1970 (UTC); config, summary and the like are JSON texts as answered."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

metadata = MetaData()


def _key() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _parent(table: str) -> Column[int]:
    return Column(f"{table.rstrip('s')}_id", ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


# Secrets and the schema's version.
meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

users = Table(
    "users",
    metadata,
    _key(),
    Column("name", String, nullable=False, unique=True),
    Column("entity", String, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    _key(),
    _parent("users"),
    Column("name", String, nullable=False, unique=True),
    Column("digest", String, nullable=False),
    Column("created_at", Float, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    _key(),
    Column("entity", String, nullable=False),
    Column("name", String, nullable=False),
    Column("description", Text),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("entity", "name"),
    sqlite_autoincrement=True,
)

sweeps = Table(
    "sweeps",
    metadata,
    _key(),
    _parent("projects"),
    Column("name", String, nullable=False),  # the short id that users see
    Column("display_name", Text),
    Column("description", Text),
    Column("config", Text, nullable=False),  # the YAML as it was sent
    Column("definition", Text, nullable=False),  # the same as JSON, so that no heartbeat parses YAML
    Column("method", String, nullable=False),
    Column("metric", Text),
    Column("goal", String, nullable=False),
    Column("run_cap", Integer),
    Column("grid_size", Integer),
    Column("early_terminate", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("exhausted", Boolean, nullable=False, default=False),  # the search has nothing more to propose
    Column("error", Text),  # why the server gave up on the sweep
    Column("controller", Text),
    Column("scheduler", Text),
    Column("controller_run", String, nullable=False),  # the run that takes the log of the sweep's scheduler
    Column("searched_elsewhere", Boolean, nullable=False),  # its runs are enqueued, none is proposed here
    Column("prior_runs", Text, nullable=False, default="[]"),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("heartbeat_at", Float),
    UniqueConstraint("project_id", "name"),
    sqlite_autoincrement=True,
)

agents = Table(
    "agents",
    metadata,
    _key(),
    _parent("sweeps"),
    Column("name", String, nullable=False),
    Column("host", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("heartbeat_at", Float, nullable=False),
    Column("told_to_exit", Boolean, nullable=False, default=False),
    Index("agents_by_sweep", "sweep_id"),
    sqlite_autoincrement=True,
)

runs = Table(
    "runs",
    metadata,
    _key(),
    _parent("projects"),
    Column("name", String, nullable=False),  # the run id that users see
    Column("sweep_id", ForeignKey("sweeps.id", ondelete="SET NULL")),
    Column("agent_id", ForeignKey("agents.id", ondelete="SET NULL")),
    Column("state", String, nullable=False),
    Column("exitcode", Integer),
    Column("display_name", Text),
    Column("description", Text),
    Column("notes", Text),
    Column("tags", Text, nullable=False, default="[]"),
    Column("group_name", Text),
    Column("job_type", Text),
    Column("commit", Text),
    Column("host", Text),
    Column("program", Text),
    Column("config", Text, nullable=False, default="{}"),
    Column("sampled", Text),  # the parameters as the search proposed them
    Column("summary", Text, nullable=False, default="{}"),
    Column("system_metrics", Text, nullable=False, default="{}"),
    Column("history_keys", Text, nullable=False, default="{}"),
    Column("last_step", BigInteger, nullable=False, default=-1),
    Column("history_count", Integer, nullable=False, default=0),
    Column("event_count", Integer, nullable=False, default=0),
    Column("log_count", Integer, nullable=False, default=0),
    Column("metric_min", Float),  # extremes of the sweep's metric over the history
    Column("metric_max", Float),
    Column("resumed", Boolean, nullable=False, default=False),  # handed out again after a preemption
    Column("deliveries", Integer, nullable=False, default=0),
    Column("handed_at", Float),  # when its agent was last told to start it
    Column("listed_at", Float),  # when its agent last named it as a living process
    Column("streamed_at", Float),  # when the run itself last sent anything
    Column("stop_requested_at", Float),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("project_id", "name"),
    Index("runs_by_sweep", "sweep_id", "state"),
    Index("runs_by_agent", "agent_id", "state"),
    Index("runs_by_state", "state"),
    sqlite_autoincrement=True,
)

TAGGED = runs.c.tags != literal_column("'[]'")  # spelt out: SQLite uses a partial index only for its very condition
Index("runs_tagged", runs.c.sweep_id, sqlite_where=TAGGED, postgresql_where=TAGGED)


def _lines(name: str, *more: Column[int]) -> Table:
    return Table(
        name,
        metadata,
        Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        Column("line", Integer, primary_key=True),
        *more,
        Column("data", Text, nullable=False),
        sqlite_with_rowid=False,
    )


history = _lines("history", Column("step", BigInteger, nullable=False))
events = _lines("events")
log_lines = _lines("log_lines")

files = Table(
    "files",
    metadata,
    _key(),
    _parent("runs"),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("md5", String, nullable=False),
    Column("mimetype", String, nullable=False),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("run_id", "name"),
    sqlite_autoincrement=True,
)
