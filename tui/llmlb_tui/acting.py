"""What the application does for its screens: acts on nodes, copies, exports, logs in, goes to another router."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from llmlb.errors import LlmlbError
from llmlb_tui.model.actions import BY_ID, cli_line
from llmlb_tui.model.acts import ACTS, Pinned
from llmlb_tui.shell import Shell


class Acting(Shell):
    """Part of the application."""

    # Acts on nodes

    def do_approve(self) -> None:
        self._ask("approve")

    def do_reject(self) -> None:
        self._ask("reject")

    def do_drain(self) -> None:
        self._ask("drain")

    def do_undrain(self) -> None:
        self._ask("undrain")

    def do_delete(self) -> None:
        self._ask("delete")

    def do_tag(self) -> None:
        from llmlb_tui.dialogs.tags import TagDialog

        nodes = [node for node in map(self.desk.state.nodes.get, self.acted_on()) if node is not None]
        if not nodes:
            self.say("tag: there is no node under the cursor", trouble=True)
            return

        async def set_tags(pinned: Pinned, tags: Sequence[str]) -> None:
            await self.client.patch(pinned.id, {"tags": list(tags)}, if_match=pinned.revision)

        targets = [Pinned(node.id, node.revision) for node in nodes]
        tags = {node.id: node.tags for node in nodes}
        self.push_screen(TagDialog(targets, tags, set_tags, self.desk.selection))

    def _ask(self, verb: str) -> None:
        """Pin what is marked, or the row under the cursor, and ask."""
        # Dialogs are late: the first picture must come soon.
        from llmlb_tui.dialogs.confirm import ConfirmDialog, DrainDialog

        act = ACTS[verb]
        nodes = [node for node in map(self.desk.state.nodes.get, self.acted_on()) if node is not None]
        if not nodes:
            self.say(f"{verb}: there is no node under the cursor", trouble=True)
            return
        fitting = [node for node in nodes if act.fits(node)]
        if not fitting:
            which = nodes[0].id if len(nodes) == 1 else f"none of the {len(nodes)} nodes fits: they are"
            self.say(f"{verb}: {which}{' is' if len(nodes) == 1 else ''} {act.misfit}", trouble=True)
            return
        targets = [Pinned(node.id, node.revision) for node in fitting]
        skipped, selection = len(nodes) - len(fitting), self.desk.selection
        if verb == "drain":
            self.push_screen(DrainDialog(targets, skipped, self._drain, selection))
        else:
            self.push_screen(ConfirmDialog(act, targets, skipped, self._performer(verb), selection))

    async def _drain(self, pinned: Pinned, reason: str) -> None:
        await self.client.drain(pinned.id, if_match=pinned.revision, reason=reason)

    def _performer(self, verb: str) -> Callable[[Pinned], Awaitable[None]]:
        async def perform(pinned: Pinned) -> None:
            client = self.client
            match verb:
                case "approve":
                    await client.approve(pinned.id, if_match=pinned.revision)
                case "reject":
                    await client.reject(pinned.id, if_match=pinned.revision)
                case "undrain":
                    await client.undrain(pinned.id, if_match=pinned.revision)
                case "delete":
                    await client.delete(pinned.id, if_match=pinned.revision)
                case _:
                    raise AssertionError(f"{verb} is no act")

        return perform

    # Thresholds

    def why_not_thresholds(self) -> str:
        """Why thresholds cannot be changed now; looking at them is always possible."""
        return self.desk.why_not(BY_ID["undo_thresholds"]._replace(label="thresholds"), self.now_s())

    def do_thresholds(self) -> None:
        from llmlb_tui.dialogs.thresholds import ThresholdDialog

        self.push_screen(ThresholdDialog(self.desk.state.settings))

    def do_undo_thresholds(self) -> None:
        from llmlb_tui.dialogs.undo import UndoDialog, overtaken_text

        change = self.desk.undo
        if change is None:
            self.say("nothing to take back: the thresholds were not changed from this console", trouble=True)
        elif overtaken := overtaken_text(change, self.desk.state.settings):
            self.say(f"undo: {overtaken}", trouble=True)
        else:
            self.push_screen(UndoDialog(change))

    # Copies and files

    def do_copy(self) -> None:
        ids = self.acted_on()
        nodes = [node for node in map(self.desk.state.nodes.get, ids) if node is not None]
        if not nodes:
            self.say("there is nothing to copy under the cursor", trouble=True)
            return
        from json import dumps

        from llmlb_tui.export import node_fields
        from llmlb_tui.render.columns import layout
        from llmlb_tui.render.fleet import node_line

        shown = layout(self.size.width, self.desk.view.columns)
        lines = [node_line(self.desk, shown, node.id, self.now_s(), cursor=False, marked=False) for node in nodes]
        texts = {
            "id": "\n".join(node.id for node in nodes),
            "url": "\n".join(node.url for node in nodes),
            "row": "\n".join(each.text.strip() for each in lines),
            "json": dumps([node_fields(node) for node in nodes], indent=2, ensure_ascii=False),
            "cli": cli_line(BY_ID["copy"], [node.id for node in nodes], context=self.desk.identity.context),
        }
        self.offer_copies(texts)

    def offer_row(self, id: str, row: str, fields: Mapping[str, object], command: Sequence[str]) -> None:
        """Let the operator copy a row of a list. command: the words of the one that shows it in a shell."""
        from json import dumps
        from shlex import join

        context = self.desk.identity.context
        words = [*command, *(("--context", context) if context else ())]
        self.offer_copies({"id": id, "row": row.strip(), "json": dumps(fields, indent=2), "cli": join(words)})

    def offer_copies(self, texts: Mapping[str, str]) -> None:
        """Let the operator choose what goes to the clipboard."""
        from llmlb_tui.dialogs.chooser import Chooser, Option

        letters = {"id": "i", "url": "u", "row": "r", "json": "j", "cli": "c"}
        labels = {"id": "id", "url": "address", "row": "the row", "json": "JSON", "cli": "the command"}

        def take(name: str, is_second: bool) -> bool:
            self.copy_to_clipboard(texts[name])
            self.say(f"copied {len(texts[name])} characters by OSC 52; not every terminal allows it")
            return False

        options = [
            Option(name, letters[name], labels[name], text.splitlines()[0] if text else "")
            for name, text in texts.items()
            if text
        ]
        self.push_screen(Chooser("Copy", lambda: options, take))

    def offer_export(self, rows: Callable[[], Sequence[Mapping[str, object]]], noun: str) -> None:
        """Let the operator choose the format of a file with the rows."""
        from llmlb_tui.dialogs.chooser import Chooser, Option

        def take(name: str, is_second: bool) -> bool:
            self.export_rows(rows(), noun, kind=name)
            return False

        folder = os.getcwd()
        options = [Option("json", "j", "JSON", folder), Option("csv", "c", "CSV", folder)]
        self.push_screen(Chooser(f"Write the {noun} that are shown to a file", lambda: options, take))

    def export_rows(self, rows: Sequence[Mapping[str, object]], noun: str, *, kind: str, name: str = "") -> None:
        from llmlb_tui.export import write_rows

        try:
            path = write_rows(rows, noun=noun, kind=kind, at_unix_s=self.now_unix_s(), folder=Path.cwd(), name=name)
        except (LlmlbError, OSError) as error:
            self.say(f"export: {error}", trouble=True)
            return
        self.say(f"{len(rows)} {noun} written to {path}")

    def shown_nodes(self) -> list[dict[str, object]]:
        """The nodes that are listed, in their order, for a file."""
        from llmlb_tui.export import node_fields

        known = self.desk.state.nodes
        return [node_fields(known[node_id]) for node_id in self.desk.selection.ids if node_id in known]

    def do_export(self) -> None:
        self.offer_export(self.shown_nodes, "nodes")
