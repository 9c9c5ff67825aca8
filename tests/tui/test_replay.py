"""A recording says what the console was told, and a replay shows what it showed."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tui.driving import FIRST_S, Clock, Console, drive, make_desk, run_script
from tui.fake_router import START_UNIX_S, FakeRouter
from tui.test_goldens import troubled
from tui.test_safety import OPENERS, press_everything, with_past

from llmlb.errors import ConfigurationError
from llmlb_tui import ConsoleOptions
from llmlb_tui.first_look import FirstLook
from llmlb_tui.model.actions import Group, Place, actions_of
from llmlb_tui.model.playback import Playback, read_place
from llmlb_tui.recorded import Recording, open_recording
from llmlb_tui.recording import Recorder, Told
from llmlb_tui.recording_app import RecordingApp
from llmlb_tui.replay_app import ReplayApp
from llmlb_tui.screens.fleet import FleetScreen
from llmlb_tui.start import start
from llmlb_tui.themes import PALETTES

FILE = Path("incident.llmlbrec")
Script = Callable[[Console], Awaitable[None]]


def body(console: Console) -> str:
    """Everything between the title and the footer."""
    return "\n".join(console.text().splitlines()[1:-1])


def record(script: Script, router: FakeRouter, *, size: tuple[int, int] = (120, 36), limit: int = 1 << 29) -> None:
    async def run() -> None:
        clock = Clock()
        recorder = Recorder(FILE, now_s=clock.monotonic_s, now_unix_s=clock.unix_s, limit=limit)
        app = RecordingApp(
            make_desk(),
            recorder=recorder,
            palette=PALETTES["dark"],
            make_client=router.client,
            fps=0.01,
            now_s=clock.monotonic_s,
            now_unix_s=clock.unix_s,
        )
        async with app.run_test(size=size) as pilot:
            await run_script(script, Console(app, router, clock, pilot))

    asyncio.run(run())


def replay(script: Script, *, size: tuple[int, int] = (120, 36)) -> None:
    """Play the file; the console's own router is one that nobody may ask."""
    router = FakeRouter(0)

    async def run() -> None:
        clock = Clock(now_s=5.0)
        with closing(open_recording(FILE)) as recording:
            app = ReplayApp(
                make_desk(),
                recording=recording,
                palette=PALETTES["dark"],
                make_client=router.client,
                fps=0.01,
                now_s=clock.monotonic_s,
                now_unix_s=clock.unix_s,
            )
            async with app.run_test(size=size) as pilot:
                await run_script(script, Console(app, router, clock, pilot))

    asyncio.run(run())
    assert router.calls == [], "a replay asks no router"


def player(console: Console) -> ReplayApp:
    assert isinstance(console.app, ReplayApp)
    return console.app


async def seek(console: Console, at_s: float) -> None:
    app = player(console)
    app.go_to(at_s)
    await console.until(lambda: not app.playback.is_seeking)
    app.desk.flash = None
    await console.settle()


def pass_half(console: Console) -> None:
    console.clock.advance(0.5)
    console.router.now_unix_s += 0.5


async def pass_second(console: Console, *, half: bool = False) -> None:
    """What a second brings, and the picture after it. half: one half of it is over."""
    router = console.router
    for _ in range(1 if half else 2):
        pass_half(console)
    if router.is_away:
        app = console.app
        app.take_loss("connection refused", 4.0)
    else:
        for place, node_id in enumerate(list(router.nodes)):
            router.beat(node_id, gpu_usage=(place * 7 + router.now_unix_s) % 97)
        router.summarise()
    await console.settle(4)


