"""Every command, as data: where it lives, what it is for, which shared options it takes.

Nothing here imports a command; ``llmlb --help`` is written from this table alone. A new command is a function in
``commands/`` and one line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Verb(NamedTuple):
    """A command that does something. target: ``module:function`` within ``llmlb_cli.commands``.

    options: names of the groups of shared options (``options.GROUPS``) it takes beside its own.
    plain: of a read that needs no argument, its own options that hold any text; None for every other verb (``plain``).
    """

    target: str
    summary: str
    options: str = ""
    plain: str | None = None


class Noun(NamedTuple):
    """A command that only leads to its verbs."""

    summary: str
    verbs: Mapping[str, Verb]


READ = "output connection"
LIST = "output listing watching connection"
TAIL = "output listing connection"
CHANGE = "output connection trial"
WAIT = "output selection connection"
ACT = "output connection consent trial"
ACT_ON_MANY = "output selection connection consent trial"

NODES = Noun(
    "The fleet: look at nodes, let them in, pause and remove them",
    {
        "list": Verb("nodes:list_nodes", "List the nodes with their state and load", LIST, plain="state model q"),
        "get": Verb("nodes:get_nodes", "Show everything about one node or several", READ),
        "add": Verb("nodes:add_node", "Add an engine that has no agent; the router asks it itself", CHANGE),
        "approve": Verb("node_verbs:approve", "Let pending nodes take requests", ACT_ON_MANY),
        "reject": Verb("node_verbs:reject", "Turn nodes away and refuse their ids for 24 hours", ACT_ON_MANY),
        "drain": Verb("node_verbs:drain", "Give nodes no new work; what runs may finish", ACT_ON_MANY),
        "undrain": Verb("node_verbs:undrain", "Give drained nodes work again", ACT_ON_MANY),
        "delete": Verb("node_verbs:delete", "Remove nodes and their tokens", ACT_ON_MANY),
        "set": Verb("node_edits:set_nodes", "Change name, tags, note or limits of nodes", ACT_ON_MANY),
        "wait": Verb("node_verbs:wait", "Wait until nodes are online, or until nothing runs there", WAIT),
        "rotate-token": Verb("node_tokens:rotate_token", "Replace a node's token and show the new one, once", ACT),
        "why": Verb("why:explain_choice", "Show where the next request for a model goes, and why", LIST),
    },
)

MODELS = Noun(
    "What the fleet can serve",
    {
        "list": Verb(
            "models:list_models", "List the models and how many nodes can take requests for each", LIST, plain="node"
        ),
        "get": Verb("models:get_model", "Show which nodes have a model", READ),
    },
)

REQUESTS = Noun(
    "What clients asked, and how it ended",
    {
        "list": Verb("requests:list_requests", "List recent requests", LIST, plain="model node key outcome since"),
        "get": Verb("requests:get_request", "Show one request and every try", READ),
        "tail": Verb("requests:tail_requests", "Show requests as they end", TAIL),
    },
)

EVENTS = Noun(
    "What happens to the fleet",
    {
        "list": Verb("events:list_events", "List what happened to the fleet", LIST, plain="node since"),
        "tail": Verb("events:tail_events", "Show it as it happens", TAIL),
    },
)

ALERTS = Noun(
    "What needs a person",
    {
        "list": Verb("alerts:list_alerts", "List the alerts and what can be done", LIST, plain="severity"),
        "ack": Verb("alerts:acknowledge_alert", "Say that somebody takes care of alerts", ACT_ON_MANY),
        "silence": Verb("alerts:silence_alert", "Keep alerts quiet for a time", ACT_ON_MANY),
    },
)

AUDIT = Noun(
    "Who logged in, and who changed what",
    {"list": Verb("audit:list_audit", "List logins and changes", LIST, plain="actor action since")},
)

CONTEXT = Noun(
    "The routers that this user knows by name",
    {
        "list": Verb("contexts:list_contexts", "List the contexts; the one in use is marked", "output listing"),
        "use": Verb("contexts:use_context", "Make a context the one that commands use", "output"),
        "add": Verb("contexts:add_context", "Give a router a name", "output"),
        "set": Verb("contexts:set_context", "Change a context", "output"),
        "remove": Verb("contexts:remove_context", "Forget a context and its login", "output trial"),
        "show": Verb("contexts:show_context", "Show a context", "output"),
        "current": Verb("contexts:current_context", "Print the name of the context in use", "output"),
    },
)

KEYS = Noun(
    "API keys of the clients of /v1",
    {
        "list": Verb("keys:list_keys", "List the API keys, without the keys themselves", LIST, plain=""),
        "create": Verb("keys:create_key", "Create an API key and show it, once", CHANGE),
        "revoke": Verb("keys:revoke_key", "End an API key at once", ACT_ON_MANY),
    },
)

JOIN_TOKENS = Noun(
    "Tokens that let nodes register where the router demands one",
    {
        "list": Verb(
            "join_tokens:list_join_tokens", "List the join tokens, without the tokens themselves", LIST, plain=""
        ),
        "create": Verb("join_tokens:create_join_token", "Create a join token and show it, once", CHANGE),
        "delete": Verb("join_tokens:delete_join_tokens", "End join tokens at once", ACT_ON_MANY),
    },
)

USERS = Noun(
    "People who may log in",
    {
        "list": Verb("users:list_users", "List the users and their roles", LIST, plain=""),
        "create": Verb("users:create_user", "Create a user", CHANGE),
        "set": Verb("users:set_user", "Give a user another role", ACT),
        "delete": Verb("users:delete_user", "Delete a user and end all of its sessions", ACT_ON_MANY),
        "passwd": Verb("passwords:change_password", "Set a password, also when it was lost", ACT),
    },
)

THRESHOLDS = Noun(
    "How nodes are chosen, and when they are passed over",
    {
        "get": Verb("thresholds:get_thresholds", "Show the mode and the thresholds in force", READ, plain=""),
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

DB = Noun(
    "The store of a router on this machine: check it, back it up, put a backup back",
    {
        "check": Verb("db:check_store", "Read the store's files whole and say what is wrong", "output listing"),
        "backup": Verb("db:back_up_store", "Copy the store, also while a router runs", "output"),
        "restore": Verb("db:restore_store", "Put a backup in the store's place", "output consent trial"),
        "backups": Verb("db:list_store_backups", "List the backups", "output listing"),
    },
)

COMMANDS: Mapping[str, Verb | Noun] = {
    "serve": Verb("serve:serve", "Run the router"),
    "agent": Verb("agent:agent", "Run beside an engine: register it and send its heartbeats"),
    "top": Verb("top:top", "The console: the fleet live, and what can be done to it", "connection"),
    "status": Verb("status:status", "The router, its nodes and alerts on one screen", READ, plain=""),
    "nodes": NODES,
    "models": MODELS,
    "requests": REQUESTS,
    "events": EVENTS,
    "alerts": ALERTS,
    "audit": AUDIT,
    "context": CONTEXT,
    "thresholds": THRESHOLDS,
    "keys": KEYS,
    "join-tokens": JOIN_TOKENS,
    "users": USERS,
    "login": Verb("login:login", "Log in to a router and remember it", READ),
    "logout": Verb("login:logout", "End the session and forget it", READ),
    "loadtest": Verb("loadtest:loadtest", "Measure a router or any OpenAI-compatible endpoint", "narration"),
    "demo": Verb("demo:demo", "A router and three engines on this machine, one of them killed"),
    "sim": Verb("sim:sim", "Run a simulated engine"),
    "doctor": Verb("doctor:doctor", "Look for what is wrong, and say how to mend it", READ),
    "config": CONFIG,
    "db": DB,
    "completion": Verb("completion:completion", "Print the script that makes Tab work in a shell"),
    "version": Verb("version:version", "Show the version", "output"),
}

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Run": ("serve", "agent"),
    "Operate": (
        "top",
        "status",
        "nodes",
        "models",
        "requests",
        "events",
        "alerts",
        "thresholds",
        "keys",
        "join-tokens",
        "users",
        "audit",
    ),
    "Access": ("login", "logout", "context"),
    "Try and measure": ("loadtest", "demo", "sim"),
    "This machine": ("doctor", "config", "db", "completion", "version"),
}

ALIASES: Mapping[str, str] = {
    "node": "nodes",
    "no": "nodes",
    "model": "models",
    "request": "requests",
    "req": "requests",
    "event": "events",
    "ev": "events",
    "alert": "alerts",
    "contexts": "context",
    "key": "keys",
    "join-token": "join-tokens",
    "user": "users",
    "threshold": "thresholds",
    "th": "thresholds",
}


def canonical(name: str, table: Mapping[str, Verb | Noun] = COMMANDS) -> str:
    """The name a command is listed under; aliases exist for the nouns only."""
    alias = ALIASES.get(name, name)
    return alias if alias in table else name


def path_in(words: Iterable[str]) -> str:
    """``llmlb nodes list``: the command that a line is about, as far as it names one."""
    names, table = ["llmlb"], COMMANDS
    for word in words:
        entry = table.get(canonical(word, table))
        if entry is not None:
            names.append(canonical(word, table))
        if isinstance(entry, Verb):
            break
        if isinstance(entry, Noun):
            table = entry.verbs
    return " ".join(names)


def aliases_of(name: str) -> list[str]:
    """The other names of a command."""
    return [alias for alias, target in ALIASES.items() if target == name]
