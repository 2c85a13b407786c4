"""Every setting of every role, in one typed table. contracts/settings/load.py reads it.

A field of a class in contracts/settings/sections/ is a setting: its name in upper case is the variable, its `Meta`
holds the help text and which roles need it. tests/unit/contracts/test_settings.py compares `.env.example`,
`docs/settings.md` and the compose file with it.
"""

from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from typing import Any

import msgspec

from contracts.settings.fields import extra, noted
from contracts.settings.sections.accounts import AccountSettings
from contracts.settings.sections.detector import DetectorSettings
from contracts.settings.sections.http import HttpSettings
from contracts.settings.sections.jobs import JobSettings
from contracts.settings.sections.limits import LimitSettings
from contracts.settings.sections.operation import OperationSettings
from contracts.settings.sections.retention import RetentionSettings
from contracts.settings.sections.servers import ServerSettings
from contracts.settings.sections.storage import StorageSettings
from contracts.settings.sections.streams import StreamSettings
from contracts.settings.sections.uploads import UploadSettings
from contracts.settings.sections.videos import VideoSettings
from contracts.settings.sections.webhooks import WebhookSettings
from contracts.settings.sections.workers import WorkerSettings

# Sections in the order of .env.example and docs/settings.md.
SECTIONS = {
    "Storage": StorageSettings,
    "Servers": ServerSettings,
    "HTTP": HttpSettings,
    "Accounts": AccountSettings,
    "Uploads and imports": UploadSettings,
    "Limits per user": LimitSettings,
    "Webhooks": WebhookSettings,
    "Videos": VideoSettings,
    "Jobs": JobSettings,
    "Retention": RetentionSettings,
    "Workers": WorkerSettings,
    "Detector": DetectorSettings,
    "Streams": StreamSettings,
    "Operation": OperationSettings,
}


@dataclass(frozen=True, kw_only=True)
class Settings(
    StorageSettings,
    ServerSettings,
    HttpSettings,
    AccountSettings,
    UploadSettings,
    LimitSettings,
    WebhookSettings,
    VideoSettings,
    JobSettings,
    RetentionSettings,
    WorkerSettings,
    DetectorSettings,
    StreamSettings,
    OperationSettings,
):
    """The settings of one process. Empty text means "not set"; roles that need it refuse to start."""


class Row(msgspec.Struct, frozen=True):
    """One setting as the documentation shows it."""

    section: str
    variable: str
    default: str
    help: str
    roles: tuple[str, ...]
    required: bool
    secret: bool


def setting_fields() -> Iterator[tuple[str, Field[Any]]]:
    """All settings in the order of the sections: (section, field)."""
    return ((title, field) for title, section in SECTIONS.items() for field in fields(section))


def table() -> tuple[Row, ...]:
    """All settings as the documentation shows them."""
    return tuple(
        Row(
            section=title,
            variable=field.name.upper(),
            default=str(field.default),
            help=noted(field).description or "",
            roles=tuple(extra(field)["roles"]),
            required=bool(extra(field)["required"]),
            secret=bool(extra(field)["secret"]),
        )
        for title, field in setting_fields()
    )
