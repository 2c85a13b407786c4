"""Scenes, as the api reads and changes them. Users see only their own."""

from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from api.tables.queries import owned, page
from contracts.database.engine import Database
from contracts.database.tables import AlertRule, Scene, User
from contracts.errors import SceneInUse, TooManyScenes

SCENES_PER_USER = 200


class SceneTable:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def add(self, scene: Scene) -> None:
        """Add a scene. Raises TooManyScenes."""
        count = select(func.count()).select_from(Scene).where(Scene.user_id == scene.user_id)
        with self._database.write() as session:
            session.get(
                User, scene.user_id, with_for_update=True
            )  # row lock, so that concurrent requests cannot exceed the limit
            if session.scalars(count).one() >= SCENES_PER_USER:
                raise TooManyScenes(f"you have {SCENES_PER_USER} scenes, the maximum: delete one that is not needed")
            session.add(scene)

    def page(self, user_id: str, limit: int, cursor: str | None) -> tuple[list[Scene], str | None]:
        """A page of a user's scenes, newest first, and the cursor of the next page. Raises InvalidCursor."""
        statement = select(Scene).where(Scene.user_id == user_id)
        with self._database.read() as session:
            return page(session, statement, Scene.created_at, limit, cursor)

    def get(self, user_id: str, scene_id: str) -> Scene:
        """A user's scene. Raises NotFound."""
        with self._database.read() as session:
            return owned(session, Scene, user_id, scene_id, "scene")

    def replace(self, user_id: str, scene_id: str, content: dict[str, Any]) -> Scene:
        """Replace name, zones and lines of a user's scene. Raises NotFound, SceneInUse."""
        with self._database.write() as session:
            scene = owned(session, Scene, user_id, scene_id, "scene", lock=True)
            _require_kept(session, scene_id, content)
            for name, value in content.items():
                setattr(scene, name, value)
            # In SQL, so that two changes at the same time are two revisions.
            scene.revision = Scene.revision + 1  # type: ignore[assignment]
            session.flush()
            session.refresh(scene)
            return scene

    def delete(self, user_id: str, scene_id: str) -> None:
        """Delete a user's scene. Raises NotFound, SceneInUse."""
        with self._database.write() as session:
            scene = owned(session, Scene, user_id, scene_id, "scene", lock=True)
            for rule in _rules_of(session, scene_id):
                raise SceneInUse(f"the alert rule {rule.name!r} is about this scene: change or delete the rule first")
            session.delete(scene)


def _rules_of(session: Session, scene_id: str) -> list[AlertRule]:
    """The alert rules about a scene. Whoever adds one locks the scene."""
    return list(session.scalars(select(AlertRule).where(AlertRule.scene_id == scene_id).order_by(AlertRule.created_at)))


def _require_kept(session: Session, scene_id: str, content: dict[str, Any]) -> None:
    """Raises SceneInUse where an alert rule is about a zone or line that the new content does not have."""
    kept = {kind: {shape["name"] for shape in content[f"{kind}s"]} for kind in ("zone", "line")}
    for rule in _rules_of(session, scene_id):
        for kind, names in kept.items():
            if (name := rule.search.get(kind)) is not None and name not in names:
                raise SceneInUse(
                    f"the alert rule {rule.name!r} is about the {kind} {name!r}: keep it, or change the rule first"
                )
