"""Which stored objects the rows of a backup need."""

import pytest

from api.operator.backup import keys_of


@pytest.mark.parametrize(
    ("tracks", "also"),
    [(None, []), ({"state": "queued"}, []), ({"state": "failed"}, []), ({"state": "ready"}, ["tracks"])],
)
def test_a_job_needs_its_result_and_the_tracks_that_it_says_it_has(
    tracks: dict[str, str] | None, also: list[str]
) -> None:
    row = {"id": "j", "video_id": "v", "state": "succeeded", "summary": {}, "tracks": tracks}
    assert keys_of("jobs", {**row, "summary": {"frames": 1}}) == [
        f"videos/v/jobs/j/{part}" for part in ["result", *also]
    ]


def test_a_job_of_an_older_backup_has_no_tracks() -> None:
    row = {"id": "j", "video_id": "v", "state": "succeeded", "summary": {"frames": 1}}
    assert keys_of("jobs", row) == ["videos/v/jobs/j/result"]
