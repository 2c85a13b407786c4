"""The list of videos that have no job."""

import pytest

from api.tables import videos
from api.tables.videos import VideoTable
from tests.support.searching import SearchDesk


def test_videos_without_a_job_are_found_however_many_others_are_between(
    desk: SearchDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "LOOKED_AT", 3)
    first, *used, last = (desk.add_video() for _ in range(8))
    for video in used:
        desk.add_job(video)
    SearchDesk(desk.engine).add_video()
    pages: list[list[str]] = []
    cursor: str | None = None
    while cursor or not pages:
        page, cursor = VideoTable(desk.engine).page(desk.user_id, 2, cursor, without_job=True)
        pages.append([video.id for video in page])
    assert pages == [[last.id], [], [first.id]]
