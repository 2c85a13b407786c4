"""An upload that is cut short gives what it holds, and says so; tests/media/test_damage.py has the kinds of files."""

from pathlib import Path

from tests.media.test_damage import index_first
from tests.support.deployments.service import Client
from tests.support.videos.formats import EVERY


def test_a_job_on_it_is_partial_with_the_reason_and_all_that_is_there(
    client: Client, full_sample: Path, tmp_path: Path
) -> None:
    web = tmp_path / "web.mp4"
    index_first(web, full_sample.read_bytes())
    whole = client.detect(web)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(web.read_bytes()[: web.stat().st_size // 2])
    video = client.upload(cut)
    assert video["media"]["damage"].startswith("the file is cut short or damaged")
    job = client.wait(client.start(video))
    assert job["state"] == "partial"
    assert job["error"] == {"code": "video_damaged", "detail": video["media"]["damage"]}
    frames, expected = client.frames(job), client.frames(whole)
    assert EVERY < len(frames) < len(expected)
    assert len(frames) >= video["media"]["frames"] - 1, "the last one may be cut in two"
    assert frames[:-1] == expected[: len(frames) - 1]
    pages = list(client.pages(job))
    assert (pages[-1]["complete"], pages[-1]["next_cursor"]) == (False, None)
