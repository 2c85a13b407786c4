"""The Python client: `from web_detector import Client`. See docs/python.md."""

from web_detector.client import Client, JobFailed
from web_detector.http_client import ServiceError
from web_detector.tables import to_pandas, to_supervision
from web_detector.types import Detection, Frame, Job, Stream, Summary, Video

__all__ = [
    "Client",
    "Detection",
    "Frame",
    "Job",
    "JobFailed",
    "ServiceError",
    "Stream",
    "Summary",
    "Video",
    "to_pandas",
    "to_supervision",
]
