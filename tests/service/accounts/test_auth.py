"""Users, tokens, and that nobody sees what is another's."""

import base64
import json
from typing import Any

import jwt
import pytest

from tests.support.deployments.service import Client, Service


def test_valid_token_is_accepted(client: Client) -> None:
    assert client.call("GET", "/auth/me", 200)["username"] == client.username


def test_missing_malformed_and_foreign_tokens_are_refused(service: Service, client: Client) -> None:
    claims = jwt.decode(client.tokens["access_token"], options={"verify_signature": False})
    foreign = jwt.encode(claims, "another-secret-of-more-than-32-characters", algorithm="HS256")
    unsigned = ".".join([_part({"alg": "none", "typ": "JWT"}), _part(claims), ""])
    stranger = Client(service.url)
    stranger.problem("GET", "/videos", 401, "unauthenticated")
    for token in ("x", foreign, unsigned, client.tokens["refresh_token"]):
        for method, path in (("GET", "/videos"), ("POST", "/videos"), ("GET", "/auth/me")):
            headers = {"Authorization": f"Bearer {token}"}
            stranger.problem(method, path, 401, "unauthenticated", headers=headers)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"username": "al", "password": "correct-horse"}, "username is too short"),
        ({"username": "a b c", "password": "correct-horse"}, "username contains characters that are not allowed"),
        ({"username": "alice-2", "password": "short"}, "password is too short"),
        ({"username": "alice-2"}, "the body is incomplete: add password"),
        ({"username": "alice-2", "password": "correct-horse", "admin": True}, "admin"),
        ({"username": 5, "password": "correct-horse"}, "username is of the wrong type"),
    ],
)
def test_wrong_credentials_to_register_say_why(service: Service, body: dict[str, Any], says: str) -> None:
    assert says in Client(service.url).problem("POST", "/auth/register", 422, "invalid_input", json=body)


def test_a_refusal_does_not_repeat_the_password(service: Service) -> None:
    body = {"username": "alice-3", "password": "zq7"}
    assert "zq7" not in Client(service.url).problem("POST", "/auth/register", 422, "invalid_input", json=body)


def test_body_that_is_not_json_is_refused(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    Client(service.url).problem("POST", "/auth/login", 400, "malformed_request", content=b"{not json", headers=headers)


def test_user_name_is_unique_whatever_its_case(service: Service, client: Client) -> None:
    for name in (client.username, client.username.upper()):
        body = {"username": name, "password": "another-password"}
        Client(service.url).problem("POST", "/auth/register", 409, "username_taken", json=body)


def test_login_needs_the_password(service: Service, client: Client) -> None:
    again = Client(service.url)
    body = {"username": client.username, "password": client.password}
    assert again.use(again.call("POST", "/auth/login", 200, json=body)).call("GET", "/auth/me", 200)
    for wrong in ({**body, "password": "not-the-password"}, {**body, "username": "nobody-at-all"}):
        Client(service.url).problem("POST", "/auth/login", 401, "unauthenticated", json=wrong)


def test_refresh_token_is_single_use_and_its_reuse_ends_the_session(client: Client) -> None:
    first = client.tokens["refresh_token"]
    second = client.call("POST", "/auth/refresh", 200, json={"refresh_token": first})
    client.use(second).call("GET", "/auth/me", 200)
    client.problem("POST", "/auth/refresh", 401, "unauthenticated", json={"refresh_token": first})
    client.problem("POST", "/auth/refresh", 401, "unauthenticated", json={"refresh_token": second["refresh_token"]})
    client.problem("GET", "/auth/me", 401, "unauthenticated")


def test_access_token_cannot_refresh(client: Client) -> None:
    body = {"refresh_token": client.tokens["access_token"]}
    client.problem("POST", "/auth/refresh", 401, "unauthenticated", json=body)


def test_logout_ends_only_its_own_session(service: Service, client: Client) -> None:
    other = Client(service.url)
    body = {"username": client.username, "password": client.password}
    other.use(other.call("POST", "/auth/login", 200, json=body))
    client.call("POST", "/auth/logout", 204)
    client.problem("GET", "/auth/me", 401, "unauthenticated")
    refresh = {"refresh_token": client.tokens["refresh_token"]}
    client.problem("POST", "/auth/refresh", 401, "unauthenticated", json=refresh)
    other.call("GET", "/auth/me", 200)


def test_password_change_ends_all_other_sessions_and_api_tokens_unless_kept(service: Service, client: Client) -> None:
    old, new = {"username": client.username, "password": client.password}, "four words and a stop"
    other = Client(service.url)
    other.use(other.call("POST", "/auth/login", 200, json=old))
    robot = Client(service.url).use({"access_token": client.call("POST", "/tokens", 201, json={"name": "x"})["token"]})
    change = {"old_password": client.password, "new_password": new}
    client.call("PUT", "/auth/password", 204, json={**change, "keep_tokens": True})
    other.problem("GET", "/auth/me", 401, "unauthenticated")
    refresh = {"refresh_token": other.tokens["refresh_token"]}
    other.problem("POST", "/auth/refresh", 401, "unauthenticated", json=refresh)
    robot.call("GET", "/auth/me", 200)
    client.call("PUT", "/auth/password", 204, json={"old_password": new, "new_password": new})
    robot.problem("GET", "/auth/me", 401, "unauthenticated")
    refresh = {"refresh_token": client.tokens["refresh_token"]}
    client.use(client.call("POST", "/auth/refresh", 200, json=refresh)).call("GET", "/auth/me", 200)
    Client(service.url).problem("POST", "/auth/login", 401, "unauthenticated", json=old)
    other.use(other.call("POST", "/auth/login", 200, json={**old, "password": new})).call("GET", "/auth/me", 200)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"old_password": "not-the-password", "new_password": "four words and a stop"}, 403, "wrong_password"),
        ({"old_password": "correct-horse-battery", "new_password": "password1234"}, 422, "weak_password"),
        ({"old_password": "correct-horse-battery", "new_password": "{username}"}, 422, "weak_password"),
        ({"old_password": "correct-horse-battery", "new_password": "elevenchars"}, 422, "weak_password"),
        ({"old_password": "correct-horse-battery", "new_password": "zq7"}, 422, "invalid_input"),
        ({"new_password": "four words and a stop"}, 422, "invalid_input"),
        ({"old_password": "correct-horse-battery"}, 422, "invalid_input"),
    ],
)
def test_password_change_requires_the_old_and_a_valid_new_password(
    service: Service, client: Client, body: dict[str, str], status: int, code: str
) -> None:
    other = Client(service.url)
    login = {"username": client.username, "password": client.password}
    other.use(other.call("POST", "/auth/login", 200, json=login))
    body = {name: value.format(username=client.username) for name, value in body.items()}
    said = client.problem("PUT", "/auth/password", status, code, json=body)
    assert not any(secret in said for secret in body.values())
    other.call("GET", "/auth/me", 200)
    other.call("POST", "/auth/login", 200, json=login)


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