async def minute(console: Console, frames: dict[float, str]) -> None:
    """Sixty seconds with nodes that come, go and fail, a router that is away for a while, and changed settings."""
    router = console.router
    await console.until(lambda: console.app.desk.state.events.has_past)
    histories = console.app.desk.state.histories
    screen = console.app.screen
    assert isinstance(screen, FleetScreen)
    shown = console.app.desk.selection.ids[: screen.rows.shown_range[1]]
    await console.until(lambda: all(histories[node_id].is_complete for node_id in shown), rounds=400)
    for second in range(1, 61):
        pass_half(console)
        match second:
            case 10:
                router.change("gpu-0011", "offline", "no heartbeat for 60 s", state="offline")
            case 20:
                router.add_node("gpu-0777", state="pending")
                router.change("gpu-0777", "registered", "from 10.4.7.41")
            case 25:
                router.change_settings(gpu_threshold=60.0)
                router.alert("a9", subject="gpu-0011", node_id="gpu-0011")
            case 30:
                router.go_away()
                await console.until(lambda: console.app.desk.connection.failed_at_s is not None)
                # It would be tried again by a clock that no test holds.
                await console.app.stop_following()
                console.app._client = None
            case 45:
                router.come_back()
                console.app.begin_following()
                await console.until(lambda: console.app.desk.connection.failed_at_s is None)
            case 50:
                router.remove("gpu-0012")
            case _:
                pass
        await console.settle()
        await pass_second(console, half=True)
        console.app.desk.flash = None
        # A live picture is up to a second old; this one is of now.
        screen.look_anew()
        await console.settle()
        frames[float(second)] = body(console)


def with_history() -> FakeRouter:
    router = troubled(24)
    router.past = with_past().past
    return router


def recorded_minute(*, size: tuple[int, int] = (120, 36)) -> dict[float, str]:
    """What was on the screen at each second; the file lies in the working folder."""
    frames, content = _minute_once(size)
    FILE.write_bytes(content)
    return frames


@cache
def _minute_once(size: tuple[int, int]) -> tuple[dict[float, str], bytes]:
    frames: dict[float, str] = {}

    async def script(console: Console) -> None:
        await minute(console, frames)

    record(script, with_history(), size=size)
    content = FILE.read_bytes()
    FILE.unlink()
    return frames, content


def test_eighty_cells_hold_the_title_and_the_keys_of_a_replay() -> None:
    recorded_minute(size=(80, 24))

    async def script(console: Console) -> None:
        player(console).do_pause()
        await seek(console, 26.0)
        first, *_, last = console.text().splitlines()
        assert " ".join(first.split()) == "llmlb top prod-eu REPLAY 11:07:06Z paused 43% read-only"
        assert last.endswith("[ previous  ] next  @ go to  q quit")
        await seek(console, 44.0)
        first = console.text().splitlines()[0]
        assert " ".join(first.split()) == "llmlb top prod-eu REPLAY 11:07:24Z paused 73% ✕ UNREACHABLE read-only"

    replay(script, size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_a_replay_shows_at_every_second_what_the_console_showed(size: tuple[int, int]) -> None:
    frames = recorded_minute(size=size)
    assert len(set(frames.values())) == 60

    async def script(console: Console) -> None:
        player(console).do_pause()
        for at_s in (1.0, 10.0, 25.0, 29.0, 30.0, 44.0, 46.0, 60.0, 31.0, 20.0, 59.0, 2.0):
            await seek(console, at_s)
            assert body(console) == frames[at_s], at_s

    replay(script, size=size)


def test_playing_comes_to_the_same_as_seeking_and_ends_at_the_end() -> None:
    frames = recorded_minute()

    async def script(console: Console) -> None:
        app = player(console)
        await seek(console, 0.0)
        began_s = app.playback.at_s
        for second in range(1, 31):
            console.clock.advance(second - began_s if second == 1 else 1.0)
            await console.settle()
            assert app.playback.at_s == pytest.approx(second)
            assert body(console) == frames[float(second)]
        assert "x1" in console.lines()[0]
        await console.press(">", ">")
        assert "x4" in console.lines()[0]
        console.clock.advance(5.0)
        await console.settle()
        assert app.playback.at_s == pytest.approx(50.0)
        console.clock.advance(60.0)
        await console.settle()
        assert app.playback.has_ended
        assert "end 100%" in console.lines()[0]
        app.desk.flash = None
        await console.settle()
        assert body(console) == frames[60.0]
        await console.press("p")
        await console.until(lambda: app.playback.at_s < 1.0)

    replay(script)


def test_the_title_says_that_it_is_a_replay_and_of_when() -> None:
    recorded_minute()

    async def script(console: Console) -> None:
        await seek(console, 30.0)
        title = console.lines()[0]
        assert "prod-eu" in title
        assert "REPLAY 2026-11-18 11:07:10Z x1 50%" in title
        assert "read-only" in title
        assert "LIVE" not in title
        await seek(console, 44.0)
        assert "UNREACHABLE" in console.lines()[0], "how the router was heard then is said too"
        await console.press("p")
        assert "paused" in console.lines()[0]

    replay(script)


def test_steps_go_from_one_happening_to_the_next_and_back() -> None:
    recorded_minute()

    async def script(console: Console) -> None:
        app = player(console)
        await seek(console, 5.0)
        seen = []
        for _ in range(3):
            await console.press("]")
            seen.append((app.playback.at_s, app.desk.state.events.last(1)[0].kind))
        assert seen == [(9.5, "offline"), (19.5, "registered"), (24.5, "settings")]
        assert app.playback.is_paused
        await console.press("[")
        assert app.desk.state.events.last(1)[0].kind == "registered"
        assert app.desk.state.settings.gpu == 80.0
        done = app._done
        await console.press(".")
        assert app._done == done + 1
        await console.press(",", ",")
        assert app._done == done - 1
        assert app.desk.state.events.last(1)[0].kind == "offline", "the message that told of it is taken back"
        await seek(console, 60.0)
        await console.press("]")
        assert "nothing happens after this" in console.lines()[-1]

    replay(script)


def test_an_instant_can_be_typed_and_wound_to() -> None:
    recorded_minute()

    async def script(console: Console) -> None:
        app = player(console)
        app.do_pause()
        await console.press("@", *"11:06:50", "enter")
        assert app.playback.at_s == pytest.approx(10.0)
        await console.press("right")
        assert app.playback.at_s == pytest.approx(20.0)
        await console.press("left", "left")
        assert app.playback.at_s == pytest.approx(app._recording.at_s[app._recording.first - 1])
        await console.press(":", *"seek 50%", "enter")
        assert app.playback.at_s == pytest.approx(30.0)
        await console.press("@", *"23:00", "enter")
        assert "the recording goes from 11:06:40 to 11:07:40" in console.text()
        await console.press("escape")
        assert app.playback.at_s == pytest.approx(30.0)

    replay(script)


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("+30s", 130.0), ("-5m", 0.0), ("-1.5m", 10.0), ("90s", 90.0), ("50%", 300.0), ("+9h", 600.0),
        ("12:00:00", 0.0), ("12:05", 300.0), ("2026-11-18 12:05:01", 301.0), ("2026-11-18T12:05:01Z", 301.0),
    ],
)  # fmt: skip
def test_places_are_written_as_people_write_them(typed: str, place: float) -> None:
    noon_unix_s = 1_795_003_200.0
    playback = Playback(600.0, at_s=100.0)
    assert read_place(typed, playback, now_unix_s=noon_unix_s + 100.0) == pytest.approx(place)


