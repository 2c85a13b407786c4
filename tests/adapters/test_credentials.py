"""What every request asks of the tables: whose token it is, and whether it is still valid."""

from datetime import timedelta

from sqlalchemy import Engine, update

from api.tables.sessions import SessionTable
from contracts.database.engine import Database
from contracts.database.tables import ApiToken, User, new_id, utcnow


def test_a_session_has_the_role_of_its_user_until_it_ends(each_database: Engine) -> None:
    sessions, user, other = SessionTable(each_database), add_user(each_database), add_user(each_database)
    sessions.add("session", user, "refresh", utcnow() + timedelta(days=1))
    assert sessions.role("session", user) == "user"
    assert sessions.role("session", other) is None
    with Database(each_database).write() as session:
        session.execute(update(User).where(User.id == user).values(role="admin"))
    assert sessions.role("session", user) == "admin"
    sessions.revoke("session")
    assert sessions.role("session", user) is None


def test_an_api_token_is_found_until_it_expires_or_is_deleted(each_database: Engine) -> None:
    sessions, user, now = SessionTable(each_database), add_user(each_database), utcnow()
    ids = {"one day": new_id(), "for ever": new_id()}
    times = {"one day": now + timedelta(days=1), "for ever": None}
    for name, scopes in (("one day", ["read"]), ("for ever", None)):
        sessions.add_token(
            ApiToken(id=ids[name], user_id=user, name=name, digest=name, scopes=scopes, expires_at=times[name])
        )
    used = sessions.use_token("one day", now)
    assert used is not None
    assert (used.id, used.user_id, used.scopes, used.role) == (ids["one day"], user, ["read"], "user")
    again = sessions.use_token("one day", now + timedelta(seconds=30))
    assert again is not None
    assert again.last_used_at == now
    assert sessions.use_token("one day", now + timedelta(days=2)) is None
    unlimited = sessions.use_token("for ever", now + timedelta(days=2))
    assert unlimited is not None
    assert unlimited.scopes is None
    sessions.delete_token(user, ids["for ever"])
    assert sessions.use_token("for ever", now) is None


def add_user(engine: Engine) -> str:
    user = User(id=new_id(), username=f"user-{new_id()[:8]}", password_hash="-")
    with Database(engine).write() as session:
        session.add(user)
    return user.id
