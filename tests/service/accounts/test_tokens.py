"""API tokens: made by who is logged in, for programs."""

import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import ApiToken, utcnow
from tests.support.deployments.service import Client, Service


def make(client: Client, **body: Any) -> Any:
    return client.call("POST", "/tokens", 201, json={"name": "nightly", **body})


def program(service: Service, token: Any) -> Client:
    """Who has nothing but the token."""
    return Client(service.url).use({"access_token": token["token"]})


def test_api_token_acts_as_its_user(service: Service, client: Client, sample: Path) -> None:
    token = make(client)
    assert re.fullmatch(r"wd_[A-Za-z0-9_-]{43}", token["token"])
    robot = program(service, token)
    assert robot.call("GET", "/auth/me", 200)["username"] == client.username
    job = robot.detect(sample, options={"every_n": 50})
    assert client.job(job) == robot.job(job)
    robot.call("DELETE", f"/videos/{job['video_id']}", 204)


def test_api_token_is_shown_once_and_not_stored(service: Service, client: Client) -> None:
    token = make(client, expires_in_days=7)
    (listed,) = client.call("GET", "/tokens", 200)["items"]
    assert listed == {name: value for name, value in token.items() if name != "token"}
    assert listed["last_used_at"] is None
    life = datetime.fromisoformat(listed["expires_at"]) - datetime.fromisoformat(listed["created_at"])
    assert life == timedelta(days=7)
    engine = open_database(service.settings().database_url)
    with Session(engine) as session:
        row = session.scalars(select(ApiToken).where(ApiToken.id == token["id"])).one()
    engine.dispose()
    assert row.digest == hashlib.sha256(token["token"].encode()).hexdigest()
    program(service, token).call("GET", "/videos", 200)
    (used,) = client.call("GET", "/tokens", 200)["items"]
    assert used["last_used_at"] is not None


def test_deleted_and_expired_tokens_are_refused(service: Service, client: Client) -> None:
    deleted, expired, kept = make(client), make(client, expires_in_days=1), make(client, expires_in_days=None)
    client.call("DELETE", f"/tokens/{deleted['id']}", 204)
    engine = open_database(service.settings().database_url)
    with Session(engine) as session, session.begin():
        session.execute(update(ApiToken).where(ApiToken.id == expired["id"]).values(expires_at=utcnow()))
    engine.dispose()
    for token in (deleted, expired, {"token": "wd_" + "x" * 43}, {"token": "wd_ü"}):
        headers = {"Authorization": f"Bearer {token['token']}".encode()}
        client.problem("GET", "/videos", 401, "unauthenticated", headers=headers)
    program(service, kept).call("GET", "/videos", 200)


def test_api_token_cannot_create_tokens_or_end_sessions(service: Service, client: Client) -> None:
    own, other = make(client), make(client)
    robot = program(service, own)
    for method, path in (
        ("POST", "/auth/logout"),
        ("POST", "/auth/logout-all"),
        ("DELETE", f"/tokens/{other['id']}"),
    ):
        assert "log in" in robot.problem(method, path, 403, "needs_login")
    robot.problem("POST", "/tokens", 403, "needs_login", json={"name": "more"})
    client.call("GET", "/auth/me", 200)
    robot.call("DELETE", f"/tokens/{own['id']}", 204)
    robot.problem("GET", "/videos", 401, "unauthenticated")


def test_tokens_outlive_a_logout_and_end_with_all_sessions_unless_kept(service: Service, client: Client) -> None:
    robot, stranger = program(service, make(client)), program(service, make(service.client()))
    login = {"username": client.username, "password": client.password}
    for path in ("/auth/logout", "/auth/logout-all?keep_tokens=true"):
        client.call("POST", path, 204)
        robot.call("GET", "/auth/me", 200)
        client.use(client.call("POST", "/auth/login", 200, json=login))
    client.call("POST", "/auth/logout-all", 204)
    robot.problem("GET", "/auth/me", 401, "unauthenticated")
    stranger.call("GET", "/auth/me", 200)


def test_tokens_of_other_users_return_404(service: Service, client: Client) -> None:
    token, stranger = make(client), service.client()
    assert stranger.call("GET", "/tokens", 200)["items"] == []
    stranger.problem("DELETE", f"/tokens/{token['id']}", 404, "not_found")
    program(service, token).call("GET", "/videos", 200)


def test_api_token_is_not_accepted_as_a_cookie(service: Service, client: Client, sample: Path) -> None:
    path = f"/videos/{client.upload(sample)['id']}/content"
    cookie = {"Cookie": f"wd_access={make(client)['token']}"}
    Client(service.url).problem("GET", path, 401, "unauthenticated", headers=cookie)


def test_a_stream_ends_with_its_token(service: Service, client: Client) -> None:
    token = make(client)
    robot = program(service, token)
    with robot.http.stream("GET", "/api/v1/events", timeout=30) as answer:
        assert answer.status_code == 200
        client.call("DELETE", f"/tokens/{token['id']}", 204)
        assert b"event:" not in answer.read()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 65},
        {"name": "x", "expires_in_days": 0},
        {"name": "x", "expires_in_days": 3651},
    ],
)
def test_token_name_and_expiry_are_validated(client: Client, body: dict[str, Any]) -> None:
    client.problem("POST", "/tokens", 422, "invalid_input", json=body)