@pytest.mark.parametrize(
    "typed", ["", "x", "12", "25:00", "12:61", "2026-13-01 12:00", "13:00", "1e9s", "٣s", "9" * 99]
)
def test_what_is_no_place_is_refused_with_a_reason(typed: str) -> None:
    assert isinstance(read_place(typed, Playback(600.0, at_s=100.0), now_unix_s=1_795_003_300.0), str)


def test_states_that_were_kept_are_gone_back_to_and_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    from llmlb_tui import replay_app

    monkeypatch.setattr(replay_app, "KEEP_EVERY_BYTES", 20_000)
    monkeypatch.setattr(replay_app, "SLICE_BYTES", 5_000)
    frames = recorded_minute()

    async def script(console: Console) -> None:
        app = player(console)
        app.do_pause()
        for at_s in (60.0, 33.0, 59.0, 21.0, 60.0):
            await seek(console, at_s)
            assert body(console) == frames[at_s], at_s
        assert 4 < len(app._kept) <= replay_app.MAX_KEPT
        assert app._kept[0].done == 0

    replay(script)


# What a replay must never do


@pytest.mark.parametrize("place", list(Place))
def test_nothing_that_is_pressed_in_a_replay_asks_or_changes_anything(place: Place) -> None:
    async def recorded(console: Console) -> None:
        await pass_second(console)

    record(recorded, with_past())

    async def script(console: Console) -> None:
        player(console).do_pause()
        await press_everything(console, place)
        assert player(console).playback is not None

    replay(script)  # which asserts that nobody was asked


