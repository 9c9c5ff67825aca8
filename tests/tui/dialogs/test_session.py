from __future__ import annotations

from tui.driving import Console, drive
from tui.fake_router import FakeRouter

from llmlb_tui.dialogs.session import SessionDialog


def is_open(console: Console) -> bool:
    return isinstance(console.app.screen, SessionDialog)


async def expire(console: Console) -> None:
    console.router.expire_session()
    await console.settle()
    console.app.do_refresh()
    await console.until(lambda: is_open(console))


def test_an_expired_session_asks_once_and_a_login_brings_the_data_back() -> None:
    async def script(console: Console) -> None:
        await expire(console)
        text = console.text()
        assert "Session expired" in text
        assert "SESSION EXPIRED" in text
        assert "gpu-0001" in text, "the last data stays on the screen"
        assert sum(isinstance(screen, SessionDialog) for screen in console.app.screen_stack) == 1
        await console.press("tab", *"secret", "enter")
        await console.until(lambda: not is_open(console) and console.router.feeds == 1)
        await console.until(lambda: "LIVE" in console.lines()[0])

    drive(script)


def test_a_wrong_password_is_said_and_the_field_is_empty_again() -> None:
    async def script(console: Console) -> None:
        await expire(console)
        await console.press("tab", *"wrong", "enter")
        await console.until(lambda: "The name or the password is wrong" in console.text())
        assert is_open(console)
        assert "wrong" not in [field.value for field in console.app.screen.query("Input")]  # type: ignore[attr-defined]

    drive(script)


def test_an_act_that_was_refused_is_not_done_again_after_the_login() -> None:
    router = FakeRouter(2)

    async def script(console: Console) -> None:
        await console.press("d")
        router.token = "jwt-2"
        await console.press("y")
        await console.until(lambda: is_open(console))
        await console.press("tab", *"secret", "enter")
        await console.until(lambda: not is_open(console))
        await console.settle(20)
        assert router.mutations == []
        assert not any(node["draining"] for node in router.nodes.values())

    drive(script, router=router)


def test_staying_without_a_login_leaves_the_old_data_to_look_at() -> None:
    async def script(console: Console) -> None:
        await expire(console)
        await console.press("escape")
        assert not is_open(console)
        await console.press("j", "d")
        assert "log in" in console.lines()[-1]
        await console.press("r")
        assert is_open(console)

    drive(script)


def test_without_any_credential_the_console_asks_for_one() -> None:
    router = FakeRouter(1)
    router.token = "another"

    async def script(console: Console) -> None:
        await console.until(lambda: is_open(console))
        assert "Log in" in console.text()

    drive(script, router=router, is_live=False)


def test_a_password_never_is_on_the_screen() -> None:
    async def script(console: Console) -> None:
        await expire(console)
        await console.press("tab", *"secret")
        assert "secret" not in console.text()

    drive(script)


def test_a_credential_that_was_renewed_elsewhere_is_taken_without_a_question() -> None:
    router = FakeRouter(2)

    async def script(console: Console) -> None:
        router.expire_session()
        console.app._renew = lambda: router.token
        console.app.do_refresh()
        await console.until(lambda: router.feeds == 1 and "LIVE" in console.lines()[0])
        assert not is_open(console)

    drive(script, router=router)


def test_a_credential_that_is_refused_again_is_asked_for() -> None:
    router = FakeRouter(2)

    async def script(console: Console) -> None:
        console.app._renew = lambda: "old"
        await expire(console)

    drive(script, router=router)
