"""Checks of the router's machine: its configuration, files, port and clock."""

from __future__ import annotations

from collections.abc import Iterator

from llmlb.config.checks import is_loopback
from llmlb.doctor.finding import Finding, critical, warning
from llmlb.doctor.world import DataDirectory, Machine, World

DAY_S = 86_400.0
MIN_FREE_BYTES = 500_000_000
MIN_FREE_SHARE = 0.02
"""What SQLite needs for its log and a backup is less; logs and other programs share the disk."""
BACKUP_AGE_S = 2 * DAY_S
CERTIFICATE_LEFT_S = 14 * DAY_S
CLOCK_AHEAD_S = 60.0


def configuration(world: World) -> Iterator[Finding]:
    """llmlb serve would refuse to start."""
    for problem in _machine(world).problems:
        yield critical(problem, fix="mend it, then: llmlb config validate")


def configuration_doubts(world: World) -> Iterator[Finding]:
    """It starts, with something that is hardly meant."""
    for text in _machine(world).warnings:
        yield warning(text, fix="llmlb config show --origin tells where each value comes from")


def open_door(world: World) -> Iterator[Finding]:
    """Passwords and keys cross the network readable."""
    settings = world.settings
    if settings is None or is_loopback(settings.server.host):
        return
    if not settings.server.tls_cert and not settings.server.trusted_proxies:
        yield warning(
            f"it listens on {settings.server.host} without TLS: passwords and keys can be read on the way",
            fix="set server.tls_cert and server.tls_key, or listen on 127.0.0.1 behind a proxy that speaks TLS",
            subject="server.host",
        )


def certificate(world: World) -> Iterator[Finding]:
    """The router's own certificate ends."""
    left_s = _machine(world).certificate_left_s
    if left_s is None or left_s > CERTIFICATE_LEFT_S:
        return
    fix = "renew server.tls_cert, then restart llmlb serve"
    if left_s <= 0:
        yield critical("the certificate has expired: clients refuse it", fix=fix, subject="server.tls_cert")
    else:
        yield warning(f"the certificate expires in {left_s / DAY_S:.0f} days", fix=fix, subject="server.tls_cert")


def data_access(world: World) -> Iterator[Finding]:
    """Others can read the secrets, or the router cannot write."""
    data = _data(world)
    if data.mode & 0o077:
        yield critical(
            f"others on this machine can enter {data.path} (mode {data.mode:03o})",
            fix=f"chmod 700 {data.path}",
            subject="data directory",
        )
    for name in data.open_files:
        yield critical(
            f"others on this machine can read {name}", fix=f"chmod 600 {data.path}/{name}", subject="data directory"
        )
    if data.is_mine and not data.is_writable:
        yield critical(
            f"{data.path} cannot be written: nothing that operators do is kept",
            fix=f"chmod 700 {data.path}, and see that its disk is not mounted read-only",
            subject="data directory",
        )


def disk_space(world: World) -> Iterator[Finding]:
    """The disk fills up."""
    data = _data(world)
    if data.free_bytes < MIN_FREE_BYTES or data.free_bytes < MIN_FREE_SHARE * data.total_bytes:
        yield warning(
            f"{data.free_bytes / 1e6:.0f} MB are free under {data.path}; when it is full, changes answer 507",
            fix="free some space, or move the data directory with --data-dir",
            subject="data directory",
        )


def store(world: World) -> Iterator[Finding]:
    """The database is damaged."""
    data = _data(world)
    if data.store_problem:
        yield critical(
            data.store_problem,
            fix=f"stop llmlb, then: llmlb db restore --data-dir {data.path}",
            subject="store",
        )


def backups(world: World) -> Iterator[Finding]:
    """The daily backup does not happen."""
    settings, fleet, age_s = world.settings, world.fleet, _data(world).newest_backup_age_s
    if settings is None or not settings.store.backups or fleet is None or fleet.uptime_s < BACKUP_AGE_S:
        return
    if age_s is None or age_s > BACKUP_AGE_S:
        told = "there is no backup" if age_s is None else f"the newest backup is {age_s / DAY_S:.0f} days old"
        yield warning(told, fix="make one: llmlb db backup   |   the router's log says what failed", subject="backups")


def first_password(world: World) -> Iterator[Finding]:
    """The generated password still lies in its file."""
    data = _data(world)
    if data.has_first_password:
        yield warning(
            f"the generated password of the first administrator still lies in {data.path}",
            fix="choose your own: llmlb users passwd admin; the file goes by itself",
            subject="initial_admin_password",
        )


def port(world: World) -> Iterator[Finding]:
    """Somebody else has the router's port, or the router listens elsewhere."""
    machine, settings = _machine(world), world.settings
    if world.router.is_there or settings is None:
        return
    where = f"{settings.server.host}:{settings.server.port}"
    if machine.running_pid is not None:
        yield critical(
            f"a router runs here (process {machine.running_pid}), but not at {world.router.url}",
            fix=f"name its address: --url http://{where}, or what its own log says it listens on",
            subject=world.router.url,
        )
    elif machine.port_is_taken:
        yield critical(
            f"another program listens on {where}, so the router cannot start there",
            fix=f"stop it (ss -ltnp | grep :{settings.server.port}), or choose another server.port",
            subject="server.port",
        )


def file_limit(world: World) -> Iterator[Finding]:
    """The system allows the running router fewer sockets than it is told to take."""
    limit, settings = _machine(world).file_limit, world.settings
    if limit is not None and settings is not None and limit < settings.server.connections:
        yield warning(
            f"the router may open {limit} files, too few for server.connections = {settings.server.connections}",
            # Each client's connection may need one to a node, and there are files beside.
            fix=f"LimitNOFILE={4 * settings.server.connections} in its systemd unit, or ulimit -n before llmlb serve",
            subject="server.connections",
        )


def clock_ran_back(world: World) -> Iterator[Finding]:
    """Files from the future: the clock was set back, or is wrong now."""
    data = _data(world)
    if data.newest_file_ahead_s > CLOCK_AHEAD_S:
        yield warning(
            f"files in {data.path} are {data.newest_file_ahead_s:.0f} s newer than this machine's clock says it is",
            fix="set the clock and keep it set: timedatectl set-ntp true",
            subject="clock",
        )


def _machine(world: World) -> Machine:
    assert world.machine is not None, "the run leaves these checks out without a machine"
    return world.machine


def _data(world: World) -> DataDirectory:
    return _machine(world).data
