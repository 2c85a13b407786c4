"""The services that request handlers use. Built once per process by api.services."""

from dataclasses import dataclass

import redis
from flask import Flask
from sqlalchemy import Engine

from api.access.login_throttle import LoginThrottle
from api.access.quotas import UserQuotas
from api.live.hub import LiveHub
from api.live.plan_labels import PlanLabels
from api.live.publishing import Publisher
from api.live.scene_feeds import SceneFeeds
from api.live.stream_events import SceneReaders
from api.live.whip_calls import WhipCalls
from api.notify.event_hub import EventHub
from api.notify.webhook_call import Sender
from api.notify.webhook_deliverer import Deliverer
from api.readiness import Readiness
from api.results.event_cache import EventCache
from api.tables.alerts import AlertTable
from api.tables.jobs import JobTable
from api.tables.recordings import RecordingTable
from api.tables.renditions import RenditionTable
from api.tables.scenes import SceneTable
from api.tables.search import TrackSearch
from api.tables.sessions import SessionTable
from api.tables.streams import StreamTable
from api.tables.users import UserTable
from api.tables.videos import VideoTable
from api.tables.webhooks import WebhookTable
from api.task_dispatch import Dispatch
from api.uploads.checked_chunks import CheckedChunks
from api.uploads.url_import import Imports
from api.watch.service_watch import ServiceWatch
from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.coordination.leases import Locks, Replies
from contracts.metrics.totals import Counts
from contracts.models.catalogue import Catalogue
from contracts.results.port import ResultStore
from contracts.runtime.context import Context
from contracts.settings.table import Settings
from contracts.storage.port import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """All services of one process."""

    settings: Settings
    catalogue: Catalogue
    flask: Flask
    engine: Engine
    users: UserTable
    sessions: SessionTable
    videos: VideoTable
    jobs: JobTable
    renditions: RenditionTable
    streams: StreamTable
    recordings: RecordingTable
    scenes: SceneTable
    alerts: AlertTable
    scene_events: EventCache
    scene_readers: SceneReaders
    scene_feeds: SceneFeeds
    search: TrackSearch
    publisher: Publisher
    whip: WhipCalls
    plan_labels: PlanLabels
    live: LiveHub
    storage: Storage
    store: ResultStore
    redis: "redis.Redis"
    replies: Replies
    locks: Locks
    dispatch: Dispatch
    imports: Imports
    checked_chunks: CheckedChunks
    readiness: Readiness
    events: EventHub
    deleted_jobs: DeletedJobs
    quotas: UserQuotas
    throttle: LoginThrottle
    webhooks: WebhookTable
    webhook_sender: Sender
    deliverer: Deliverer
    watch: ServiceWatch
    counts: Counts


context: Context[Services] = Context()
