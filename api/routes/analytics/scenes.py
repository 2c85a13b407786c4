"""Scenes: zones and lines, kept apart from jobs and streams and used by many."""

from typing import Any

from flask import Response

from api.context import context
from api.requests.scene_content import checked_scene
from api.web.answers import Answer, answer, no_content
from api.web.representations import scene_representation
from contracts.database.tables import Scene, new_id, utcnow


def create_scene(user: str, body: dict[str, Any]) -> Answer:
    """Create a scene."""
    scene = Scene(id=new_id(), user_id=user, revision=1, created_at=utcnow(), **checked_scene(body))
    context.current().scenes.add(scene)
    return answer(scene_representation(scene), 201)


def list_scenes(user: str, limit: int = 50, cursor: str | None = None) -> Answer:
    """A page of the user's scenes, newest first."""
    rows, next_cursor = context.current().scenes.page(user, limit, cursor)
    return answer({"items": [scene_representation(scene) for scene in rows], "next_cursor": next_cursor})


def get_scene(user: str, scene_id: str) -> Answer:
    """One scene."""
    return answer(scene_representation(context.current().scenes.get(user, scene_id)))


def replace_scene(user: str, scene_id: str, body: dict[str, Any]) -> Answer:
    """Replace name, zones and lines of a scene."""
    return answer(scene_representation(context.current().scenes.replace(user, scene_id, checked_scene(body))))


def delete_scene(user: str, scene_id: str) -> Response:
    """Delete a scene. What was counted by it can be counted again by another one with the same zones and lines."""
    context.current().scenes.delete(user, scene_id)
    return no_content()
