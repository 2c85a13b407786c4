"""What earlier releases left opens: the tables of every revision with rows in them, and result files of version 1."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from argon2 import PasswordHasher
from sqlalchemy import MetaData, select
from sqlalchemy.orm import Session

from api.results.selection import Query, Selection
from api.routes.results import lines
from api.tables.users import UserTable
from contracts.database.engine import open_database
from contracts.database.tables import REVISION, Job, User, Video, Webhook, utcnow
from contracts.errors import UsernameTaken
from contracts.results.filed_frames import FiledFrames
from contracts.results.result_file import ResultFile
from contracts.wire.messages import to_json
from processor.housekeeping.inventory import Inventory
from processor.operator.verify import Verifier
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import ROOT
from tests.support.models import tiny_model
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip

GOLDEN = Path(__file__).parents[1] / "golden"
INI = ROOT / "migrations" / "alembic.ini"
EARLIER = [script.revision for script in ScriptDirectory.from_config(Config(INI)).walk_revisions()][:0:-1]
PASSWORD = "of an earlier release"
_KNOWS_SENT = "0004"  # how many chunks of a job are sent; earlier releases sent all at once


@pytest.mark.parametrize("name", ["result-v1", "result-v1-masks"])
def test_result_files_of_version_1_are_read_for_ever(name: str) -> None:
    """Never made anew: `NAME.result` is as version 1 wrote it, `NAME.ndjson` and `NAME.json` what it meant then."""
    with (GOLDEN / f"{name}.result").open("rb") as source:
        frames = FiledFrames(ResultFile(source))
        selection = Selection(Query(), frames.header)
        read = b"".join(lines(frames, selection, 0, None, True))
    assert read == (GOLDEN / f"{name}.ndjson").read_bytes()
    assert json.loads(json.dumps(to_json(frames.header))) == json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey) -> Iterator[InProcessProcessor]:
    """A service of today with something of everything."""
    made = InProcessProcessor(tmp_path_factory.mktemp("desk"), valkey)
    made.change(User, made.user, password_hash=PasswordHasher().hash(PASSWORD))
    video = made.add_video(clip(frames=30))
    for options in ({}, {"every_n": 3}):
        made.add_job(video, **options)
    yield made
    made.close()


def as_of(revision: str, desk: InProcessProcessor, folder: Path) -> Path:
    """A DATA_DIR with what the desk has, as the release of a revision kept it."""
    folder.mkdir(parents=True)
    (folder / "storage").symlink_to(desk.storage)
    engine = open_database(f"sqlite:///{folder / 'web-detector.sqlite'}")
    migrate(folder, revision)
    then, now = MetaData(), MetaData()
    then.reflect(engine)
    now.reflect(desk.engine)
    with desk.engine.connect() as source, engine.begin() as target:
        for table in now.sorted_tables:
            if table.name not in then.tables or table.name == "alembic_version":
                continue
            old = then.tables[table.name]
            for row in source.execute(select(table)).mappings():
                there = {column.name: row[column.name] for column in old.columns}
                target.execute(old.insert(), {name: value for name, value in there.items() if value is not None})
    engine.dispose()
    return folder


def migrate(folder: Path, revision: str) -> None:
    command.upgrade(configured(folder), revision)


def configured(folder: Path) -> Config:
    config = Config(INI)
    config.attributes["url"] = f"sqlite:///{folder / 'web-detector.sqlite'}"
    return config


@pytest.mark.parametrize("revision", EARLIER)
def test_the_tables_of_every_revision_are_brought_up_to_date_with_what_is_in_them(
    desk: InProcessProcessor, tmp_path: Path, revision: str
) -> None:
    folder = as_of(revision, desk, tmp_path / "data")
    migrate(folder, "head")
    engine = open_database(f"sqlite:///{folder / 'web-detector.sqlite'}")
    verifier = Verifier(desk.services.storage)
    verdicts = [verifier.verify(*pair) for pair in Inventory(engine).jobs()]
    assert [(verdict.checked, verdict.problems) for verdict in verdicts] == [(True, ())] * 2
    with Session(engine) as session, Session(desk.engine) as today:
        for kind in (User, Video):
            assert columns(session.scalars(select(kind)).one()) == columns(today.scalars(select(kind)).one())
        for job in session.scalars(select(Job)):
            own = today.get_one(Job, job.id).chunks_sent
            assert job.chunks_sent == (job.chunks_total if revision < _KNOWS_SENT else own)
    engine.dispose()


def test_names_that_differ_by_case_alone_stay_and_no_more_are_added(tmp_path: Path) -> None:
    migrate(tmp_path, "0006")
    engine = open_database(f"sqlite:///{tmp_path / 'web-detector.sqlite'}")
    then = MetaData()
    then.reflect(engine)
    with engine.begin() as connection:
        for name, day in (("Alice", 2), ("alice", 1), ("bob", 1)):
            row = {"id": name, "username": name, "password_hash": "-", "created_at": datetime(2026, 1, day, tzinfo=UTC)}
            connection.execute(then.tables["users"].insert(), row)
    migrate(tmp_path, "head")
    table = UserTable(engine)
    assert [table.by_name(name).name_key for name in ("Alice", "alice", "bob")] == [None, "alice", "bob"]
    for name in ("ALICE", "Bob"):
        with pytest.raises(UsernameTaken):
            table.add(name, "-")
    engine.dispose()


def columns(row: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}


def test_a_service_opens_the_folder_of_the_first_release(desk: InProcessProcessor, tmp_path: Path) -> None:
    assert EARLIER[0] == "0001"
    assert EARLIER[-1] < REVISION
    as_of("0001", desk, tmp_path / "data")
    with EmbeddedMode().run(tmp_path, **tiny_model.as_default(tmp_path)) as service:
        client = service.client()
        client.use(client.call("POST", "/auth/login", 200, json={"username": "carol", "password": PASSWORD}))
        jobs = client.call("GET", "/jobs", 200)["items"]
        assert [job["state"] for job in jobs] == ["succeeded"] * 2
        assert sorted(len(client.frames(job)) for job in jobs) == [10, 30]
        assert client.call("GET", "/videos", 200)["items"][0]["media"]["frames"] == 30


def test_keys_of_webhooks_stay_when_their_secrets_are_rewritten(tmp_path: Path) -> None:
    key = bytes(range(224, 256))
    migrate(tmp_path, "0004")
    engine = open_database(f"sqlite:///{tmp_path / 'web-detector.sqlite'}")
    user = {"id": "u", "username": "u", "password_hash": "x", "created_at": utcnow(), "role": "user"}
    secret = "wdwh_" + base64.urlsafe_b64encode(key).decode().rstrip("=")
    webhook = {"id": "w", "user_id": "u", "url": "https://example.org", "secret": secret, "created_at": utcnow()}
    then = MetaData()
    then.reflect(engine)
    with engine.begin() as connection:
        connection.execute(then.tables["users"].insert(), user)
        connection.execute(then.tables["webhooks"].insert(), webhook)
    migrate(tmp_path, "head")
    with Session(engine) as session:
        assert session.scalars(select(Webhook.secret)).one() == "whsec_" + base64.b64encode(key).decode()
    command.downgrade(configured(tmp_path), "0004")
    with engine.connect() as connection:
        assert connection.scalars(select(then.tables["webhooks"].c.secret)).one() == secret
    engine.dispose()
