"""Every operation of the spec against whoever may not use it. What it needs is told by the spec, so that a new one
cannot be forgotten: one that this file does not know how to ask fails here."""

import base64
import json
import re
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from jwt.warnings import InsecureKeyLengthWarning

from api.access.scopes import OF_TOKENS, needed_scopes
from tests.support.alerting import add_alert
from tests.support.deployments.service import SPEC, Client, Service
from tests.support.user_admin import make_admin

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
NEEDED = needed_scopes(SPEC)
OPERATIONS = [
    (str(operation["operationId"]), method, path)
    for path, item in SPEC["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]
CLOSED = [operation for operation in OPERATIONS if NEEDED[operation[0]] is not None]
# Those that need no token at all: each addition here is a decision.
OPEN = {
    "api.routes.auth.register",
    "api.routes.auth.login",
    "api.routes.auth.refresh",
    "api.routes.tus.options",
    "api.routes.status.list_models",
    "api.routes.status.healthz",
    "api.routes.status.readyz",
}
SCENE = {"name": "x", "lines": [{"name": "x", "points": [[0, 0], [1, 1]]}]}
RULE = {"name": "x", "search": {"label": ["person"]}}
# What must come along for the operation itself to be reached, by names of the owner's things.
BODIES: dict[str, dict[str, Any]] = {
    "api.routes.jobs.create_job": {"json": {"video_id": "{video_id}"}},
    "api.routes.api_tokens.create_token": {"json": {"name": "x"}},
    "api.routes.auth.change_password": {"json": {"old_password": "not the one", "new_password": "wrong-horse-battery"}},
    "api.routes.admin.change_user": {"json": {"role": "user"}},
    "api.routes.webhooks.create_webhook": {"json": {"url": "https://8.8.8.8/x"}},
    "api.routes.uploads.create_video": {"content": b"x", "headers": {"Content-Type": "video/mp4"}},
    "api.routes.uploads.detect": {"files": {"video": ("x.mp4", b"x", "video/mp4")}},
    "api.routes.tus.create_upload": {"headers": {"Upload-Length": "1"}},
    "api.routes.tus.append": {
        "content": b"x",
        "headers": {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
    },
    "api.routes.renditions.put_job_rendition": {"json": {}},
    "api.routes.clips.video_clips.create_clip": {"json": {"from_ms": 0, "to_ms": 1000}},
    "api.routes.clips.reels.create_reel": {"json": {"pieces": [{"video_id": "{video_id}", "from_ms": 0, "to_ms": 9}]}},
    "api.routes.tracks.track_job": {"json": {}},
    "api.routes.streams.create_stream": {"json": {"kind": "push"}},
    "api.routes.streams.change_stream": {"json": {"name": "x"}},
    "api.routes.analytics.scenes.create_scene": {"json": SCENE},
    "api.routes.analytics.scenes.replace_scene": {"json": SCENE},
    "api.routes.analytics.alerts.create_rule": {"json": RULE},
    "api.routes.analytics.alerts.replace_rule": {"json": RULE},
    "api.routes.analytics.alerts.mark_alert": {"json": {"seen": True}},
    "api.routes.stream_media.begin_sending": {"content": b"v=0", "headers": {"Content-Type": "application/sdp"}},
    "api.routes.streams.push_frame": {"content": b"x", "headers": {"Content-Type": "image/jpeg"}},
    "api.routes.timeline.job_appearances": {"params": {"label": "cup"}},
    "api.routes.exports.job_export": {"params": {"format": "csv"}},
}
# Their answers are lists, which must hold nothing of another's; the others below touch nobody's things.
LISTS = {
    "api.routes.videos.list_videos",
    "api.routes.jobs.list_jobs",
    "api.routes.api_tokens.list_tokens",
    "api.routes.webhooks.list_webhooks",
    "api.routes.streams.list_streams",
    "api.routes.clips.reels.list_reels",
    "api.routes.analytics.scenes.list_scenes",
    "api.routes.analytics.alerts.list_rules",
    "api.routes.analytics.alerts.list_alerts",
    "api.routes.analytics.search.search",
}
OWN = {
    "api.routes.auth.logout",
    "api.routes.auth.logout_all",
    "api.routes.auth.change_password",
    "api.routes.auth.me",
    "api.routes.api_tokens.create_token",
    "api.routes.uploads.create_video",
    "api.routes.uploads.detect",
    "api.routes.tus.create_upload",
    "api.routes.events.events",
    "api.routes.webhooks.create_webhook",
    "api.routes.streams.create_stream",
    "api.routes.analytics.scenes.create_scene",
    "api.routes.analytics.alerts.create_rule",
    "api.routes.stream_media.whip_options",
}


@dataclass(frozen=True, slots=True)
class World:
    """An owner with one thing of each kind, a stranger, and what each kind's path parameter is called."""

    service: Service
    http: httpx.Client
    owner: Client
    stranger: Client
    things: dict[str, str]


@pytest.fixture(scope="module")
def world(service: Service, sample: Path) -> Iterator[World]:
    owner = service.client()
    job = owner.detect(sample, options={"every_n": 60})
    upload = owner.http.post("/api/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "10"})
    token = owner.call("POST", "/tokens", 201, json={"name": "owner's"})
    # An address that is never called: the owner's job has ended.
    webhook = owner.call("POST", "/webhooks", 201, json={"url": "https://8.8.8.8/x"})
    piece = {"video_id": job["video_id"], "from_ms": 0, "to_ms": 9}
    things = {
        "video_id": job["video_id"],
        "job_id": job["id"],
        "upload_id": upload.headers["location"].rsplit("/", 1)[1],
        "token_id": token["id"],
        "webhook_id": webhook["id"],
        "stream_id": owner.call("POST", "/streams", 201, json={"kind": "push"})["id"],
        "scene_id": owner.call("POST", "/scenes", 201, json=SCENE)["id"],
        "rule_id": (rule := owner.call("POST", "/alert-rules", 201, json=RULE))["id"],
        "alert_id": add_alert(service, rule["id"]),
        "user_id": owner.call("GET", "/auth/me", 200)["id"],
        "session_id": "0.x",
        "kind": "poster",
        "track_id": "1",
        "reel_id": owner.call("POST", "/reels", 202, json={"pieces": [piece]})["id"],
        "clip_id": owner.call("POST", f"/videos/{job['video_id']}/clips", 202, json={"from_ms": 0, "to_ms": 9})["id"],
    }
    with httpx.Client(base_url=service.url, timeout=60) as http:
        yield World(service, http, owner, service.client(), things)
    # Nobody who was refused has changed them.
    for thing in ("video_id", "upload_id", "stream_id", "scene_id", "reel_id"):
        assert owner.http.request(
            "HEAD" if thing == "upload_id" else "GET",
            f"/api/v1/{thing.removesuffix('_id')}s/{things[thing]}",
            headers={"Tus-Resumable": "1.0.0"},
        ).is_success
    assert owner.call("GET", "/tokens", 200)["items"]
    assert owner.call("GET", "/alert-rules", 200)["items"] == [rule]
    assert [alert["seen"] for alert in owner.call("GET", "/alerts", 200)["alerts"]] == [False]


def ask(
    world: World, operation: str, method: str, path: str, credentials: str | None, cookie: str | None = None
) -> httpx.Response:
    """Ask for the owner's things, with all that the operation needs but the right."""
    if "/jobs/" in path:
        path = path.replace("{kind}", "annotated")
    for name in re.findall(r"{(\w+)}", path):
        assert name in world.things, f"{path}: say in `world` what {name} of another user is"
        path = path.replace(f"{{{name}}}", world.things[name])
    options = json.loads(json.dumps(BODIES.get(operation, {}), default=lambda data: data.decode()))
    text = json.dumps(options.get("json", {}))
    for name, value in world.things.items():
        text = text.replace(f"{{{name}}}", value)
    if "json" in options:
        options["json"] = json.loads(text)
    if "files" in options:
        options["files"] = BODIES[operation]["files"]
    headers = {"Tus-Resumable": "1.0.0", **options.pop("headers", {})}
    if credentials is not None:
        headers["Authorization"] = f"Bearer {credentials}"
    if cookie is not None:
        headers["Cookie"] = f"wd_access={cookie}"
    return world.http.request(method.upper(), path, headers=headers, **options)


def expect_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    if answer.request.method != "HEAD":  # whose answers have no body
        assert answer.json()["code"] == code, answer.text
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


def test_open_operations_are_listed_explicitly() -> None:
    assert {name for name, needed in NEEDED.items() if needed is None} == OPEN


def test_every_operation_has_a_sample_request() -> None:
    """Else a refusal for a missing body would be taken for one for want of a right."""
    for name, method, path in CLOSED:
        body = SPEC["paths"][path][method].get("requestBody")
        assert not body or name in BODIES, f"{name}: add a body that is right to BODIES"


@pytest.mark.parametrize(("operation", "method", "path"), CLOSED, ids=[name for name, *_ in CLOSED])
def test_requests_without_a_valid_token_get_401(
    world: World, bad_credentials: dict[str, str | None], operation: str, method: str, path: str
) -> None:
    for kind, credentials in bad_credentials.items():
        answer = ask(world, operation, method, path, credentials)
        assert answer.status_code == 401, (kind, answer.text)
        expect_problem(answer, 401, "unauthenticated")
        if {"cookie": []} in SPEC["paths"][path][method].get("security", []):
            answer = ask(world, operation, method, path, None, cookie=credentials)
            expect_problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize(("operation", "method", "path"), CLOSED, ids=[name for name, *_ in CLOSED])
def test_api_token_permits_only_its_scopes(
    world: World, tokens: dict[str, str], operation: str, method: str, path: str
) -> None:
    needed = NEEDED[operation]
    if needed == "any":
        return
    if needed not in OF_TOKENS:
        expect_problem(ask(world, operation, method, path, tokens["all"]), 403, "needs_login")
        return
    expect_problem(ask(world, operation, method, path, tokens[f"without {needed}"]), 403, "out_of_scope")
    if needed in ("read", "streams:read") and "/events" not in path:  # of which an answer has no end
        assert ask(world, operation, method, path, tokens[needed]).status_code not in (401, 403)


@pytest.mark.parametrize(("operation", "method", "path"), CLOSED, ids=[name for name, *_ in CLOSED])
def test_objects_of_other_users_return_404(world: World, operation: str, method: str, path: str) -> None:
    if operation in OWN:
        return
    answer = ask(world, operation, method, path, world.stranger.tokens["access_token"])
    if NEEDED[operation] in ("admin", "admin_read"):
        expect_problem(answer, 403, "needs_admin")
    elif operation in LISTS:
        assert answer.status_code == 200
        [found] = [value for value in answer.json().values() if isinstance(value, list)]
        assert found == []
    else:
        assert "{" in path or operation in BODIES, f"{operation}: say in LISTS or OWN what it shows"
        expect_problem(answer, 404, "not_found")


@pytest.fixture(scope="module")
def bad_credentials(world: World) -> dict[str, str | None]:
    """Every way of having no good token, all of the owner's."""
    key = next(process for process in world.service.processes("gunicorn")).environ()["JWT_SECRET_KEY"]
    good = jwt.decode(world.owner.tokens["access_token"], options={"verify_signature": False})
    past = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp())
    # The key is the right one: what follows fails for what it says alone.
    headers = {"Authorization": f"Bearer {signed(good, key)}"}
    assert world.http.get("/api/v1/auth/me", headers=headers).status_code == 200
    logged_out = Client(world.service.url)
    logged_out.use(logged_out.call("POST", "/auth/login", 200, json=credentials(world.owner)))
    logged_out.call("POST", "/auth/logout", 204)
    deleted = world.owner.call("POST", "/tokens", 201, json={"name": "deleted"})
    world.owner.call("DELETE", f"/tokens/{deleted['id']}", 204)
    return {
        "none": None,
        "no token": "x",
        "expired": signed({**good, "exp": past}, key),
        "not signed": ".".join([part({"alg": "none", "typ": "JWT"}), part(good), ""]),
        "signed by none": signed(good, None, "none"),
        "another key": signed(good, "another-secret-of-more-than-32-characters"),
        "another algorithm": signed(good, key * 2, "HS512"),
        "the key, another algorithm": signed(good, key, "HS384"),
        "another audience": signed({**good, "aud": "another-service"}, key),
        "no audience": signed({name: value for name, value in good.items() if name != "aud"}, key),
        "another issuer": signed({**good, "iss": "another-service"}, key),
        "another session": signed({**good, "sid": str(uuid.uuid4())}, key),
        "another user's session": signed({**good, "sub": str(uuid.uuid4())}, key),
        "a refresh token": world.owner.tokens["refresh_token"],
        "logged out": logged_out.tokens["access_token"],
        "a deleted API token": deleted["token"],
        "an API token that never was": "wd_" + "x" * 43,
    }


@pytest.fixture(scope="module")
def tokens(world: World) -> dict[str, str]:
    """API tokens of another user with each scope, and of each want of one."""
    user = world.service.client()
    wanted: dict[str, list[str] | None] = {"all": None, "read": ["read"], "streams:read": ["streams:read"]}
    wanted |= {f"without {scope}": [other for other in OF_TOKENS if other != scope] for scope in OF_TOKENS}
    return {
        name: user.call("POST", "/tokens", 201, json={"name": name, "scopes": scopes})["token"]
        for name, scopes in wanted.items()
    }


def test_administrator_operations_refuse_api_tokens(world: World, service: Service) -> None:
    admin = service.client()
    make_admin(service, admin)
    assert (
        ask(world, "api.routes.admin.list_users", "get", "/api/v1/users", admin.tokens["access_token"]).status_code
        == 200
    )
    token = admin.call("POST", "/tokens", 201, json={"name": "x"})["token"]
    expect_problem(ask(world, "api.routes.admin.list_users", "get", "/api/v1/users", token), 403, "needs_login")


def test_an_autoscaler_reads_with_an_api_token_of_an_administrator(world: World, service: Service) -> None:
    admin = service.client()
    make_admin(service, admin)
    asked = ("api.routes.admin.get_scale", "get", "/api/v1/admin/scale")
    made = admin.call("POST", "/tokens", 201, json={"name": "scaler", "scopes": ["read"]})
    found = ask(world, *asked, made["token"]).json()
    assert found["detectors"] == sum(kind["detectors"] for kind in found["by_role"].values()) >= 2
    assert found["backlog_frames"] >= 0
    other = admin.call("POST", "/tokens", 201, json={"name": "writer", "scopes": ["write"]})
    expect_problem(ask(world, *asked, other["token"]), 403, "out_of_scope")


def credentials(client: Client) -> dict[str, str]:
    return {"username": client.username, "password": client.password}


def signed(claims: dict[str, Any], key: str | None, algorithm: str = "HS256") -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # the service's key is not made for longer ones
        return jwt.encode(claims, key or "", algorithm=algorithm)


def part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
