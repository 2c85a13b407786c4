"""Operations for administrators: users, their roles and quotas, the audit log, what the service
does now."""

from typing import Any

from api.access.passwords import DISABLED
from api.access.scopes import ADMIN
from api.context import context
from api.routes import audit
from api.watch import status_document
from api.watch.numbers import Numbers
from api.watch.scale import Scale, together
from api.web.answers import Answer, answer
from contracts.database.tables import AuditEvent, User
from contracts.errors import Conflict
from contracts.live.streams import StreamState

_EVENT = ("id", "at", "action", "user_id", "username", "subject", "address")
_IDLE_STREAMS = (StreamState.STOPPED, StreamState.FAILED)


def list_users(limit: int = 50, cursor: str | None = None, search: str = "") -> Answer:
    """A page of the users."""
    users, next_cursor = context.current().users.page(limit, cursor, search)
    return answer({"items": [user_representation(user) for user in users], "next_cursor": next_cursor})


def change_user(user: str, user_id: str, body: dict[str, Any]) -> Answer:
    """Set role or quotas of a user. Administrators cannot demote themselves, nor the last one besides, so that one
    remains. Raises NotFound, Conflict."""
    if user_id == user and body.get("role", ADMIN) != ADMIN:
        raise Conflict("you cannot remove your own administrator role: ask another administrator")
    found, changed = context.current().users.change(user_id, leave_admin=True, **body)
    for name in changed:
        audit.note(f"user.{name}", user_id=user, subject=user_id)
    return answer(user_representation(found))


def list_audit(
    limit: int = 50, cursor: str | None = None, user_id: str | None = None, action: str | None = None
) -> Answer:
    """A page of the audit log."""
    events, next_cursor = context.current().users.events(limit, cursor, user_id, action)
    return answer({"items": [_event_shape(event) for event in events], "next_cursor": next_cursor})


def get_scale() -> Answer:
    """How many detectors are wanted, of both kinds together and of each."""
    watch = context.current().watch
    kinds, by_state = watch.scales(), watch.streams().by_state
    running = sum(count for state, count in by_state.items() if state not in _IDLE_STREAMS)
    return answer(
        {
            **_scale_shape(together(list(kinds.values()))),
            "backlog_frames": watch.jobs().backlog,
            "streams": running,
            "by_role": {role: _scale_shape(found) for role, found in kinds.items()},
        }
    )


def get_status() -> Answer:
    """What the service does now and what is wrong with it, by the numbers of the metrics."""
    watch = context.current().watch
    return answer(status_document.document(Numbers(watch.readings()), watch.known_workers()))


def _scale_shape(found: Scale) -> dict[str, Any]:
    return {
        "ratio": round(found.ratio, 3),
        "detectors": found.processes,
        "detectors_wanted": found.wanted,
        "capacity_fps": round(found.capacity, 2),
    }


def user_representation(user: User) -> dict[str, Any]:
    """A user without secrets."""
    return {
        "id": user.id,
        "username": user.username,
        "role": user.role,
        "quotas": user.quotas,
        "disabled": user.password_hash == DISABLED,
        "created_at": user.created_at,
    }


def _event_shape(event: AuditEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in _EVENT}
