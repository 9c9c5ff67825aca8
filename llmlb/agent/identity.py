"""A node's default name: the host's, made fit for an id."""

from __future__ import annotations

import re

from llmlb.errors import ConfigurationError

MAX_ID_CHARS = 63

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def checked_node_id(node_id: str) -> str:
    """The id as given; raises ConfigurationError for one that no router accepts."""
    if _ID.fullmatch(node_id):
        return node_id
    fitting = sanitised(node_id)
    raise ConfigurationError(
        f"{node_id!r} cannot be a node id: letters, digits, '.', '_' and '-', at most {MAX_ID_CHARS}, "
        f"starting with a letter or digit; try {fitting}"
    )


def default_ids(host_name: str, engine_port: int) -> tuple[str, ...]:
    """The ids to try, in order: the host's name, then, if another node has that one, with the engine's port."""
    host, suffix = sanitised(host_name), f"-{engine_port}"
    return (host, host[: MAX_ID_CHARS - len(suffix)] + suffix)


def sanitised(name: str) -> str:
    """The nearest valid id; ``node`` where nothing of the name remains."""
    fitting = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[:MAX_ID_CHARS].rstrip("._-")
    return fitting or "node"
