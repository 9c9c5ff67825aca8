"""What is read from the router's machine: a real directory, a real lock, a real port."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from llmlb.clock import unix_s
from llmlb.doctor.machine import read_data_directory, read_machine, running_router, somebody_listens
from llmlb.store import Store
from llmlb.store.places import places_of


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory as a router left it."""
    directory = tmp_path / "data"
    with Store.open(directory):
        pass
    return directory


def test_a_directory_as_the_router_makes_it_is_in_order(data: Path) -> None:
    found = read_data_directory(data, places_of(data))
    assert (found.exists, found.mode, found.is_writable, found.open_files) == (True, 0o700, True, ())
    assert (found.has_first_password, found.store_problem, found.newest_backup_age_s) == (False, "", None)


def test_a_directory_that_is_not_there_yet_is_in_order_and_stays_away(tmp_path: Path) -> None:
    found = read_machine(tmp_path / "new", environ={}, working_dir=tmp_path)
    assert not found.data.exists
    assert found.running_pid is None
    assert not (tmp_path / "new").exists()


def test_open_modes_old_backups_and_left_passwords_are_seen(data: Path) -> None:
    data.chmod(0o750)
    (data / "jwt_secret").write_text("x")
    (data / "jwt_secret").chmod(0o644)
    (data / "initial_admin_password").write_text("x")
    (data / "initial_admin_password").chmod(0o600)
    (data / "backups").mkdir()
    (data / "backups" / "llmlb-20260101T000000Z.db").write_text("x")
    os.utime(data / "backups" / "llmlb-20260101T000000Z.db", (unix_s() - 500_000, unix_s() - 500_000))
    os.utime(data / "runtime.db", (unix_s() + 9_000, unix_s() + 9_000))
    found = read_data_directory(data, places_of(data))
    assert (found.mode, found.open_files, found.has_first_password) == (0o750, ("jwt_secret",), True)
    assert found.newest_backup_age_s is not None
    assert found.newest_backup_age_s > 400_000
    assert found.newest_file_ahead_s > 8_000


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 400])
def test_a_damaged_store_is_told_and_left_as_it_is(data: Path, damage: bytes) -> None:
    (data / "backups").mkdir()
    (data / "backups" / "manual-1.db").write_text("x")
    (data / "llmlb.db").write_bytes(damage)
    assert "llmlb.db" in read_data_directory(data, places_of(data)).store_problem
    assert (data / "llmlb.db").read_bytes() == damage


def test_a_running_router_is_seen_by_its_lock_and_may_go_on(data: Path) -> None:
    assert running_router(places_of(data)) is None
    with Store.open(data):
        assert running_router(places_of(data)) == os.getpid()
    with Store.open(data):
        pass


def test_a_wrong_setting_is_told_line_by_line(data: Path) -> None:
    found = read_machine(data, environ={"LLMLB_PORT": "99999", "LLMLB_GPU_THRESHOLD": "high"}, working_dir=data.parent)
    assert found.settings is None
    assert len(found.problems) == 2


def test_a_port_that_somebody_else_has_is_seen(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert somebody_listens("127.0.0.1", port)
        assert read_machine(data, environ={"LLMLB_PORT": str(port)}, working_dir=data.parent).port_is_taken
    assert not somebody_listens("127.0.0.1", port)


def test_the_end_of_a_certificate_is_read_from_its_file(data: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.write_text(EXPIRED)
    environ = {"LLMLB_SERVER_TLS_CERT": str(certificate), "LLMLB_SERVER_TLS_KEY": str(certificate)}
    left_s = read_machine(data, environ=environ, working_dir=tmp_path).certificate_left_s
    assert left_s is not None
    assert left_s < 0
    certificate.write_text("no certificate")
    assert read_machine(data, environ=environ, working_dir=tmp_path).certificate_left_s is None


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads the environment of other processes")
def test_the_variables_of_an_ollama_on_this_machine_are_read_and_no_others(data: Path, tmp_path: Path) -> None:
    program = tmp_path / "ollama"
    program.write_text("#!/bin/sh\nread line\n")
    program.chmod(0o700)
    environ = {"OLLAMA_NUM_PARALLEL": "2", "SECRET": "x", "PATH": os.defpath}
    with subprocess.Popen([program, "serve"], stdin=subprocess.PIPE, env=environ) as child:
        found = read_machine(data, environ={}, working_dir=tmp_path).ollama
        child.communicate(b"\n", timeout=30)
    assert found == {"OLLAMA_NUM_PARALLEL": "2"}


EXPIRED = """\
-----BEGIN CERTIFICATE-----
MIIBGTCBwQIUSrNudS2bNuU4HBF4uncOKhg0v9wwCgYIKoZIzj0EAwIwEDEOMAwG
A1UEAwwFbGxtbGIwHhcNMjYxMTIzMTQyMjM4WhcNMjYxMTIyMTQyMjM4WjAQMQ4w
DAYDVQQDDAVsbG1sYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKF8m93mG+Ig
OtkkFZ57KbWG7szzFVZewb48TNWZ2V6w8cSlRgeofEk6EHeXr+nAPZT8oLVLyosl
H+D4kbBx4t4wCgYIKoZIzj0EAwIDRwAwRAIgP8nY+tu1VtcksD3acgg6aDyCcl/U
doAxES/i61VZkkACIA3HvJL7ea+21XOuyynIHW4kLwyYGgccW3kOLMYxGLiB
-----END CERTIFICATE-----
"""
