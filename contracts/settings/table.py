"""Every setting of every role, in one typed table. contracts/settings/load.py reads it.

The table is the class below: a field is a setting, its name in upper case is the variable, its
`Meta` holds the help text and which roles need it. `.env.example`, `docs/settings.md` and the
compose file are held against it by tests/unit/contracts/test_settings.py.
"""

import os
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from contracts.results.open import check_redis, check_result_store
from contracts.settings.fields import (
    EVERY,
    SIGNING_KEY_LENGTH,
    WORKERS,
    extra,
    meta,
    networks,
    noted,
    origins,
    program,
)

_ROOT = Path(__file__).parents[2]
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one process. Empty text means "not set"; roles that need it refuse to start."""

    # Where things are.
    data_dir: Annotated[str, meta("Folder that holds everything the service keeps.", EVERY)] = "data"
    storage_dir: Annotated[
        str, meta("Folder of the videos and result files; empty means storage/ in DATA_DIR.", EVERY)
    ] = ""
    storage_url: Annotated[
        str,
        meta(
            "Bucket of the videos and result files, as s3://bucket/prefix; empty means the folder STORAGE_DIR.", EVERY
        ),
    ] = ""
    s3_endpoint_url: Annotated[
        str, meta("URL of the object store, https:// or http://; empty means Amazon's.", EVERY)
    ] = ""
    s3_region: Annotated[str, meta("Region of the bucket.", EVERY)] = "us-east-1"
    s3_access_key_id: Annotated[
        str, meta("Access key of the object store; on Amazon's machines empty means that of their role.", EVERY)
    ] = ""
    s3_secret_access_key: Annotated[str, meta("The secret that belongs to S3_ACCESS_KEY_ID.", EVERY, secret=True)] = ""
    database_url: Annotated[
        str,
        meta("SQLAlchemy URL of the tables. Embedded form: SQLite in DATA_DIR.", ("api", "processor"), required=True),
    ] = ""
    broker_url: Annotated[
        str, meta("Celery URL of the broker. Embedded form: its own Valkey.", EVERY, required=True)
    ] = ""
    result_store_url: Annotated[
        str,
        meta(
            "URL of the running jobs' results: Redis (redis://, rediss:// or unix://) or PostgreSQL (postgresql://). "
            "Embedded form: its own Valkey.",
            EVERY,
            required=True,
            check=check_result_store,
        ),
    ] = ""
    redis_url: Annotated[
        str,
        meta(
            "Redis URL of what workers tell each other; empty means RESULT_STORE_URL, when that is Redis. "
            "Embedded form: the same, or its own Valkey.",
            EVERY,
            check=check_redis,
        ),
    ] = ""
    models_dir: Annotated[
        str, meta("Folder of the models that were added; empty means models/ in DATA_DIR.", EVERY)
    ] = ""

    # The HTTP side.
    host: Annotated[str, meta("Address that the api listens on.", ("api",))] = "127.0.0.1"
    port: Annotated[int, meta("Port that the api listens on.", ("api",), ge=1, le=65535)] = 8080
    api_workers: Annotated[
        int, meta("Processes of the api: each serves on a core of its own.", ("api",), ge=1, le=256)
    ] = 2
    jwt_secret_key: Annotated[
        str,
        meta(
            "Key that signs the tokens, at least 32 characters. Embedded form: made once, kept in DATA_DIR.",
            ("api",),
            required=True,
            secret=True,
            least_length=SIGNING_KEY_LENGTH,
        ),
    ] = ""
    page_dir: Annotated[
        str, meta("Folder of the built page; empty means web/dist beside the service's code.", ("api",))
    ] = ""
    access_token_minutes: Annotated[int, meta("How long an access token holds.", ("api",), ge=1)] = 60
    refresh_token_days: Annotated[int, meta("How long a refresh token holds.", ("api",), ge=1)] = 30
    upload_max_bytes: Annotated[int, meta("Largest upload, in bytes.", ("api",), ge=1)] = 20 * 1024**3
    upload_expire_hours: Annotated[
        int,
        meta(
            "How long a resumable upload may stand still before what has come of it is removed.",
            ("api",),
            ge=1,
            le=8760,
        ),
    ] = 24
    upload_unfinished_max: Annotated[
        int, meta("Unfinished resumable uploads that one user may have.", ("api",), ge=1, le=100_000)
    ] = 100
    probe_wait_seconds: Annotated[
        int, meta("How long an upload waits for the probe before it answers without media.", ("api",), ge=0, le=60)
    ] = 10
    import_concurrency: Annotated[
        int,
        meta("Imports by URL that one process of the api runs at once; 0 switches them off.", ("api",), ge=0, le=100),
    ] = 4
    import_timeout_seconds: Annotated[int, meta("How long one import by URL may take.", ("api",), ge=1, le=86_400)] = (
        3600
    )
    import_allow_networks: Annotated[
        str,
        meta(
            "Networks that imports by URL may reach though they are not public, comma separated, as in 10.1.0.0/16.",
            ("api",),
            check=networks,
        ),
    ] = ""
    rate_requests_per_minute: Annotated[
        int, meta("Requests that one user may make in a minute; 0 means any number.", ("api",), ge=0)
    ] = 6000
    quota_stored_bytes: Annotated[
        int, meta("Bytes of videos and unfinished uploads that one user may keep; 0 means any number.", ("api",), ge=0)
    ] = 0
    quota_active_jobs: Annotated[
        int, meta("Jobs of one user that may wait or run at once; 0 means any number.", ("api",), ge=0)
    ] = 0
    quota_frames_per_day: Annotated[
        int,
        meta("Frames that one user's jobs may look at in a day (UTC); 0 means any number.", ("api", "processor"), ge=0),
    ] = 0
    cors_origins: Annotated[
        str,
        meta(
            "Origins whose pages may call the api from a browser, comma separated, as in https://example.org; empty "
            "means none but its own.",
            ("api",),
            check=origins,
        ),
    ] = ""
    webhook_concurrency: Annotated[
        int,
        meta(
            "Webhooks that one process of the api calls at once; 0 switches them off: none is made, none is called.",
            ("api",),
            ge=0,
            le=100,
        ),
    ] = 8
    webhook_timeout_seconds: Annotated[
        int, meta("How long one call of a webhook may take, its answer included.", ("api",), ge=1, le=60)
    ] = 10
    webhook_tries: Annotated[
        int, meta("How often a webhook is called before its delivery has failed.", ("api",), ge=1, le=20)
    ] = 8
    webhook_allow_networks: Annotated[
        str,
        meta(
            "Networks that webhooks may lie in though they are not public, comma separated, as in 10.1.0.0/16.",
            ("api",),
            check=networks,
        ),
    ] = ""

    registration: Annotated[
        Literal["open", "closed"],
        meta("Whether users make themselves; closed: the operator makes them, by `web-detector users`.", ("api",)),
    ] = "open"
    password_min_length: Annotated[
        int, meta("Least length of a password that is chosen from now on.", ("api",), ge=8, le=64)
    ] = 12
    login_failures_per_name: Annotated[
        int,
        meta("Logins with one name that may fail in a minute; 0 for any number.", ("api",), ge=0, le=1_000_000),
    ] = 10
    login_failures_per_address: Annotated[
        int,
        meta(
            "Logins from one address (of IPv6, one network of 64 bits) that may fail in a minute; 0 for any number.",
            ("api",),
            ge=0,
            le=1_000_000,
        ),
    ] = 30
    registrations_per_address: Annotated[
        int,
        meta(
            "Users that may be made from one address (of IPv6, one network of 64 bits) in a minute; 0 for any number.",
            ("api",),
            ge=0,
            le=1_000_000,
        ),
    ] = 30
    audit_days: Annotated[int, meta("How long the audit log is kept; 0 for good.", ("processor",), ge=0, le=36_500)] = (
        365
    )
    trusted_proxies: Annotated[
        str,
        meta(
            "Networks of the proxies in front of the api, comma separated: the address of a client is what they say in "
            "X-Forwarded-For.",
            ("api",),
            check=networks,
        ),
    ] = ""

    # Jobs.
    default_model: Annotated[
        str, meta("Model of a job that names none; detectors load it at their start.", ("api", "detector"))
    ] = "nanodet-g"
    chunk_size: Annotated[
        int, meta("Frames that a chunk aims at; it is cut at keyframes.", ("processor",), ge=1, le=100_000)
    ] = 240
    chunk_window: Annotated[
        int,
        meta(
            "Chunks of one user's jobs that may be sent and not done, for each detector that is there; whoever comes "
            "after waits for all of them.",
            ("processor",),
            ge=2,
            le=1000,
        ),
    ] = 6
    jobs_per_user: Annotated[
        int,
        meta("Jobs of one user that are worked on at once; the others stay queued.", ("processor",), ge=1, le=10_000),
    ] = 4
    job_deadline_hours: Annotated[
        int,
        meta(
            "Hours after which a job that has not ended is ended, with what it has; 0 means never.",
            ("processor",),
            ge=0,
            le=87_600,
        ),
    ] = 0
    result_ttl_seconds: Annotated[
        int,
        meta(
            "How long results stay in the store after a job's end; the result file stays for good.",
            ("processor", "detector"),
            ge=1,
        ),
    ] = 86_400
    probe_timeout_seconds: Annotated[int, meta("Limit on reading a video's index.", ("processor",), ge=1, le=3600)] = (
        300
    )
    max_frame_pixels: Annotated[int, meta("Largest frame that is accepted, width times height.", WORKERS, ge=1)] = (
        8192 * 4352
    )
    max_pixels: Annotated[
        int, meta("Most pixels that a video may have, width times height times frames.", WORKERS, ge=1)
    ] = 10_000_000_000_000
    max_frames: Annotated[int, meta("Most frames that a video may have.", ("processor",), ge=1)] = 20_000_000
    retention_video_days: Annotated[
        int,
        meta(
            "How many days a video is kept, after it came or the last of its jobs ended, with all that was made of it; "
            "0 means for good.",
            ("processor",),
            ge=0,
            le=36_500,
        ),
    ] = 0
    retention_result_days: Annotated[
        int,
        meta(
            "How many days a job and its results are kept after its end, if its video is not removed before; "
            "0 means for good.",
            ("processor",),
            ge=0,
            le=36_500,
        ),
    ] = 0
    orphan_hours: Annotated[
        int,
        meta(
            "How long what belongs to nothing is left alone in storage and result store before it is removed.",
            ("processor",),
            ge=1,
            le=8760,
        ),
    ] = 24
    reaper_seconds: Annotated[int, meta("How often lost work is looked for.", ("processor",), ge=1, le=3600)] = 5
    lease_seconds: Annotated[
        int,
        meta("How long a chunk in hand may give no sign of life before it is sent again.", ("detector",), ge=2),
    ] = 15
    visibility_timeout_seconds: Annotated[
        int,
        meta("On a Redis broker: when an unacknowledged message is delivered again.", EVERY, ge=30, le=1800),
    ] = 600

    # Workers.
    processor_concurrency: Annotated[int, meta("Tasks that one processor runs at once.", ("processor",), ge=1)] = 2
    processor_autoscale: Annotated[
        int,
        meta(
            "Most tasks that one processor runs at once when many wait; 0 means PROCESSOR_CONCURRENCY, always.",
            ("processor",),
            ge=0,
        ),
    ] = 0
    detector_workers: Annotated[
        int,
        meta("Embedded form: number of detector workers; 0 means one for every four cores.", ("detector",), ge=0),
    ] = 0
    detector_python: Annotated[
        str,
        meta(
            "Embedded form: the Python that runs the detectors, for engines in an environment of their own; "
            "empty means the service's.",
            ("detector",),
            check=program,
        ),
    ] = ""
    detector_threads: Annotated[
        int, meta("Inference threads of one detector; 0 means all cores it may use.", ("detector",), ge=0)
    ] = 0
    detector_device: Annotated[
        str,
        meta(
            "Device that the engine runs on, as it names it (openvino: CPU, GPU, NPU; onnxruntime: cpu, cuda, "
            "tensorrt; detectron2 and torchvision: cpu, cuda); empty means the engine's choice.",
            ("detector",),
        ),
    ] = ""
    detector_models: Annotated[
        str,
        meta(
            "Models that a detector loads at its start, comma separated; empty means DEFAULT_MODEL, if it serves that. "
            "Others are loaded when a job first names them.",
            ("detector",),
        ),
    ] = ""
    detector_batch: Annotated[
        int, meta("Frames that a GPU computes at once; 0 means the engine's choice.", ("detector",), ge=0, le=1024)
    ] = 0
    detector_pools: Annotated[
        str,
        meta("Pools that a detector serves, comma separated; empty means the default queue.", ("detector",)),
    ] = ""
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "f16", "int8"],
        meta("Precision of inference; auto takes bf16 where the hardware has it, never int8.", WORKERS),
    ] = "auto"

    heartbeat_file: Annotated[
        str,
        meta("File that a worker touches while it consumes, for health checks; empty means none.", WORKERS),
    ] = ""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], meta("Least level that is logged.", EVERY)] = (
        "info"
    )

    @property
    def storage_path(self) -> str:
        """The folder of the videos and result files."""
        return self.storage_dir or os.path.join(self.data_dir, "storage")

    @property
    def models_path(self) -> Path:
        """The folder of the models that were added."""
        return Path(self.models_dir or os.path.join(self.data_dir, "models"))

    @property
    def page_path(self) -> Path:
        """The folder of the built page."""
        return Path(self.page_dir) if self.page_dir else _ROOT / "web" / "dist"

    @property
    def import_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What IMPORT_ALLOW_NETWORKS names."""
        return networks(self.import_allow_networks)

    @property
    def cors(self) -> tuple[str, ...]:
        """What CORS_ORIGINS names."""
        return origins(self.cors_origins)

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What TRUSTED_PROXIES names."""
        return networks(self.trusted_proxies)

    @property
    def webhook_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What WEBHOOK_ALLOW_NETWORKS names."""
        return networks(self.webhook_allow_networks)

    @property
    def coordination_url(self) -> str:
        """The Redis URL of what workers tell each other."""
        return self.redis_url or self.result_store_url

    @property
    def storage_bucket(self) -> tuple[str, str] | None:
        """The bucket of the videos and result files and the prefix in it, None when they lie in a folder."""
        found = _BUCKET.fullmatch(self.storage_url)
        return (found[1], found[2].strip("/")) if found else None


class Row(msgspec.Struct, frozen=True):
    """One setting as the documentation shows it."""

    variable: str
    default: str
    help: str
    roles: tuple[str, ...]
    required: bool
    secret: bool


def table() -> tuple[Row, ...]:
    """All settings in the order of the class."""
    return tuple(
        Row(
            variable=field.encode_name.upper(),
            default=str(field.default),
            help=noted(field).description or "",
            roles=tuple(extra(field)["roles"]),
            required=bool(extra(field)["required"]),
            secret=bool(extra(field)["secret"]),
        )
        for field in msgspec.structs.fields(Settings)
    )
