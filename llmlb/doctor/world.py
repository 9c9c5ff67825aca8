"""What the checks look at. Everything is read beforehand; None stands for what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmlb.config.settings import Settings


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The router's data directory. mode: permission bits.  is_mine: whether this process's user owns it.

    open_files: secrets and databases that others can read.  newest_backup_age_s: None without a backup.
    newest_file_ahead_s: how far the youngest file lies in the future.  store_problem: "" for a sound store.
    """

    path: str
    exists: bool = True
    mode: int = 0o700
    is_mine: bool = True
    is_writable: bool = True
    free_bytes: int = 50_000_000_000
    total_bytes: int = 100_000_000_000
    open_files: tuple[str, ...] = ()
    has_first_password: bool = False
    newest_backup_age_s: float | None = 3600.0
    newest_file_ahead_s: float = 0.0
    store_problem: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """The router's own machine, as far as this process may look.

    problems: why the configuration cannot be used; settings is None then.  running_pid: the router that holds the
    data directory's lock.  port_is_taken: somebody accepts connections where the router is configured to listen.
    file_limit: open files that the running router may have.  certificate_left_s: until ``server.tls_cert`` ends.
    ollama: the variables of an Ollama process on this machine, None where none runs or it may not be read.
    """

    data: DataDirectory
    settings: Settings | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    running_pid: int | None = None
    port_is_taken: bool = False
    file_limit: int | None = None
    certificate_left_s: float | None = None
    ollama: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RouterAnswer:
    """What came back from the router. headers: lower-case names.  skew_s: how far its clock is ahead of this one.

    proxy: the proxy variable that programs of this shell would use for it, "" for none.
    """

    url: str
    problem: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    skew_s: float | None = None
    proxy: str = ""

    @property
    def is_there(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True)
class Engine:
    """What came back from a node's engine, asked from here. why_not: why it was not asked, "" if it was.

    problem: why it could not be reached.  status: of ``/v1/models``.  closed_after_s: when it closed an idle
    connection, None if it was still open after ours would have been closed.
    """

    why_not: str = ""
    problem: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_ollama: bool = False
    is_local: bool = False
    closed_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node as the router tells it; see ``docs/api.md``. waiting_s: since it registered.  engine: None: not asked."""

    id: str
    url: str = ""
    state: str = "online"
    draining: bool = False
    late: bool = False
    circuit: str = "closed"
    engine_kind: str = ""
    has_agent: bool = True
    has_key: bool = False
    heartbeat_s: float = 30.0
    gpus: int = 0
    has_figures: bool = True
    excluded_by: tuple[str, ...] = ()
    active: int = 0
    max_concurrency: int | None = None
    models: tuple[str, ...] = ()
    ttft_ms: float | None = None
    last_error: str = ""
    waiting_s: float = 0.0
    engine: Engine | None = None

    @property
    def is_approved(self) -> bool:
        return self.state in ("online", "offline")

    @property
    def takes_work(self) -> bool:
        return self.state == "online" and not (self.draining or self.late) and self.circuit == "closed"


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the router tells with a login. attempts: (node, cause) of recent tries that failed.

    selections: by reason.  first_event_s: until the event feed said its first word, None if it said none in time.
    """

    version: str
    uptime_s: float
    mode: str = "metrics"
    gpu_threshold: float = 80.0
    active_threshold: int = 10
    nodes: tuple[NodeState, ...] = ()
    attempts: tuple[tuple[str, str], ...] = ()
    selections: Mapping[str, int] = field(default_factory=dict)
    first_event_s: float | None = 0.1


@dataclass(frozen=True, slots=True)
class World:
    """Everything. version: of this program.  machine: None where the router runs elsewhere.  fleet: None: not told."""

    version: str
    router: RouterAnswer
    machine: Machine | None = None
    fleet: Fleet | None = None
    no_machine: str = ""
    no_fleet: str = ""

    @property
    def settings(self) -> Settings | None:
        """The router's settings, None where its machine is another one or they cannot be used."""
        return None if self.machine is None else self.machine.settings
