"""`web-detector admin` and `web-detector users`, on tables without a service."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.access.passwords import verified
from api.operator.users_command import USERNAME, main
from api.tables.sessions import SessionTable
from cli.operator_commands import service_environment
from contracts.database.engine import open_database
from contracts.database.tables import ApiToken, AuditEvent, Base, User, utcnow
from tests.support.deployments.service import SPEC
from tests.support.user_admin import manage

GOOD = "a-long-enough-password"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The DATA_DIR of embedded mode, as far as its tables go."""
    url = f"sqlite:///{tmp_path}/web-detector.sqlite"
    engine = open_database(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    monkeypatch.setenv("DATABASE_URL", url)
    return tmp_path


def users(data: Path) -> dict[str, User]:
    engine = open_database(f"sqlite:///{data}/web-detector.sqlite")
    with Session(engine, expire_on_commit=False) as session:
        found = {user.username: user for user in session.scalars(select(User))}
    engine.dispose()
    return found


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_first_administrator_is_created_in_the_database_of_embedded_mode(data: Path) -> None:
    ended = manage("admin", "root", data=data, typed=f"{GOOD}\n")
    assert (ended.returncode, ended.stdout) == (0, "root is added with the role admin\n")
    (root,) = users(data).values()
    assert root.role == "admin"
    assert verified(root.password_hash, GOOD)


def test_missing_service_is_reported(tmp_path: Path) -> None:
    ended = manage("users", "list", data=tmp_path)
    assert ended.returncode == 2
    assert f"there is no service in {tmp_path}" in ended.stderr
    assert service_environment({"DATABASE_URL": "postgresql://x"})["DATABASE_URL"] == "postgresql://x"


def test_admin_promotes_an_existing_user_without_asking_for_a_password(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, f"{GOOD}\n")
    assert main(["users", "add", "alice"]) == 0
    assert users(data)["alice"].role == "user"
    assert main(["admin", "alice"]) == 0
    assert users(data)["alice"].role == "admin"
    assert main(["users", "demote", "alice"]) == 0
    assert users(data)["alice"].role == "user"
    assert verified(users(data)["alice"].password_hash, GOOD)
    engine = open_database(f"sqlite:///{data}/web-detector.sqlite")
    with Session(engine) as session:
        noted = session.scalars(select(AuditEvent.action).order_by(AuditEvent.at)).all()
    engine.dispose()
    assert noted == ["user.added", "user.role", "user.role"]


def test_new_password_ends_sessions_and_api_tokens_unless_kept(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["users", "add", "alice", "--generate"]) == 0
    alice, now = users(data)["alice"].id, utcnow()
    engine = open_database(f"sqlite:///{data}/web-detector.sqlite")
    sessions = SessionTable(engine)
    sessions.add_token(ApiToken(id="token", user_id=alice, name="nightly", digest="digest"))
    sessions.add("session", alice, "refresh", now + timedelta(days=1))
    assert main(["users", "password", "alice", "--generate", "--keep-tokens"]) == 0
    assert sessions.valid_credentials(["session", "token"]) == {"token"}
    assert capsys.readouterr().out.endswith("all sessions are revoked, API tokens stay valid\n")
    assert main(["users", "password", "alice", "--generate"]) == 0
    assert sessions.valid_credentials(["session", "token"]) == set()
    assert capsys.readouterr().out.endswith("all sessions and API tokens are revoked\n")
    engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "password", "says"),
    [
        (["users", "add", "alice"], "short", "12 to 256 characters"),
        (["admin", "alice"], "passwordpassword", "the password is too common"),
        (["users", "add", "alice"], "", "12 to 256 characters"),
        (["users", "promote", "nobody"], "", "there is no user 'nobody'"),
        (["users", "add", "taken"], GOOD, "is taken"),
    ],
)
def test_impossible_changes_are_reported_and_change_nothing(
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    password: str,
    says: str,
) -> None:
    assert main(["users", "add", "taken", "--generate"]) == 0
    typed(monkeypatch, f"{password}\n")
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert says in shown.err
    assert not password or password not in shown.out + shown.err
    assert list(users(data)) == ["taken"]


def test_generated_password_is_shown_once_and_works(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["users", "add", "alice", "--generate", "--admin"]) == 0
    shown = capsys.readouterr().out.splitlines()[0].removeprefix("password: ")
    alice = users(data)["alice"]
    assert alice.role == "admin"
    assert verified(alice.password_hash, shown)
    assert main(["users", "disable", "alice"]) == 0
    assert not verified(users(data)["alice"].password_hash, shown)
    assert main(["users", "list"]) == 0
    assert "alice\tdisabled\t" in capsys.readouterr().out


def test_missing_tables_give_an_error_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/none.sqlite")
    assert main(["users", "list"]) == 1
    assert "the database cannot be used: no such table" in capsys.readouterr().err
    monkeypatch.setenv("DATABASE_URL", "")
    assert main(["users", "list"]) == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err


def test_user_names_follow_the_spec(data: Path) -> None:
    assert USERNAME.pattern in SPEC["components"]["schemas"]["Username"]["pattern"].replace("+$", "{3,64}")
    with pytest.raises(SystemExit) as ended:
        main(["users", "add", "no blanks"])
    assert ended.value.code == 2
