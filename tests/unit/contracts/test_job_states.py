"""The table of a job's states, and that only its moves are made."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from contracts.database.engine import open_database
from contracts.database.tables import Base, Job, User, Video, new_id
from contracts.wire.job_states import ACTIVE, TERMINAL, TRANSITIONS, JobState, sources
from processor.repository import Repository


def test_every_active_state_can_end_and_no_ended_one_can_move() -> None:
    for state in JobState:
        reachable: set[JobState] = set()
        todo = [state]
        while todo:
            new = TRANSITIONS[todo.pop()] - reachable
            reachable |= new
            todo += new
        assert (reachable >= TERMINAL) if state in ACTIVE else not reachable


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("target", JobState)
def test_a_job_moves_only_along_the_table(tmp_path: Path, state: JobState, target: JobState) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/db.sqlite")
    Base.metadata.create_all(engine)
    user, video, job = new_id(), new_id(), new_id()
    rows: list[tuple[Any, dict[str, Any]]] = [
        (User, {"id": user, "username": "u", "password_hash": "x"}),
        (Video, {"id": video, "user_id": user, "content_type": "", "tags": [], "size_bytes": 1, "sha256": ""}),
        (Job, {"id": job, "user_id": user, "video_id": video, "model": "m", "options": {}, "state": str(state)}),
    ]
    with engine.begin() as connection:
        for table, values in rows:
            connection.execute(insert(table).values(**values))
    repository = Repository(engine)
    moved = repository.move(job, target)
    assert moved == (state in sources(target))
    found = repository.job(job)
    assert found is not None
    assert found.state == (target if moved else state)
    assert (found.finished_at is not None) == (moved and target in TERMINAL)
    engine.dispose()
