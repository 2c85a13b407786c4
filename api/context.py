"""What the handlers work with. Put together once per process by api.app."""

from dataclasses import dataclass

import redis
from flask import Flask
from sqlalchemy import Engine

from api.deliverer import Deliverer
from api.dispatch import Dispatch
from api.hub import Hub
from api.imports import Imports
from api.jobtable import JobTable
from api.quotas import UserQuotas
from api.renditiontable import RenditionTable
from api.sending import Sender
from api.sessiontable import SessionTable
from api.throttle import Throttle
from api.usertable import UserTable
from api.videotable import VideoTable
from api.webhooktable import WebhookTable
from contracts.coordination.deleted_jobs import Gone
from contracts.coordination.leases import Replies, Turns
from contracts.models.catalogue import Catalogue
from contracts.results.port import ResultStore
from contracts.runtime.context import Context
from contracts.settings.table import Settings
from contracts.storage.port import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """The api's parts."""

    settings: Settings
    catalogue: Catalogue
    flask: Flask
    engine: Engine
    users: UserTable
    sessions: SessionTable
    videos: VideoTable
    jobs: JobTable
    renditions: RenditionTable
    storage: Storage
    store: ResultStore
    redis: "redis.Redis"
    replies: Replies
    turns: Turns
    dispatch: Dispatch
    imports: Imports
    events: Hub
    gone: Gone
    quotas: UserQuotas
    throttle: Throttle
    webhooks: WebhookTable
    webhook_sender: Sender
    deliverer: Deliverer


context: Context[Services] = Context()
