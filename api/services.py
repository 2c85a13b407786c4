"""Composition root: builds the api's services from its settings. Nothing connects here."""

import functools

import httpcore2
import redis
from flask import Flask
from flask_jwt_extended import JWTManager
from sqlalchemy import Engine, text

from api.access.login_throttle import LoginThrottle
from api.access.quotas import UserQuotas
from api.context import Services
from api.live.follower import Follower
from api.live.hub import LiveHub
from api.live.plan_labels import PlanLabels
from api.live.publishing import Publisher
from api.live.scene_feeds import SceneFeeds, Watched
from api.live.stream_events import SceneReader, SceneReaders
from api.live.whip_calls import ANSWER_SECONDS as WHIP_SECONDS
from api.live.whip_calls import WhipCalls
from api.notify.event_hub import EventHub
from api.notify.webhook_call import Sender
from api.notify.webhook_deliverer import Deliverer
from api.outbound.guarded_network import GuardedNetwork
from api.outbound.name_lookup import Lookups
from api.readiness import Readiness
from api.results.event_cache import EventCache
from api.results.turns import Turns
from api.routes import job_changes, session_tokens, stream_results, webhooks
from api.tables.alerts import AlertTable
from api.tables.jobs import JobTable
from api.tables.overview import Overview
from api.tables.recordings import RecordingTable
from api.tables.renditions import RenditionTable
from api.tables.scenes import SceneTable
from api.tables.search import TrackSearch
from api.tables.sessions import SessionTable
from api.tables.streams import StreamTable
from api.tables.users import UserTable
from api.tables.videos import VideoTable
from api.tables.webhooks import WebhookTable
from api.task_dispatch import ANSWER_SECONDS, Dispatch
from api.uploads.checked_chunks import CheckedChunks
from api.uploads.url_fetcher import Fetcher
from api.uploads.url_import import Imports
from api.watch.service_watch import ServiceWatch
from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.coordination.leases import Locks, Replies
from contracts.database.engine import open_database
from contracts.database.tables import Scene
from contracts.metrics.totals import Counts
from contracts.models.catalogue import Catalogue
from contracts.results.open import open_result_store
from contracts.results.port import ResultStore
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.wire.pictures import FRAME_SECONDS
from contracts.workers.celery_app import create_celery
from contracts.workers.registration import connect, live_workers

# A client waits for the answer; the processor's statements may take longer.
_STATEMENT_SECONDS = 10


def build(settings: Settings, flask: Flask, counts: Counts | None = None) -> Services:
    """The services of one process. counts: for metrics. Configures the session tokens of the Flask application."""
    flask.config.update(session_tokens.configured(settings.jwt_secret_key))
    JWTManager(flask)
    engine = open_database(settings.database_url, _STATEMENT_SECONDS, durable=True)
    signals = redis.Redis.from_url(settings.coordination_url, health_check_interval=30)
    sessions, webhook_table, streams = SessionTable(engine), WebhookTable(engine), StreamTable(engine)
    quotas = UserQuotas(settings, engine, signals)
    catalogue = Catalogue(settings.models_path)
    plan_labels = PlanLabels(signals, catalogue)
    tls, lookups = httpcore2.default_ssl_context(), Lookups()
    sender = Sender(GuardedNetwork(settings.webhook_networks, lookups), settings.webhook_timeout_seconds, tls)
    fetcher = Fetcher(GuardedNetwork(settings.import_networks, lookups), settings.import_timeout_seconds, tls)
    store = open_result_store(settings.result_store_url, settings.result_ttl_seconds)
    dispatch = Dispatch(create_celery(settings, answer_seconds=ANSWER_SECONDS))
    return Services(
        settings=settings,
        catalogue=catalogue,
        flask=flask,
        engine=engine,
        users=UserTable(engine),
        sessions=sessions,
        videos=VideoTable(engine),
        jobs=JobTable(engine),
        renditions=RenditionTable(engine),
        streams=streams,
        recordings=RecordingTable(engine),
        scenes=SceneTable(engine),
        alerts=AlertTable(engine),
        scene_events=EventCache(),
        scene_readers=SceneReaders(Turns()),
        scene_feeds=SceneFeeds(functools.partial(_scene_reader, signals), plan_labels.read),
        search=TrackSearch(engine),
        publisher=Publisher(streams, quotas, signals),
        whip=WhipCalls(signals, Replies(settings.coordination_url, WHIP_SECONDS)),
        plan_labels=plan_labels,
        live=LiveHub(Follower(settings.coordination_url), stream_results.look, plan_labels.of),
        storage=open_storage(settings),
        store=store,
        redis=signals,
        replies=Replies(settings.coordination_url, max(settings.probe_wait_seconds, FRAME_SECONDS)),
        locks=Locks(signals),
        dispatch=dispatch,
        checked_chunks=CheckedChunks(),
        imports=Imports(fetcher, settings.import_concurrency),
        readiness=_readiness(engine, store, dispatch, signals),
        events=EventHub(job_changes.changes, job_changes.load, sessions.valid_credentials),
        deleted_jobs=DeletedJobs(signals),
        quotas=quotas,
        throttle=_throttle(settings, signals),
        webhooks=webhook_table,
        webhook_sender=sender,
        deliverer=_deliverer(settings, webhook_table, sender),
        watch=ServiceWatch(settings, Overview(engine), store, connect(settings.coordination_url)),
        counts=counts or Counts(),
    )


def _readiness(engine: Engine, store: ResultStore, dispatch: Dispatch, client: "redis.Redis") -> Readiness:
    def ask_database() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    checks = {"database": ask_database, "result_store": store.ping, "broker": dispatch.ping}
    return Readiness(checks, functools.partial(live_workers, client))


def _throttle(settings: Settings, client: "redis.Redis") -> LoginThrottle:
    return LoginThrottle(
        client,
        settings.login_failures_per_name,
        settings.login_failures_per_address,
        settings.registrations_per_address,
    )


def _deliverer(settings: Settings, table: WebhookTable, sender: Sender) -> Deliverer:
    return Deliverer(
        table,
        sender,
        webhooks.load_payload,
        most=settings.webhook_concurrency,
        tries=settings.webhook_tries,
        seconds=settings.webhook_timeout_seconds,
    )


def _scene_reader(client: "redis.Redis", watched: Watched, scene: Scene) -> SceneReader:
    return SceneReader(client, watched.stream_id, scene, dwell=watched.dwell)
