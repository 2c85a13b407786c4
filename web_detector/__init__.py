"""The Python client: `from web_detector import Client`. See docs/python.md."""

from web_detector.client import Client, JobFailed
from web_detector.http_client import ServiceError
from web_detector.tables import to_pandas, to_supervision
from web_detector.types import Alert, AlertRule, Detection, Frame, Hit, Job, SceneEvent, Stream, Summary, Track, Video

__all__ = [
    "Alert",
    "AlertRule",
    "Client",
    "Detection",
    "Frame",
    "Hit",
    "Job",
    "JobFailed",
    "SceneEvent",
    "ServiceError",
    "Stream",
    "Summary",
    "Track",
    "Video",
    "to_pandas",
    "to_supervision",
]
