"""A service whose operator makes the users: roles, the audit log, throttled logins, and what is in no log at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.access.passwords import hashed
from api.tables.users import UserTable
from contracts.database.engine import open_database
from contracts.database.tables import AuditEvent, User, utcnow
from contracts.live.registry import StreamRegistry
from contracts.settings.table import Settings
from processor.repository import Repository
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import Client
from tests.support.models import tiny_model
from tests.support.user_admin import manage

ADMIN, ADMIN_PASSWORD = "root-of-all", "a-rather-long-secret-one"
PASSWORD = "another-secret-of-alice"
ALICE = "198.51.100.7"
NAMES = ("alice", "bob", "carol", "dave")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """The test is the proxy in front of it."""
    folder = tmp_path_factory.mktemp("closed")
    settings = {
        "REGISTRATION": "closed", "TRUSTED_PROXIES": "127.0.0.0/8", "LOGIN_FAILURES_PER_NAME": 3, "LOG_LEVEL": "debug",
    }  # fmt: skip
    with EmbeddedMode().run(folder, **settings, **tiny_model.as_default(folder)) as service:
        assert isinstance(service, Embedded)
        data = Path(service.env["DATA_DIR"])
        made = manage("admin", ADMIN, data=data, typed=f"{ADMIN_PASSWORD}\n")
        assert made.returncode == 0, made.stderr
        for name in NAMES:
            assert manage("users", "add", name, data=data, typed=f"{PASSWORD}\n").returncode == 0
        yield service


def log_in(service: Embedded, username: str, password: str, address: str = ALICE) -> Client:
    client = Client(service.url)
    client.http.headers["X-Forwarded-For"] = f"6.6.6.6, {address}"
    client.username, client.password = username, password
    return client.use(client.call("POST", "/auth/login", 200, json={"username": username, "password": password}))


def refused(service: Embedded, username: str, password: str, status: int, code: str, address: str) -> Any:
    client = Client(service.url)
    client.http.headers["X-Forwarded-For"] = address
    body = {"username": username, "password": password}
    answer = client.request("POST", "/auth/login", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    return answer


def events(admin: Client, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = admin.call("GET", "/audit", 200, params={"limit": 200, **query})["items"]
    return items


def test_closed_registration_refuses_new_users(closed: Embedded) -> None:
    body = {"username": "mallory", "password": PASSWORD}
    assert "operator" in Client(closed.url).problem("POST", "/auth/register", 403, "registration_closed", json=body)


def test_audit_log_records_actions_with_user_and_address(closed: Embedded, sample: Path) -> None:
    admin = log_in(closed, ADMIN, ADMIN_PASSWORD, "192.0.2.1")
    refused(closed, "alice", "not the password", 401, "unauthenticated", ALICE)
    alice = log_in(closed, "alice", PASSWORD)
    me = alice.call("GET", "/auth/me", 200)
    token = alice.call("POST", "/tokens", 201, json={"name": "nightly", "scopes": ["delete", "read"]})
    assert token["scopes"] == ["read", "delete"]
    job = alice.detect(sample, options={"every_n": 60})
    alice.call("DELETE", f"/jobs/{job['id']}", 204)
    alice.call("DELETE", f"/videos/{job['video_id']}", 204)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
    upload = alice.http.post("/api/v1/uploads", headers=headers).headers["location"].rsplit("/", 1)[1]
    alice.call("DELETE", f"/uploads/{upload}", 204, headers=headers)
    alice.call("DELETE", f"/tokens/{token['id']}", 204)
    stream = alice.call("POST", "/streams", 201, json={"kind": "push"})["id"]
    alice.call("PATCH", f"/streams/{stream}", 200, json={"name": "door"})
    alice.call("POST", f"/streams/{stream}/start", 202)
    for _ in range(2):  # the second changes nothing
        alice.call("POST", f"/streams/{stream}/stop", 202)
    alice.call("DELETE", f"/streams/{stream}", 204)
    alice.call("POST", "/auth/logout", 204)
    admin.call("PATCH", f"/users/{me['id']}", 200, json={"quotas": {"active_jobs": 2}})

    noted = events(admin, user_id=me["id"])
    assert [(event["action"], event["subject"]) for event in reversed(noted) if event["action"] != "logout"] == [
        ("login.failed", None),
        ("login.succeeded", None),
        ("token.made", token["id"]),
        ("job.deleted", job["id"]),
        ("video.deleted", job["video_id"]),
        ("upload.deleted", upload),
        ("token.deleted", token["id"]),
        ("stream.created", stream),
        ("stream.changed", stream),
        ("stream.started", stream),
        ("stream.stopped", stream),
        ("stream.deleted", stream),
    ]
    assert noted[0]["action"] == "logout"
    assert {event["address"] for event in noted} == {ALICE}
    assert {event["username"] for event in noted} == {"alice"}
    (changed,) = events(admin, action="user.quotas")
    assert (changed["username"], changed["subject"], changed["address"]) == (ADMIN, me["id"], "192.0.2.1")
    assert {event["subject"] for event in events(admin, action="user.added")} >= {me["id"]}  # by the command
    assert {event["action"] for event in events(admin, action="login")} == {"login.failed", "login.succeeded"}


def test_pages_of_audit_log_and_users_are_complete(closed: Embedded) -> None:
    admin = log_in(closed, ADMIN, ADMIN_PASSWORD)
    for path in ("/users", "/audit"):
        whole = [item["id"] for item in admin.call("GET", path, 200, params={"limit": 200})["items"]]
        found: list[str] = []
        query = {"limit": "1"}
        while len(found) <= len(whole):
            page = admin.call("GET", path, 200, params=query)
            found += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert found == whole
        admin.problem("GET", path, 422, "invalid_cursor", params={"cursor": "x"})
    (found_one,) = admin.call("GET", "/users", 200, params={"search": "ARO"})["items"]
    assert (found_one["username"], found_one["role"], found_one["disabled"]) == ("carol", "user", False)


def test_role_change_applies_to_the_next_request(closed: Embedded) -> None:
    admin, carol = log_in(closed, ADMIN, ADMIN_PASSWORD), log_in(closed, "carol", PASSWORD)
    own, other = admin.call("GET", "/auth/me", 200), carol.call("GET", "/auth/me", 200)
    assert (own["role"], other["role"]) == ("admin", "user")
    carol.problem("GET", "/users", 403, "needs_admin")
    admin.call("PATCH", f"/users/{other['id']}", 200, json={"role": "admin"})
    carol.call("GET", "/users", 200)
    admin.problem("PATCH", f"/users/{own['id']}", 409, "conflict", json={"role": "user"})
    carol.problem("PATCH", f"/users/{own['id']}", 422, "invalid_input", json={"quotas": {"active_jobs": -1}})
    assert manage("users", "demote", "carol", data=Path(closed.env["DATA_DIR"])).returncode == 0
    carol.problem("GET", "/users", 403, "needs_admin")


def test_disabled_user_loses_access_immediately_and_regains_it_with_a_new_password(closed: Embedded) -> None:
    data, bob = Path(closed.env["DATA_DIR"]), log_in(closed, "bob", PASSWORD, "192.0.2.44")
    robot = Client(closed.url).use({"access_token": bob.call("POST", "/tokens", 201, json={"name": "x"})["token"]})
    stream = bob.call("POST", "/streams", 201, json={"kind": "push"})["id"]
    disabled = manage("users", "disable", "bob", data=data)
    assert disabled.returncode == 0
    assert "1 live streams are stopped" in disabled.stdout
    with redis.Redis.from_url(closed.settings().coordination_url) as server:
        assert StreamRegistry(server).read()[stream].wanted == "stopped"
    for client in (bob, robot):
        client.problem("GET", "/videos", 401, "unauthenticated")
    refused(closed, "bob", PASSWORD, 401, "unauthenticated", "192.0.2.44")
    refused(closed, "bob", "", 422, "invalid_input", "192.0.2.44")
    assert "bob\tdisabled" in manage("users", "list", data=data).stdout
    shown = manage("users", "password", "bob", "--generate", data=data)
    made = shown.stdout.splitlines()[0].removeprefix("password: ")
    assert log_in(closed, "bob", made, "192.0.2.44").call("GET", "/auth/me", 200)["username"] == "bob"


def test_password_guessing_is_throttled_and_logged_once_without_locking_out_the_owner(closed: Embedded) -> None:
    admin = log_in(closed, ADMIN, ADMIN_PASSWORD)
    log_in(closed, "alice", PASSWORD, ALICE)
    codes = []
    for number in range(8):
        client = Client(closed.url)
        client.http.headers["X-Forwarded-For"] = f"203.0.113.{number}"
        answer = client.request("POST", "/auth/login", json={"username": "alice", "password": f"guess-{number}"})
        codes.append(answer.status_code)
        if answer.status_code == 429:
            assert answer.json()["code"] == "too_many_logins"
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert codes.count(429) >= 2  # at most two windows of three were met
    log_in(closed, "alice", PASSWORD, ALICE)
    assert 1 <= len(events(admin, action="login.throttled")) <= 2


def test_password_change_is_logged_and_guessing_the_old_one_is_throttled(closed: Embedded) -> None:
    dave, home, new = log_in(closed, "dave", PASSWORD, "192.0.2.55"), "192.0.2.55", "yet-another-secret-of-dave"
    codes: list[int] = []
    while 429 not in codes:
        body = {"old_password": f"guess-{len(codes)}", "new_password": new}
        answer = dave.request("PUT", "/auth/password", json=body)
        codes.append(answer.status_code)
        assert len(codes) < 20
    assert set(codes) == {403, 429}
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert (answer.json()["code"], codes.count(403) >= 3) == ("too_many_logins", True)
    refused(closed, "dave", PASSWORD, 429, "too_many_logins", home)  # they are counted together
    connection = redis.Redis.from_url(closed.settings().coordination_url)
    for key in connection.scan_iter("wd:login:name:*"):
        connection.delete(key)
    dave.call("POST", "/tokens", 201, json={"name": "nightly"})
    dave.call("PUT", "/auth/password", 204, json={"old_password": PASSWORD, "new_password": new})
    admin, own = log_in(closed, ADMIN, ADMIN_PASSWORD), log_in(closed, "dave", new, home).call("GET", "/auth/me", 200)
    noted = [event["action"] for event in events(admin, user_id=own["id"], action="user.password")]
    assert noted == ["user.password"] + ["user.password.failed"] * codes.count(403)
    assert [event["address"] for event in events(admin, user_id=own["id"], action="login.throttled")] == [home]
    ended = events(admin, user_id=own["id"], action="token.deleted")
    assert [(event["action"], event["subject"]) for event in ended] == [("token.deleted.all", own["id"])]


def test_user_disabled_during_a_password_change_stays_disabled(closed: Embedded) -> None:
    """The hash that was checked is no longer the one that is kept."""
    engine = open_database(closed.settings().database_url)
    table = UserTable(engine)
    user = table.by_name("carol")
    assert table.change_password(user.id, "any", hashed(PASSWORD), hashed("yet-another-secret")) is None
    engine.dispose()
    log_in(closed, "carol", PASSWORD)


def test_login_accepts_old_passwords_that_are_too_short_now(closed: Embedded) -> None:
    engine = open_database(closed.settings().database_url)
    with Session(engine) as session, session.begin():
        session.add(User(username="old-timer", password_hash=hashed("password")))
    engine.dispose()
    assert log_in(closed, "old-timer", "password").call("GET", "/auth/me", 200)["username"] == "old-timer"


def test_audit_events_expire_after_audit_days(closed: Embedded) -> None:
    engine = open_database(closed.settings().database_url)
    with Session(engine) as session, session.begin():
        session.add(AuditEvent(id="old", action="login.failed"))
        session.add(AuditEvent(id="young", action="login.failed"))
        session.flush()
        old = utcnow().replace(year=utcnow().year - 2)
        session.execute(update(AuditEvent).where(AuditEvent.id == "old").values(at=old))
    assert Repository(engine).forget_events(old.replace(year=old.year + 1)) == 1
    with Session(engine) as session:
        left = set(session.scalars(select(AuditEvent.id).where(AuditEvent.id.in_(["old", "young"]))))
    engine.dispose()
    assert left == {"young"}
    assert Settings().audit_days == 365


def test_logs_contain_no_secrets(closed: Embedded) -> None:
    """With all that is logged: passwords, tokens, keys, and what a client typed into the wrong field."""
    client = log_in(closed, ADMIN, ADMIN_PASSWORD)
    tokens = [*client.tokens.values()]
    token = client.call("POST", "/tokens", 201, json={"name": "x"})["token"]
    Client(closed.url).use({"access_token": token}).call("GET", "/videos", 200)
    tokens += client.call("POST", "/auth/refresh", 200, json={"refresh_token": client.tokens["refresh_token"]}).values()
    headers = {"Authorization": f"Bearer {token}x", "Cookie": "wd_access=cookie-of-somebody"}
    Client(closed.url).problem("GET", "/videos", 401, "unauthenticated", headers=headers)
    body = {"username": "typed-in-the-wrong-field", "password": "nobodys-secret"}
    Client(closed.url).problem("POST", "/auth/login", 401, "unauthenticated", json=body)
    Client(closed.url).problem("POST", "/auth/login", 422, "invalid_input", json={"password": "nobodys-secret"})
    content = Client(closed.url).request("POST", "/auth/login", content=b'{"password": "nobodys-secret"')
    assert content.status_code in (400, 415)
    change = {"old_password": "nobodys-secret", "new_password": "nobodys-second-secret"}
    client.problem("PUT", "/auth/password", 403, "wrong_password", json=change)

    camera = {"kind": "rtsp", "url": "rtsp://me:secret-of-a-camera@camera.invalid/?pwd=secret-of-a-camera"}
    stream = client.call("POST", "/streams", 201, json=camera)["id"]
    wrong = {"kind": "rtsp", "url": "rtsp://me:secret-of-a-camera@127.0.0.1/"}
    client.problem("POST", "/streams", 422, "stream_refused", json=wrong)
    client.call("PATCH", f"/streams/{stream}", 200, json={"url": "rtsp://me:secret-of-a-camera@camera.invalid/b"})
    client.call("DELETE", f"/streams/{stream}", 204)

    key = next(iter(closed.processes("gunicorn"))).environ()["JWT_SECRET_KEY"]
    secrets = [
        ADMIN_PASSWORD,
        PASSWORD,
        "nobodys-secret",
        "nobodys-second-secret",
        "typed-in-the-wrong-field",
        "cookie-of-somebody",
        "secret-of-a-camera",
        key,
        token,
    ]
    secrets += [str(value) for value in tokens if len(str(value)) > 20]
    log = closed.output()
    assert "DEBUG" in log
    for secret in secrets:
        assert secret not in log, f"{secret[:8]}... is in the log"
    engine = open_database(closed.settings().database_url)
    with Session(engine) as session:
        noted = " ".join(f"{event.username} {event.subject}" for event in session.scalars(select(AuditEvent)))
    engine.dispose()
    assert not any(secret in noted for secret in secrets)
