"""The Python client: `from web_detector import Client`. See docs/python.md."""

from web_detector.alerts import Alert, AlertRule, AlertSchedule, AlertSearch
from web_detector.client import Client, JobFailed
from web_detector.http_client import ServiceError
from web_detector.scenes import Line, Scene, Zone
from web_detector.tables import to_pandas, to_supervision
from web_detector.types import Detection, Frame, Hit, Job, SceneEvent, Stream, Summary, Track, Video

__all__ = [
    "Alert",
    "AlertRule",
    "AlertSchedule",
    "AlertSearch",
    "Client",
    "Detection",
    "Frame",
    "Hit",
    "Job",
    "JobFailed",
    "Line",
    "Scene",
    "SceneEvent",
    "ServiceError",
    "Stream",
    "Summary",
    "Track",
    "Video",
    "Zone",
    "to_pandas",
    "to_supervision",
]