def test_only_a_replay_shows_the_keys_of_a_replay() -> None:
    keys = {action.about for action in actions_of(Place.FLEET) if action.group is Group.REPLAY}

    async def live(console: Console) -> None:
        await console.press("question_mark")
        assert not any(about in console.text() for about in keys)
        await console.press("escape", "]")
        assert "only a replay has it (llmlb top --replay FILE)" in console.lines()[-1]

    drive(live, size=(120, 80))

    async def recorded(console: Console) -> None:
        await pass_second(console)

    record(recorded, FakeRouter(3))

    async def script(console: Console) -> None:
        foot = console.lines()[-1]
        assert "[ previous" in foot
        assert "@ go to" in foot
        assert "drain" not in foot
        assert "requests" not in foot
        await console.press("question_mark")
        assert all(about in console.text() for about in keys)
        await console.press("escape", "d")
        assert "a replay asks no router and changes nothing" in console.lines()[-1]

    replay(script, size=(120, 80))


def test_a_file_that_is_played_is_opened_to_read_alone_and_left_as_it_was() -> None:
    recorded_minute()
    os.chmod(FILE, 0o400)
    before, about = FILE.read_bytes(), FILE.stat()

    async def script(console: Console) -> None:
        import fcntl

        descriptor = player(console)._recording._file.fileno()
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        await seek(console, 60.0)

    replay(script)
    assert FILE.read_bytes() == before
    assert FILE.stat().st_mtime_ns == about.st_mtime_ns


# The file


def test_the_file_is_the_owners_alone_and_never_overwrites_another() -> None:
    before = os.umask(0)
    try:
        with closing(Recorder(FILE, now_s=lambda: 0.0, now_unix_s=lambda: START_UNIX_S)):
            assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    with pytest.raises(ConfigurationError, match="exists already"):
        Recorder(FILE, now_s=lambda: 0.0, now_unix_s=lambda: START_UNIX_S)
    Path("link").symlink_to("elsewhere")
    with pytest.raises(ConfigurationError):
        Recorder(Path("link"), now_s=lambda: 0.0, now_unix_s=lambda: START_UNIX_S)
    assert not Path("elsewhere").exists()


def test_every_line_is_json_and_the_header_says_what_the_file_is() -> None:
    recorded_minute()
    header, *lines = [json.loads(line) for line in FILE.read_text().splitlines()]
    assert (header["format"], header["version"], header["at"]) == ("llmlb-recording", 1, "2026-11-18T11:06:40Z")
    assert lines[0] == ["router", 0.0, "http://router.test:8080", "prod-eu", START_UNIX_S, 1.0]
    assert [line[1] for line in lines] == sorted(line[1] for line in lines)
    assert lines[-1] == ["end", 60.0, ""]
    assert {line[0] for line in lines} >= {"router", "caller", "event", "loss", "note", "past", "history", "end"}


def test_no_credential_is_in_the_file_even_where_a_router_sends_it_back() -> None:
    router = FakeRouter(2)
    router.token = "jwt-1"
    router.passwords = {"alice": "a-long-password"}

    async def script(console: Console) -> None:
        router.nodes["gpu-0000"]["join_token"] = "lbj_0123456789"
        router.nodes["gpu-0000"]["note"] = "Authorization: Bearer jwt-1"
        await pass_second(console)
        router.change("gpu-0000", "offline", "refused jwt-1")
        router.expire_session()
        await console.until(lambda: console.app.desk.connection.is_expired or bool(console.app.desk.connection.attempt))
        console.app.do_refresh()
        await console.until(lambda: console.app.desk.connection.is_expired)
        assert await console.app.log_in("alice", "a-long-password") == ""
        await console.until(lambda: console.app.desk.connection.failed_at_s is None)
        router.change("gpu-0000", "offline", "refused jwt-2")
        await console.settle()

    record(script, router)
    text = FILE.read_text()
    assert "refused [hidden]" in text
    for secret in ("jwt-1", "jwt-2", "lbj_", "a-long-password", "Bearer jwt"):
        assert secret not in text


def test_a_recording_that_is_full_says_so_and_the_console_goes_on() -> None:
    async def script(console: Console) -> None:
        assert "REC" in console.lines()[0]
        for _ in range(12):
            await pass_second(console)
        assert "REC" not in console.lines()[0]
        assert "nothing more is recorded" in console.text()
        assert "LIVE" in console.lines()[0]

    record(script, FakeRouter(4), limit=30_000)
    assert FILE.stat().st_size < 31_000

    async def played(console: Console) -> None:
        await seek(console, 60.0)
        assert "cut off here" in console.lines()[0]

    replay(played)


