"""A running service, and a client that uses only HTTP."""

import functools
import json
import os
import re
import socket
import ssl
import time
import uuid
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import argon2
import httpx
import psutil
import yaml
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.database.engine import Database, open_database
from contracts.database.tables import Job, Rendition, User
from contracts.settings.load import load
from contracts.settings.table import Settings
from contracts.storage.port import result_key
from contracts.wire.renditions import UNFINISHED

ROOT = Path(__file__).parents[3]
SPEC = yaml.load((ROOT / "api/openapi.yaml").read_bytes(), yaml.CSafeLoader)
_REGISTRY: Any = Registry().with_resource("spec", Resource.from_contents(SPEC, DRAFT4))
_PASSWORD = "correct-horse-battery"
_QUICK_HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(_PASSWORD)
_TEMPLATES = {template: re.compile(re.sub(r"\{\w+\}", "[^/]+", template)) for template in SPEC["paths"]}
_TLS = ssl.create_default_context()  # shared: loading the certificates for each client takes 30 ms of CPU


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service(ABC):
    """A running service in any mode: what tests may know of it beyond what a client sees."""

    port: int

    @abstractmethod
    def start(self) -> Self:
        """Start or restart it, and wait until it is ready."""

    @abstractmethod
    def stop(self) -> int:
        """Stop it and check that no process is left; returns 0 when all ended cleanly."""

    @abstractmethod
    def processes(self, pattern: str = "") -> list[psutil.Process]:
        """Processes of the service whose command line matches the pattern."""

    @contextmanager
    def held(self, pattern: str) -> Iterator[None]:
        """The processes that match stand still for the length of the context."""
        stopped = self.processes(pattern)
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in stopped:
                process.resume()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, username: str | None = None) -> "Client":
        """A client with a new user. Those without a name are added to the tables with a hash that is quick to verify:
        that of a registration takes 0.2 s of CPU, by design."""
        if username:
            return Client(self.url).register(username)
        name = f"user-{uuid.uuid4().hex[:8]}"
        engine = open_database(self._database_url)
        try:
            with Database(engine).write() as session:
                session.add(User(username=name, password_hash=_QUICK_HASH))
        finally:
            engine.dispose()
        return Client(self.url).login(name)

    @functools.cached_property
    def _database_url(self) -> str:
        return self.settings().database_url

    def settings(self) -> Settings:
        """Settings of its processor."""
        return load("processor", self.processes(r"processor\.worker")[0].environ())

    def storage(self) -> Path:
        """Folder of its storage."""
        return Path(self.settings().storage_path)

    def stored_files(self) -> list[str]:
        storage = self.storage()
        # os.walk tolerates folders that are deleted meanwhile; Path.rglob raises.
        paths = (Path(folder, name) for folder, _, names in os.walk(storage) for name in names)
        return sorted(str(path.relative_to(storage)) for path in paths)

    def settled_files(self, seconds: float = 60) -> list[str]:
        """The stored files, once nothing is being written: posters are made automatically after the response to an
        upload."""
        engine = open_database(self.settings().database_url)
        unfinished = select(Rendition.id).where(Rendition.state.in_([str(state) for state in UNFINISHED]))
        deadline = time.monotonic() + seconds
        try:
            while True:
                with Session(engine) as session:
                    waiting = session.scalars(unfinished).all()
                files = self.stored_files()
                if not waiting and not any("/.part-" in name for name in files):
                    return files
                assert time.monotonic() < deadline, (waiting, files)
                time.sleep(0.1)
        finally:
            engine.dispose()

    def expect_files(self, files: list[str], seconds: float = 60) -> None:
        """Wait until exactly these files are stored; renditions of deleted videos are aborted with a delay."""
        deadline = time.monotonic() + seconds
        while (stored := self.settled_files()) != files and time.monotonic() < deadline:
            time.sleep(0.1)
        assert stored == files

    def result_bytes(self, job: dict[str, Any]) -> bytes:
        return (self.storage() / result_key(job["video_id"], job["id"])).read_bytes()

    def chunks_total(self, job: dict[str, Any]) -> int:
        engine = open_database(self.settings().database_url)
        try:
            with Session(engine) as session:
                return session.scalars(select(Job.chunks_total).where(Job.id == job["id"])).one() or 0
        finally:
            engine.dispose()


def family(pid: int, pattern: str = "") -> list[psutil.Process]:
    """A process and its descendants whose command line matches the pattern."""
    try:
        first = psutil.Process(pid)
        found = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [process for process in found if re.search(pattern, _command(process))]


class Client:
    """Validates every JSON response against the spec."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, verify=_TLS)
        weakref.finalize(self, self.http.close)

    def register(self, username: str, password: str = _PASSWORD) -> Self:
        self.username, self.password = username, password
        answer = self.call("POST", "/auth/register", 201, json={"username": username, "password": password})
        return self.use(answer)

    def login(self, username: str, password: str = _PASSWORD) -> Self:
        self.username, self.password = username, password
        return self.use(self.call("POST", "/auth/login", 200, json={"username": username, "password": password}))

    def use(self, tokens: dict[str, Any]) -> Self:
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
        """A call that must be refused; returns the detail of the problem."""
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
        seconds: float = 300,
    ) -> Any:
        """The job when it has come to that. seconds: without progress, after which the test fails."""
        seen, deadline = None, time.monotonic() + seconds
        while not until(current := self.job(job)):
            if (now := (current["state"], current["progress"]["frames_done"])) != seen:
                seen, deadline = now, time.monotonic() + seconds
            assert time.monotonic() < deadline, f"no progress any more: {json.dumps(current)}"
            time.sleep(0.1)
        return current

    def detect(self, path: Path, **body: Any) -> Any:
        """Upload, start a job, wait; returns the ended job."""
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
    """Assert that the spec documents this response for the operation."""
    kind = response.headers.get("content-type", "").split(";")[0]
    template = _template(response.request.url.path)
    if template is None or "json" not in kind or "ndjson" in kind:
        return
    operation = SPEC["paths"][template].get(response.request.method.lower())
    if operation is not None:
        _validator(template, response.request.method.lower(), response.status_code, kind).validate(response.json())


def _template(path: str) -> str | None:
    """The path of the spec that an address belongs to."""
    return next((template for template, pattern in _TEMPLATES.items() if pattern.fullmatch(path)), None)


@functools.cache
def _validator(template: str, method: str, status: int, kind: str) -> OAS30Validator:
    """The validator of a response of an operation."""
    responses = SPEC["paths"][template][method]["responses"]
    answer = responses.get(str(status), responses.get("default"))
    if "$ref" in answer:
        answer = SPEC["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    return OAS30Validator(_absolute(answer["content"][kind]["schema"]), registry=_REGISTRY)


def _absolute(schema: Any) -> Any:
    """The schema with absolute references into the registered spec."""
    if isinstance(schema, dict):
        return {k: f"spec{v}" if k == "$ref" else _absolute(v) for k, v in schema.items()}
    return [_absolute(item) for item in schema] if isinstance(schema, list) else schema


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
