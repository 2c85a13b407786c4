"""The whole service, started as a user starts it, and a client that knows nothing but HTTP."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

ROOT = Path(__file__).parent.parent
SPEC = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())
READY_SECONDS = 60
_REGISTRY: Any = Registry().with_resource("spec", Resource.from_contents(SPEC, DRAFT4))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """The embedded form in a folder of its own."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir.with_name(data_dir.name + ".log")
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        self.env = {**inherited, "DATA_DIR": str(data_dir), "PORT": str(self.port)}
        self.env.update({key: str(value) for key, value in settings.items()})

    def start(self) -> "Service":
        with self.log.open("ab") as log:
            offset = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "up"],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS
        while "ready at http" not in self.output()[offset:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"the service did not come up:\n{self.output()[-4000:]}")
            time.sleep(0.05)
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it, and see that none of its processes is left."""
        family = self.processes()
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(60)
        finally:
            _, alive = psutil.wait_procs(family, timeout=5)
            for process in alive:
                process.kill()
        assert not alive, f"left behind: {alive}"
        return code

    def processes(self, pattern: str = "") -> list[psutil.Process]:
        """The service's processes whose command line has the pattern."""
        if not psutil.pid_exists(self.process.pid):
            return []
        family = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in family if re.search(pattern, _command(process))]

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def client(self, username: str | None = None) -> "Client":
        """A client with a user of its own."""
        return Client(self.url).register(username or f"user-{uuid.uuid4().hex[:8]}")

    def stored_files(self) -> list[str]:
        storage = self.data_dir / "storage"
        # os.walk passes over folders that vanish while it looks; Path.rglob raises.
        paths = (Path(folder, name) for folder, _, names in os.walk(storage) for name in names)
        return sorted(str(path.relative_to(storage)) for path in paths)

    def result_bytes(self, job: dict[str, Any]) -> bytes:
        path = self.data_dir / "storage/videos" / job["video_id"] / "jobs" / job["id"] / "result"
        return Path(path).read_bytes()

    def chunks_total(self, job: dict[str, Any]) -> int:
        with sqlite3.connect(self.data_dir / "web-detector.sqlite") as database:
            return int(database.execute("SELECT chunks_total FROM jobs WHERE id = ?", [job["id"]]).fetchone()[0])


class Client:
    """Every JSON answer that it gets is held against the spec."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        weakref.finalize(self, self.http.close)

    def register(self, username: str, password: str = "correct-horse-battery") -> "Client":
        self.username, self.password = username, password
        answer = self.call("POST", "/auth/register", 201, json={"username": username, "password": password})
        return self.use(answer)

    def use(self, tokens: dict[str, Any]) -> "Client":
        self.tokens = tokens
        self.http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return self

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = self.http.request(method, path if path.startswith("/api") else f"/api/v1{path}", **options)
        check_against_spec(response)
        return response

    def call(self, method: str, path: str, status: int, **options: Any) -> Any:
        response = self.request(method, path, **options)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text[:2000]}"
        return response.json() if response.content else None

    def problem(self, method: str, path: str, status: int, code: str, **options: Any) -> str:
        """A call that must be refused; the detail of the problem."""
        response = self.request(method, path, **options)
        assert response.status_code == status, response.text[:2000]
        assert response.headers["content-type"] == "application/problem+json"
        content = response.json()
        assert content["code"] == code, content
        assert content["status"] == status
        assert content["detail"]
        return str(content["detail"])

    def upload(self, path: Path) -> Any:
        with path.open("rb") as file:
            return self.call("POST", "/videos", 201, files={"video": (path.name, file, "video/mp4")})

    def start(self, video: dict[str, Any], **body: Any) -> Any:
        return self.call("POST", "/jobs", 202, json={"video_id": video["id"], **body})

    def job(self, job: dict[str, Any]) -> Any:
        return self.call("GET", f"/jobs/{job['id']}", 200)

    def wait(
        self,
        job: dict[str, Any],
        until: Callable[[dict[str, Any]], bool] = lambda job: job["finished_at"] is not None,
        seconds: float = 120,
    ) -> Any:
        deadline = time.monotonic() + seconds
        while not until(current := self.job(job)):
            assert time.monotonic() < deadline, f"still waiting: {json.dumps(current)}"
            time.sleep(0.1)
        return current

    def detect(self, path: Path, **body: Any) -> Any:
        """Upload, start, wait: the job as it ended."""
        return self.wait(self.start(self.upload(path), **body))

    def frames(self, job: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        """All frames of an ended job, page by page."""
        return [frame for page in self.pages(job, **query) for frame in page["frames"]]

    def pages(self, job: dict[str, Any], **query: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self.call("GET", f"/jobs/{job['id']}/results", 200, params=query)
            yield page
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def lines(self, job: dict[str, Any], **query: Any) -> bytes:
        headers = {"Accept": "application/x-ndjson"}
        response = self.request("GET", f"/jobs/{job['id']}/results", params=query, headers=headers)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("application/x-ndjson")
        return response.content


def check_against_spec(response: httpx.Response) -> None:
    """The answer is one that the spec has for the operation."""
    operation = _operation(response.request.method, response.request.url.path)
    if operation is None or "json" not in (kind := response.headers.get("content-type", "")) or "ndjson" in kind:
        return
    responses = operation["responses"]
    answer = responses.get(str(response.status_code), responses.get("default"))
    if "$ref" in answer:
        answer = SPEC["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    schema = _absolute(answer["content"][kind.split(";")[0]]["schema"])
    OAS30Validator(schema, registry=_REGISTRY).validate(response.json())


def _operation(method: str, path: str) -> Any:
    for template, operations in SPEC["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return operations.get(method.lower())
    return None


def _absolute(schema: Any) -> Any:
    """The schema with its references into the spec, which is registered under a name."""
    if isinstance(schema, dict):
        return {k: f"spec{v}" if k == "$ref" else _absolute(v) for k, v in schema.items()}
    return [_absolute(item) for item in schema] if isinstance(schema, list) else schema


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