def test_a_recording_whose_recorder_died_is_played_as_far_as_it_goes() -> None:
    frames = recorded_minute()
    whole = FILE.read_bytes()
    for kept in (len(whole) // 2, len(whole) - 1, len(whole) * 3 // 4):
        FILE.unlink()
        FILE.write_bytes(whole[:kept])

        async def script(console: Console) -> None:
            app = player(console)
            second = float(int(app.playback.end_s))
            await seek(console, second - 1)
            assert body(console) == frames[second - 1]
            await seek(console, 60.0)
            assert "cut off here 100%" in console.lines()[0]

        replay(script)


def test_options_that_exclude_each_other_are_refused_and_write_nothing() -> None:
    look = FirstLook("", token=None, ca_file="")
    for options in (
        ConsoleOptions("", record="a", replay="b"),
        ConsoleOptions("", record="a", once=True),
        ConsoleOptions("", replay="b", once=True),
    ):
        with pytest.raises(ConfigurationError, match="exclude each other"):
            start(options, look)
    assert not list(Path().iterdir())


def test_who_neither_records_nor_replays_imports_nothing_of_it() -> None:
    found = "sorted(name for name in sys.modules if name.startswith('llmlb_tui.re'))"
    said = subprocess.run(
        [sys.executable, "-c", f"import sys, llmlb_tui.start, llmlb_tui.app; print({found})"],
        capture_output=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert b"llmlb_tui.render" in said.stdout
    assert not {name for name in ("recording", "recorded", "replay_app") if name.encode() in said.stdout}


HEADER = b'{"format":"llmlb-recording","version":1,"at":"2026-11-18T11:06:40Z","llmlb":"1.0"}\n'
ROUTER = b'["router",0.0,"http://router.test:8080","",1795000000.0,1.0]\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: this is no recording"),
        (b"\x7fELF\x00\xff\n", "line 1: this is no recording"),
        (b'{"version":2}\n', "line 1: this is no recording"),
        (HEADER.replace(b'"version":1', b'"version":2'), "line 1: its format is version 2, this llmlb reads version 1"),
        (HEADER, "nothing was recorded"),
        (HEADER + ROUTER + b"nonsense\n", "line 3: it cannot be read"),
        (HEADER + ROUTER + b'["event",1.0,"7","node"]\n', "line 3: it cannot be read"),
        (HEADER + ROUTER + b'["event","1","7","node",{}]\n', "line 3: it cannot be read"),
        (HEADER + ROUTER + b'["exec",1.0,"rm"]\n', "line 3: it cannot be read"),
        (HEADER + ROUTER + b'["caller",1.0,"\xff","x"]\n', "line 3: it cannot be read"),
        (HEADER + ROUTER + b'["end",5.0,""]\n["end",4.0,""]\n', "line 4: its time 4 s cannot be"),
        (HEADER + ROUTER + b'["end",-1.0,""]\n', "line 3: its time -1 s cannot be"),
        (HEADER + ROUTER + b'["end",1e300,""]\n', "line 3: its time 1e"),
        (HEADER + ROUTER + b'["end",1e999,""]\n', "line 3: it cannot be read"),
        (HEADER + ROUTER + b'["event",1.0,"7","node",' + b"[" * 99_999 + b"]" * 99_999 + b"]\n", "nested too deep"),
    ],
)
def test_a_file_that_cannot_be_played_is_refused_with_its_line(content: bytes, said: str) -> None:
    FILE.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        open_recording(FILE)
    assert said in refused.value.message
    assert FILE.name in refused.value.message
    assert refused.value.message.isprintable()


