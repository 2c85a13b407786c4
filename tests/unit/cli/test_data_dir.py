"""Embedded mode's own things in DATA_DIR, and what it refuses before it starts anything."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.embedded.data_dir import open_data_dir, secret_environment, write_addresses
from cli.embedded.supervisor import Failed
from cli.embedded.up import EmbeddedService, check, environment, roles
from contracts.errors import SettingsError

ROOT = Path(__file__).parents[3]


def up(data: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`web-detector up`, where it is expected to refuse."""
    environ = {"PATH": os.environ["PATH"], "DATA_DIR": str(data), **settings}
    command = [sys.executable, "-m", "cli.main", "up"]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)


def test_second_instance_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with open_data_dir(str(tmp_path)):
        ended = up(tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"web-detector: another instance (pid {os.getpid()}) uses {tmp_path}: stop it, or set another DATA_DIR\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock"]


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with open_data_dir(str(tmp_path / "new" / "folder")) as home:
            assert home.path == tmp_path / "new" / "folder"


def test_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(Failed, match=r"DATA_DIR .*/file/data cannot be used"),
        open_data_dir(str(tmp_path / "file" / "data")),
    ):
        pass


def test_secret_is_generated_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    with open_data_dir(str(tmp_path)) as home:
        first = secret_environment(home, {})
    with open_data_dir(str(tmp_path)) as home:
        second = secret_environment(home, {"JWT_SECRET_KEY": " "})
    assert first == second
    assert len(first["JWT_SECRET_KEY"]) == 64
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


@pytest.mark.parametrize(("bits", "says"), [(0o755, "can enter DATA_DIR"), (0o777, "can change"), (0o700, "")])
def test_folder_and_tables_that_other_users_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bits: int, says: str
) -> None:
    tmp_path.chmod(bits)
    left = [tmp_path / f"web-detector.sqlite{suffix}" for suffix in ("", "-wal")]
    for file in left:
        file.touch(0o644)
    with open_data_dir(str(tmp_path)) as home:
        write_addresses(home, {"HOST": "127.0.0.1"})
        (tmp_path / "new").touch()
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    said = capsys.readouterr().err
    assert said.count("\n") == bool(says)
    assert says in said
    assert stat.S_IMODE(tmp_path.stat().st_mode) == bits  # the operator's choice


def test_secret_in_the_environment_wins_and_is_not_stored(tmp_path: Path) -> None:
    with open_data_dir(str(tmp_path)) as home:
        environ = environment({"JWT_SECRET_KEY": "k" * 40}, home, tmp_path)
    assert environ["JWT_SECRET_KEY"] == "k" * 40
    assert not (tmp_path / "secrets.env").exists()


def test_the_key_of_the_addresses_is_derived_and_given_to_those_that_read_them(tmp_path: Path) -> None:
    with open_data_dir(str(tmp_path)) as home:
        environ, again = (environment({}, home, tmp_path) for _ in range(2))
        own = environment({"STREAM_SECRET_KEY": "s" * 40}, home, tmp_path)
    keys = {name: environ[name] for name in ("JWT_SECRET_KEY", "STREAM_SECRET_KEY")}
    assert (keys["STREAM_SECRET_KEY"], own["STREAM_SECRET_KEY"]) == (again["STREAM_SECRET_KEY"], "s" * 40)
    assert keys["STREAM_SECRET_KEY"] not in (
        keys["JWT_SECRET_KEY"],
        environment({"JWT_SECRET_KEY": "k" * 40}, home, tmp_path)["STREAM_SECRET_KEY"],
    )
    service = EmbeddedService(environ, check(environ), tmp_path, tmp_path, False, 2)
    held = {process.name: keys.keys() & process.env.keys() for process in roles(service)}
    assert held == {
        **{name: set() for name in held},
        "api": {"JWT_SECRET_KEY", "STREAM_SECRET_KEY"},
        "ingest": {"STREAM_SECRET_KEY"},
    }


def test_a_damaged_file_of_secrets_is_not_replaced_silently(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("JWT_SECRET_KEY=\n")
    with open_data_dir(str(tmp_path)) as home, pytest.raises(Failed, match="has no JWT_SECRET_KEY"):
        secret_environment(home, {})


def test_only_missing_settings_get_defaults(tmp_path: Path) -> None:
    with open_data_dir(str(tmp_path)) as home:
        environ = environment({"BROKER_URL": "amqp://there", "DATABASE_URL": ""}, home, Path("/short"))
    assert environ["BROKER_URL"] == "amqp://there"
    assert environ["DATABASE_URL"] == f"sqlite:///{tmp_path}/web-detector.sqlite"
    assert environ["RESULT_STORE_URL"] == "unix:///short/v.sock?db=1"
    assert check(environ).jwt_secret_key


def test_the_problems_of_all_roles_are_named_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        check({"CHUNK_SIZE": "none", "JWT_SECRET_KEY": "changeme", "BROKER_URL": "x"})
    lines = caught.value.detail.splitlines()
    assert lines[0] == "settings are wrong:"
    assert sorted(line.split()[0].partition("=")[0] for line in lines[1:]) == [
        "CHUNK_SIZE",
        "DATABASE_URL",
        "JWT_SECRET_KEY",
        "RESULT_STORE_URL",
    ]


def test_wrong_settings_are_reported_before_anything_starts(tmp_path: Path) -> None:
    ended = up(tmp_path, PORT="0", API_WORKERS="many", PRECISION="int4")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert all(name in ended.stderr for name in ("PORT", "API_WORKERS", "PRECISION"))
    assert not (tmp_path / "valkey").exists()


def test_port_in_use_is_reported_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = up(tmp_path, PORT=str(port))
    assert ended.returncode == 1
    assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in ended.stderr
    assert not (tmp_path / "valkey").exists()
