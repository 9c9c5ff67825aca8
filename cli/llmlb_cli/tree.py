"""Every command, as data: where it lives, what it is for, which shared options it takes.

Nothing here imports a command; ``llmlb --help`` is written from this table alone. A new command is a function in
``commands/`` and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Verb(NamedTuple):
    """A command that does something. target: ``module:function`` within ``llmlb_cli.commands``.

    options: names of the groups of shared options (``options.GROUPS``) it takes beside its own.
    """

    target: str
    summary: str
    options: str = ""


class Noun(NamedTuple):
    """A command that only leads to its verbs."""

    summary: str
    verbs: Mapping[str, Verb]


READ = "output connection"
LIST = "output listing connection"
ACT = "output connection consent"

NODES = Noun(
    "The fleet: look at nodes, let them in, pause and remove them",
    {
        "list": Verb("nodes:list_nodes", "List the nodes with their state and load", LIST),
        "get": Verb("nodes:get_nodes", "Show everything about one node or several", READ),
        "add": Verb("nodes:add_node", "Add an engine that has no agent; the router asks it itself", READ),
        "approve": Verb("node_verbs:approve", "Let pending nodes take requests", ACT),
        "reject": Verb("node_verbs:reject", "Turn nodes away and refuse their ids for 24 hours", ACT),
        "drain": Verb("node_verbs:drain", "Give nodes no new work; what runs may finish", ACT),
        "undrain": Verb("node_verbs:undrain", "Give drained nodes work again", ACT),
        "delete": Verb("node_verbs:delete", "Remove nodes and their tokens", ACT),
    },
)

KEYS = Noun(
    "API keys of the clients of /v1",
    {
        "list": Verb("keys:list_keys", "List the API keys, without the keys themselves", LIST),
        "create": Verb("keys:create_key", "Create an API key and show it, once", READ),
        "revoke": Verb("keys:revoke_key", "End an API key at once", ACT),
    },
)

USERS = Noun(
    "People who may log in",
    {
        "list": Verb("users:list_users", "List the users and their roles", LIST),
        "create": Verb("users:create_user", "Create a user", READ),
        "delete": Verb("users:delete_user", "Delete a user and end all of its sessions", ACT),
        "passwd": Verb("passwords:change_password", "Set a password, also when it was lost", READ),
    },
)

THRESHOLDS = Noun(
    "How nodes are chosen, and when they are passed over",
    {
        "get": Verb("thresholds:get_thresholds", "Show the mode and the thresholds in force", READ),
        "set": Verb("thresholds:set_thresholds", "Change them at once, without a restart", ACT),
        "preview": Verb("thresholds:preview_thresholds", "Show which nodes a change would pass over", LIST),
    },
)

CONFIG = Noun(
    "The router's configuration on this machine",
    {
        "show": Verb(
            "config:show_config", "Show every setting, with --origin where its value came from", "output listing"
        ),
        "path": Verb("config:show_paths", "Show which files and directories are used", "output"),
        "validate": Verb("config:validate_config", "Check the configuration without starting anything", "output"),
    },
)

COMMANDS: Mapping[str, Verb | Noun] = {
    "serve": Verb("serve:serve", "Run the router"),
    "agent": Verb("agent:agent", "Run beside an engine: register it and send its heartbeats"),
    "top": Verb("top:top", "The console: the fleet live, and what can be done to it", "connection"),
    "status": Verb("status:status", "The router, its nodes and alerts on one screen", READ),
    "nodes": NODES,
    "thresholds": THRESHOLDS,
    "keys": KEYS,
    "users": USERS,
    "login": Verb("login:login", "Log in to a router and remember it", READ),
    "logout": Verb("login:logout", "End the session and forget it", READ),
    "loadtest": Verb("loadtest:loadtest", "Measure a router or any OpenAI-compatible endpoint", "narration"),
    "demo": Verb("demo:demo", "A router and three engines on this machine, one of them killed"),
    "sim": Verb("sim:sim", "Run a simulated engine"),
    "config": CONFIG,
    "version": Verb("version:version", "Show the version", "output"),
}

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Run": ("serve", "agent"),
    "Operate": ("top", "status", "nodes", "thresholds", "keys", "users"),
    "Access": ("login", "logout"),
    "Try and measure": ("loadtest", "demo", "sim"),
    "This machine": ("config", "version"),
}

ALIASES: Mapping[str, str] = {
    "node": "nodes",
    "no": "nodes",
    "key": "keys",
    "user": "users",
    "threshold": "thresholds",
    "th": "thresholds",
}


def canonical(name: str, table: Mapping[str, Verb | Noun] = COMMANDS) -> str:
    """The name a command is listed under; aliases exist for the nouns only."""
    alias = ALIASES.get(name, name)
    return alias if alias in table else name


def aliases_of(name: str) -> list[str]:
    """The other names of a command."""
    return [alias for alias, target in ALIASES.items() if target == name]