def test_no_file_of_any_size_or_kind_takes_the_machine_along(monkeypatch: pytest.MonkeyPatch) -> None:
    from llmlb_tui import recorded

    with pytest.raises(ConfigurationError, match="No such file"):
        open_recording(FILE)
    os.mkfifo("pipe")
    for name in (".", "pipe", "/dev/zero"):
        with pytest.raises(ConfigurationError, match="it is no file"):
            open_recording(Path(name))
    monkeypatch.setattr(recorded, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(recorded, "MAX_LINES", 5)
    monkeypatch.setattr(recorded, "MAX_PLAYED_BYTES", 4000)
    for content, said in (
        (HEADER + ROUTER + b"[" + b" " * 2000 + b"]\n", "line 3: it is longer"),
        (HEADER + ROUTER * 6, "more than 5 lines"),
        (HEADER + ROUTER * 100, "it is larger than"),
    ):
        FILE.write_bytes(content)
        with pytest.raises(ConfigurationError, match=said):
            open_recording(FILE)


HOSTILE = (
    ["router", 0.0, "http://\x1b[5;5H", "\x1b]52;c;eA==\x07", 1e300, -5.0],
    ["event", 0.5, "7", "snapshot", {"nodes": [{"id": "a\x1b[2J"}, 7, {"id": ["x"]}], "server_time": 1e17}],
    ["event", 0.5, "7", "snapshot", []],
    ["event", 0.6, "\x1b", "\x1b[1m", {"change": {"kind": "\x1b"}}],
    ["event", 0.7, "7", "node", {"node_id": "b", "node": {"id": "b\u202e[/red]"}, "change": {"kind": "\x9b31m"}}],
    ["poll", 0.8, "not a snapshot"],
    ["caller", 0.9, "\x1b[31m" * 999, "\x1b"],
    ["note", 1.0, "\x1b", "[/red]", "\x1b]0;x\x07"],
    ["loss", 1.1, "\x1b[2J", -1e300],
    ["past", 1.2, "\x1b", {"events": 7}],
    ["history", 1.3, "\x1b", "x"],
    ["alerts", 1.4, [{"id": "\x1b"}, 7]],
    ["refusal", 1.5, "\x1b[2J", True],
)


def test_whatever_a_stranger_put_into_a_file_neither_ends_the_console_nor_reaches_the_terminal() -> None:
    FILE.write_bytes(HEADER + b"".join(json.dumps(each).encode() + b"\n" for each in HOSTILE))

    async def script(console: Console) -> None:
        app = player(console)
        app.do_pause()
        for _ in HOSTILE:
            await console.press(".")
            assert console.text().replace("\n", "").isprintable()
        for place in (Place.EVENTS, Place.ALERTS, Place.HELP):
            await console.press(*OPENERS[place])
            assert console.text().replace("\n", "").isprintable()
            await console.press("escape")

    # Its first router cannot be waited for by a snapshot.
    replay(script)


def test_a_file_that_shrinks_while_it_is_played_ends_the_playing_with_its_line() -> None:
    recorded_minute()

    async def script(console: Console) -> None:
        app = player(console)
        app.do_pause()
        os.truncate(FILE, FILE.stat().st_size // 2)
        app.go_to(60.0)
        await console.until(lambda: not app.playback.is_seeking)
        assert "it cannot be read" in console.lines()[-1]
        await seek(console, 5.0)
        assert "gpu-0001" in console.text()

    replay(script)


def test_hidden_halves_of_characters_and_nan_are_recorded_as_what_is_shown_of_them() -> None:
    recorder = Recorder(FILE, now_s=lambda: 0.0, now_unix_s=lambda: START_UNIX_S)
    recorder.event("node", json.loads('{"node_id":"\\ud800x","node":{"id":"\\ud800x","gpu_usage":NaN}}'), "7\ud800")
    recorder.loss("refused\ud800", 1.0)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    recorder.event("node", deep, "8")
    recorder.close()
    with closing(open_recording(FILE)) as recording:
        assert isinstance(recording, Recording)
        assert len(recording) == 3
    assert b'"gpu_usage":null' in FILE.read_bytes()
    while deep:  # or its end would go as deep
        deep = deep[0]


def test_the_first_look_is_in_the_recording_too() -> None:
    from tui.test_first_look import HEAD, answering, looked

    router = FakeRouter(3)

    async def script(console: Console) -> None:
        event = f"id: 41\nevent: snapshot\ndata: {json.dumps(router.snapshot())}\n\n".encode()
        await console.app.stop_following()
        console.app._client = None
        console.app.desk.state.has_snapshot = False
        with answering(HEAD + event) as url:
            console.app._look = looked(url)
        console.clock.advance(FIRST_S)
        await console.app.follow_after_look()

    record(script, router)
    with closing(open_recording(FILE)) as recording:
        told = [recording.entry(line) for line in range(len(recording))]
    assert "41" in [each.id for each in told if isinstance(each, Told) and each.kind == "snapshot"]
