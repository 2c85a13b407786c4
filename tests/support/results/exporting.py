"""Exports of made results, without a service."""

from datetime import UTC, datetime

from api.results.export_formats import FORMATS
from api.results.exports.export import Export
from api.results.selection import Query, Selection
from api.results.sources import Frames
from contracts.database.tables import Job, Video

JOB_ID = "8c5f8b9e-4a53-4a0c-9d0b-8f2f0f5f3c11"


def export_of(made: Frames, query: Query | None = None, *, bom: bool = False) -> Export:
    """All of a made result, or what a query selects."""
    video = Video(id="v", name="a.mp4", tags=["x"], sha256="0" * 64)
    ended = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
    job = Job(id=JOB_ID, video_id="v", state="succeeded", options={}, failed_ranges=[], created_at=ended)
    job.finished_at = ended
    return Export(job, video, made, Selection(query or Query(), made.header, made.tracks), bom)


def exported(made: Frames, form: str, query: Query | None = None, *, bom: bool = False) -> bytes:
    """The file of a format."""
    return b"".join(FORMATS[form].write(export_of(made, query, bom=bom)))
