"""What is asked of a service with very much in its tables: requests, what the api does of itself, and the processor's
periodic jobs."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

import httpx
from sqlalchemy.orm import Session

from api.app import create_app
from api.context import Services as Api
from api.context import context
from api.routes import job_changes, session_tokens
from api.tables.overview import Overview
from api.watch.service_watch import ServiceWatch
from benchmarks.stored.rows import LABELS, STREAMS, USERS, Stored, id_of, stamp
from contracts.database.tables import utcnow
from contracts.settings.table import Settings
from contracts.workers.celery_app import create_celery
from contracts.workers.registration import connect
from processor import periodic
from processor.context import Services as Processor
from processor.housekeeping.inventory import Inventory
from processor.worker import build

RETENTION_DAYS = 365
Ask = Callable[[], object]
_SECRET = "x" * 64


def settings_in(folder: Path, database_url: str, broker_url: str, redis_url: str) -> Settings:
    """Of both parts."""
    return Settings(
        data_dir=str(folder),
        database_url=database_url,
        broker_url=broker_url,
        result_store_url=redis_url,
        jwt_secret_key=_SECRET,
        rate_requests_per_minute=0,
        retention_video_days=RETENTION_DAYS,
    )


class Asked:
    """All of it by name, each with other ids whenever it is asked. The first user, who has half of the videos, asks."""

    def __init__(self, stored: Stored, settings: Settings) -> None:
        self._stored, self._chance = stored, random.Random(1)  # noqa: S311
        self._user = id_of("user", 0)
        self._runner = asyncio.Runner()
        app = create_app(settings)
        self._api: Api = context.current()
        self.processor: Processor = build(settings, create_celery(settings))
        with self._api.flask.app_context():
            token = session_tokens.issue(self._api, self._user)["access_token"]
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=300,
        )

    def close(self) -> None:
        """Close all connections."""
        self._runner.run(self._client.aclose())
        self._runner.close()
        self._api.engine.dispose()
        self.processor.repository.engine.dispose()

    def _video(self) -> int:
        """One of the first user's."""
        return self._chance.randrange(self._stored.videos // 2) * 2

    def _get(self, path: str, **query: object) -> None:
        address = f"/api/v1/{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        self._runner.run(self._client.get(address)).raise_for_status()

    def _deep(self) -> str:
        """A cursor in the middle of a list."""
        return f"{stamp(self._stored.uploaded(self._stored.videos // 2)).replace(' ', 'T')}+00:00_x"

    def requests(self) -> dict[str, Ask]:
        """What users and administrators ask."""
        get, chance = self._get, self._chance

        def day() -> dict[str, str]:
            begin = self._stored.uploaded(self._video())
            return {"from": begin.isoformat(), "to": (begin + timedelta(days=1)).isoformat()}

        def start() -> None:
            body = {"video_id": id_of("video", self._video())}
            self._runner.run(self._client.post("/api/v1/jobs", json=body)).raise_for_status()

        return {
            "videos": lambda: get("videos"),
            "videos, a page in the middle": lambda: get("videos", cursor=self._deep()),
            "a video": lambda: get(f"videos/{id_of('video', self._video())}"),
            "clips of a video": lambda: get(f"videos/{id_of('video', self._video())}/clips"),
            "jobs": lambda: get("jobs"),
            "jobs, a page in the middle": lambda: get("jobs", cursor=self._deep()),
            "jobs, queued": lambda: get("jobs", state="queued"),
            "jobs, failed or cancelled, in the middle": lambda: get(
                "jobs", state=["failed", "cancelled"], cursor=self._deep()
            ),
            "jobs of a video": lambda: get("jobs", video_id=id_of("video", self._video())),
            "jobs by name": lambda: get("jobs", search=f"{chance.randrange(100):02d}"),
            "jobs by a name that none has": lambda: get("jobs", search="nowhere"),
            "a job (poll)": lambda: get(f"jobs/{id_of('job', self._video())}"),
            "start a job": start,
            "reels": lambda: get("reels"),
            "streams": lambda: get("streams", limit=200),
            "recordings of a stream": lambda: get(f"streams/{id_of('stream', chance.randrange(STREAMS))}/recordings"),
            "alerts": lambda: get("alerts"),
            "alerts, not seen, of a rule": lambda: get("alerts", seen="false", rule_id=id_of("rule", 0)),
            "alerts of a day": lambda: get("alerts", from_ms=1000 * (utcnow().timestamp() - 86_400)),
            "alert rules": lambda: get("alert-rules"),
            "deliveries of a webhook": lambda: get(f"webhooks/{id_of('hook', 0)}/deliveries"),
            "search, a label": lambda: get("search", label=chance.choice(LABELS)),
            "search, a label, a day": lambda: get("search", label=chance.choice(LABELS), **day()),
            "search, a label, best": lambda: get("search", label=chance.choice(LABELS), sort="score"),
            "search, nothing named": lambda: get("search"),
            "own quotas": lambda: get("auth/me"),
            "users": lambda: get("users"),
            "users by name": lambda: get("users", search=f"{chance.randrange(USERS)}"),
            "audit log": lambda: get("audit"),
            "audit log of a user, an action": lambda: get("audit", user_id=self._user, action="login"),
        }

    def of_the_api(self) -> dict[str, Ask]:
        """What it does for itself, or within a request."""
        api = self._api

        def check_quota() -> None:
            with Session(api.engine) as session, session.begin():
                api.quotas.guard_bytes(self._user, 1)(session)

        def scrape() -> None:
            """As after some seconds, when nothing that was read is kept."""
            redis = connect(api.settings.coordination_url)
            ServiceWatch(api.settings, Overview(api.engine), api.store, redis).readings()
            redis.close()

        return {
            "quota at an upload": check_quota,
            "scrape of metrics, status": scrape,
            "poll of event streams": lambda: job_changes.changes([self._user], utcnow() - timedelta(minutes=1)),
            "due deliveries, each second": lambda: api.webhooks.due(utcnow()),
        }

    def periodic(self) -> dict[str, Ask]:
        """The processor's periodic jobs."""
        services = self.processor
        before = utcnow() - timedelta(days=RETENTION_DAYS)
        found: dict[str, Ask] = {}
        for resend in periodic.RECOVERY:
            found[f"recovery: {resend.__name__}"] = partial(resend, services)
        for one in periodic.CLEAN_UPS:
            found[f"clean-up: {one.run.__name__}"] = partial(one.run, services)
        found["old videos, 100"] = lambda: list(islice(Inventory(services.repository.engine).old_videos(before), 100))
        return found


@contextmanager
def asked(stored: Stored, settings: Settings) -> Iterator[Asked]:
    """For the length of a context."""
    found = Asked(stored, settings)
    try:
        yield found
    finally:
        found.close()
