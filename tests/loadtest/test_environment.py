from __future__ import annotations

import asyncio
import gc
import resource

from llmlb.loadtest.environment import cpu_s, environment, quiet_collector, raise_file_limit


def test_the_environment_names_neither_machine_nor_user() -> None:
    async def main() -> dict[str, str | int]:
        return environment()

    assert set(asyncio.run(main())) == {"llmlb", "python", "system", "cpus", "event_loop"}


def test_the_collector_is_as_before_after_the_run() -> None:
    before = gc.get_threshold()
    with quiet_collector():
        assert gc.get_threshold() != before
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_cpu_time_only_grows() -> None:
    assert 0 < cpu_s() <= cpu_s()


def test_the_file_limit_is_never_lowered() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= before[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
