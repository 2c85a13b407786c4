"""What is backed up while the service works is restored whole, on SQLite and on PostgreSQL, or not at all."""

import io
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from api.operator.backup import BackupPaths, take
from api.operator.backup_file import MANIFEST, TABLES, Reader, Writer
from api.operator.restore import restore
from contracts.database.deletion import DeletedVideo
from contracts.database.engine import open_database
from contracts.database.tables import (
    Alert,
    AlertRule,
    Base,
    Delivery,
    Job,
    Recording,
    ReelVideo,
    Rendition,
    Stream,
    User,
    Video,
    Webhook,
    new_id,
    utcnow,
)
from contracts.errors import Conflict, CorruptData
from contracts.storage.local import LocalStorage
from contracts.storage.port import alert_picture_key, reel_key, result_key, video_key
from contracts.storage.removal import remove_video_data
from contracts.wire.messages import to_json
from contracts.wire.renditions import REEL, Piece, Reel, RenditionOptions
from processor.housekeeping.inventory import DataStores, Inventory
from processor.housekeeping.orphans import orphans
from processor.operator.verify import Verifier
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import ROOT, Service
from tests.support.models import tiny_model
from tests.support.operator_command import command
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.debian import Postgres
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import Clip, clip
from tests.support.videos.sample_variants import repeated


@pytest.fixture(scope="module")
def small() -> Clip:
    return clip(frames=30)


@pytest.fixture
def desk(tmp_path: Path, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path / "data", valkey)
    yield made
    made.close()


class Other:
    """Another, empty place to restore into."""

    def __init__(self, folder: Path, url: str = "") -> None:
        folder.mkdir()
        self.folder = folder
        self.engine: Engine = open_database(url or f"sqlite:///{folder / 'web-detector.sqlite'}")
        self.storage = LocalStorage(folder / "storage")
        self.places = BackupPaths(folder / "models", folder / "secrets.env")

    def restore(self, content: bytes) -> None:
        restore(self.engine, self.storage, io.BytesIO(content), self.places)

    def files(self) -> list[str]:
        root = self.folder / "storage"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def verdicts(self) -> dict[str, tuple[str, ...]]:
        verifier = Verifier(self.storage)
        found = [verifier.verify(*pair) for pair in Inventory(self.engine).jobs()]
        return {verdict.job_id: verdict.problems for verdict in found if verdict.checked}


@pytest.fixture(params=["sqlite", "postgres"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Other]:
    url = ""
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.create(f"backup-{new_id()[:8]}")
    made = Other(tmp_path / "other", url)
    yield made
    made.engine.dispose()


def backed_up(desk: InProcessProcessor) -> bytes:
    sink = io.BytesIO()
    take(
        desk.engine,
        desk.services.storage,
        sink,
        BackupPaths(desk.settings.models_path, Path(desk.settings.data_dir, "secrets.env")),
    )
    return sink.getvalue()


def rows(engine: Engine) -> dict[str, list[Any]]:
    with Session(engine) as session:
        tables = Base.metadata.sorted_tables
        found = {table.name: sorted(map(str, session.execute(select(table)).mappings())) for table in tables}
    return {name: lines for name, lines in found.items() if lines}


def test_restore_gives_the_same_data(desk: InProcessProcessor, other: Other, small: Clip) -> None:
    folder = Path(desk.settings.data_dir)
    (folder / "secrets.env").write_text("JWT_SECRET_KEY=key\n")
    (folder / "models").mkdir()
    (folder / "models" / "some.onnx").write_bytes(b"weights")
    video = desk.add_video(small)
    jobs = [desk.add_job(video, every_n=2), desk.add_job(video, failed=0)]
    desk.add(
        Video(user_id=desk.user, content_type="video/mp4", tags=["ä", 1], size_bytes=2**40, sha256="-", refused="no")
    )
    desk.add(camera(desk, sealed=bytes(range(256))))
    desk.add(recording(desk, "filed", video_id=video.id, job_id=jobs[0].id))
    pictured(desk)
    other.restore(backed_up(desk))
    assert rows(other.engine) == rows(desk.engine)
    assert other.files() == desk.files()
    assert other.verdicts() == {job.id: () for job in jobs}
    assert (other.folder / "secrets.env").read_text() == "JWT_SECRET_KEY=key\n"
    assert stat.S_IMODE((other.folder / "secrets.env").stat().st_mode) == 0o600
    model = other.folder / "models" / "some.onnx"
    assert (model.read_bytes(), stat.S_IMODE(model.stat().st_mode)) == (b"weights", 0o644)


def test_restored_running_jobs_start_over(desk: InProcessProcessor, other: Other, small: Clip) -> None:
    running = desk.start_job(desk.add_video(small))
    other.restore(backed_up(desk))
    found = Inventory(other.engine).job(running.id)
    assert found is not None
    job = found[0]
    assert (job.state, job.frames_total, job.chunks_total, job.chunks_sent, job.started_at) == (
        "queued",
        None,
        None,
        0,
        None,
    )
    assert not any("plan" in name for name in other.files())
    with Session(other.engine) as session:
        assert set(session.scalars(select(Rendition.state))) == {"queued"}


def test_backup_is_consistent_during_changes(desk: InProcessProcessor, other: Other, small: Clip) -> None:
    """Videos come and go all the while: each is in the backup whole, with its jobs, or not at all."""
    kept = [desk.add_job(desk.add_video(small)) for _ in range(3)]
    stop = threading.Event()
    wrong: list[BaseException] = []

    def churn() -> None:
        try:
            while not stop.is_set():
                video = desk.add_video(small)
                job = desk.add_job(video)
                assert desk.inventory.delete_video(video, utcnow()) == DeletedVideo([job.id], [], [])
                remove_video_data(desk.services.storage, desk.services.store, video.id, [job.id])
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        backups = [backed_up(desk)]
        while len({tuple(names(backup)) for backup in backups}) < 4 and len(backups) < 100:
            backups.append(backed_up(desk))
    finally:
        stop.set()
        thread.join()
    assert wrong == []
    assert len(backups) < 100, "nothing came or went meanwhile"
    other.restore(backups[-1])
    verdicts = other.verdicts()
    assert set(verdicts) >= {job.id for job in kept}
    assert set(verdicts.values()) == {()}
    stores = DataStores(Inventory(other.engine), other.storage, None, None)
    assert list(orphans(stores, -60)) == []


def names(backup: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(backup)) as tar:
        return tar.getnames()


def test_objects_deleted_during_the_backup_leave_no_rows(desk: InProcessProcessor, tmp_path: Path, small: Clip) -> None:
    kept, gone = desk.add_job(desk.add_video(small)), desk.add_job(desk.add_video(small))
    desk.services.storage.delete(video_key(gone.video_id))
    other = Other(tmp_path / "other")
    other.restore(backed_up(desk))
    with Session(other.engine) as session:
        assert list(session.scalars(select(Video.id))) == [kept.video_id]
        assert list(session.scalars(select(Job.id))) == [kept.id]
    other.engine.dispose()


def test_recordings_that_are_no_videos_yet_and_videos_of_streams_may_be_gone(
    desk: InProcessProcessor, tmp_path: Path, small: Clip
) -> None:
    """What is written of a recording is not in the backup; a stream outlives its video, as in the service."""
    gone = desk.add_video(small)
    stream = camera(desk, kind="video", address=None, video_id=gone.id)
    desk.add(stream)
    for state in ("open", "closed", "failed"):
        desk.add(recording(desk, state, stream_id=stream.id))
    desk.services.storage.delete(video_key(gone.id))
    other = Other(tmp_path / "other")
    other.restore(backed_up(desk))
    with Session(other.engine) as session:
        assert session.execute(select(Stream.id, Stream.video_id)).all() == [(stream.id, None)]
        assert session.execute(select(Recording.state, Recording.stream_id)).all() == [("failed", stream.id)]
    other.engine.dispose()


def test_what_depends_on_deleted_objects_is_as_after_their_deletion(
    desk: InProcessProcessor, other: Other, small: Clip
) -> None:
    kept, gone = desk.add_video(small), desk.add_job(desk.add_video(small))
    resultless = desk.add_job(kept)
    desk.add(hook := Webhook(id=new_id(), user_id=desk.user, url="https://hook.invalid/", secret="-"))
    alerts = [
        alert(desk, video_id=gone.video_id, job_id=gone.id),
        alert(desk, video_id=kept.id, job_id=resultless.id),
        pictured(desk),
    ]
    for one in alerts:
        desk.add(Delivery(webhook_id=hook.id, alert_id=one.id, event="alert.raised", state="waiting", next_at=utcnow()))
    filed = recording(desk, "filed", video_id=kept.id, job_id=resultless.id)
    reels = [reel(desk, kept.id), reel(desk, kept.id), reel(desk, kept.id, gone.video_id)]
    desk.add(filed)
    keys = (video_key(gone.video_id), result_key(kept.id, resultless.id))
    for key in (*keys, alert_picture_key(alerts[2].id), reel_key(reels[1].id)):
        desk.services.storage.delete(key)
    other.restore(backed_up(desk))
    with Session(other.engine) as session:
        found = set(session.execute(select(Alert.id, Alert.job_id, Alert.picture)))
        assert found == {(alerts[1].id, None, False), (alerts[2].id, None, False)}
        assert set(session.scalars(select(Delivery.alert_id))) == {alerts[1].id, alerts[2].id}
        assert session.execute(select(Recording.id, Recording.job_id)).all() == [(filed.id, None)]
        assert list(session.scalars(select(Rendition.id).where(Rendition.kind == REEL))) == [reels[0].id]
        assert list(session.execute(select(ReelVideo.reel_id, ReelVideo.video_id))) == [(reels[0].id, kept.id)]


def alert(desk: InProcessProcessor, **values: Any) -> Alert:
    rule = AlertRule(id=new_id(), user_id=desk.user, name="r", enabled=True, search={}, at_most_one_in_s=60)
    desk.add(rule)
    shape: dict[str, Any] = {"key": "-", "at": utcnow(), "dated": True, "label": "car", "score": 1, "track": 1}
    desk.add(made := Alert(id=new_id(), user_id=desk.user, rule_id=rule.id, start=0, **shape | values))
    return made


def pictured(desk: InProcessProcessor) -> Alert:
    """An alert with a picture of its own."""
    with desk.services.storage.create(alert_picture_key((made := alert(desk, picture=True)).id)) as sink:
        sink.write(b"picture")
    return made


def reel(desk: InProcessProcessor, *videos: str) -> Rendition:
    pieces = tuple(Piece(video, 0, 500, 0) for video in videos)
    made = Rendition(
        id=new_id(),
        user_id=desk.user,
        video_id=videos[0],
        kind=REEL,
        options=to_json(RenditionOptions(reel=Reel("-", pieces, 64, 48))),
        state="ready",
    )
    desk.add(made)
    for video in videos:
        desk.add(ReelVideo(reel_id=made.id, video_id=video))
    with desk.services.storage.create(reel_key(made.id)) as sink:
        sink.write(b"reel")
    return made


def camera(desk: InProcessProcessor, **values: Any) -> Stream:
    fields: dict[str, Any] = {"name": "door", "kind": "rtsp", "address": "rtsp://camera.invalid/", "model": "m"}
    return Stream(id=new_id(), user_id=desk.user, options={"max_fps": 5}, record={"minutes": 1}, **fields | values)


def recording(desk: InProcessProcessor, state: str, **values: Any) -> Recording:
    return Recording(
        id=new_id(), user_id=desk.user, state=state, start=0, started_at=utcnow(), instance="ingest", **values
    )


def test_damaged_or_truncated_backup_is_refused_and_leaves_nothing(
    desk: InProcessProcessor, tmp_path: Path, small: Clip
) -> None:
    desk.add_job(desk.add_video(small))
    good = backed_up(desk)
    other = Other(tmp_path / "other")
    whole = len(good.rstrip(b"\0"))  # without what tar files are filled up with
    at = good.index(b"ftyp")  # in the video
    row = good.index(b'"username"')
    damaged = [good[:at] + b"FTYP" + good[at + 4 :], good[:row] + b'"Username"' + good[row + 10 :]]
    for content in (
        b"",
        b"nothing of the kind" * 100,
        *(good[: whole * part // 7] for part in range(1, 7)),
        *damaged,
    ):
        with pytest.raises(CorruptData):
            other.restore(content)
        assert other.files() == []
        assert not (other.folder / "secrets.env").exists()
    other.restore(good)  # what was refused stands in nobody's way
    assert other.files() == desk.files()
    other.engine.dispose()


def test_tables_are_copied_by_way_of_the_disk_of_the_data_and_under_no_name(
    desk: InProcessProcessor, tmp_path: Path, small: Clip
) -> None:
    """A container's temporary folder is memory; and others may see the folder of the data."""
    desk.add_job(desk.add_video(small))
    other = tmp_path / "other"
    other.mkdir()
    code = """
import os, sys, tempfile
tempfile.tempdir = "/nowhere"
sys.addaudithook(lambda event, _: event == "tempfile.mkdtemp" and os._exit(9))
from api.operator.backup_command import main
sys.exit(main(sys.argv[1:]))
"""
    file = str(tmp_path / "backup.tar")
    for folder, words in ((Path(desk.settings.data_dir), ["backup", file]), (other, ["restore", file])):
        environ = {"DATA_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder / 'web-detector.sqlite'}"}
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=ROOT, env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    engine = open_database(f"sqlite:///{other / 'web-detector.sqlite'}")
    assert rows(engine) == rows(desk.engine)
    engine.dispose()


@pytest.mark.parametrize("where", ["home/models/{}/evil", "home/models/../../evil", "tables/./evil"])
def test_a_backup_writes_nothing_beside_its_places(desk: InProcessProcessor, tmp_path: Path, where: str) -> None:
    other, sink = Other(tmp_path / "other"), io.BytesIO()
    reader, writer = Reader(io.BytesIO(backed_up(desk))), Writer(sink)
    writer.add_bytes(MANIFEST, msgspec.json.encode(reader.manifest))
    for name, content in reader.members():
        writer.add_bytes(name, content.read())
    writer.add_bytes(where.format(tmp_path), b"x")
    writer.close()
    with pytest.raises(CorruptData, match="not part of a backup"):
        other.restore(sink.getvalue())
    other.engine.dispose()
    assert (other.files(), list(tmp_path.rglob("evil"))) == ([], [])


def test_restore_refuses_a_folder_with_data(desk: InProcessProcessor, small: Clip) -> None:
    before = rows(desk.engine)
    with pytest.raises(Conflict, match="restore into an empty one"):
        restore(
            desk.engine,
            desk.services.storage,
            io.BytesIO(backed_up(desk)),
            BackupPaths(desk.settings.models_path, None),
        )
    assert rows(desk.engine) == before


def rewritten(
    backup: bytes, revision: str, new_columns: dict[str, set[str]], new_tables: set[str], format: int = 1
) -> bytes:
    """The backup as an earlier release would have made it."""
    sink = io.BytesIO()
    reader, writer = Reader(io.BytesIO(backup)), Writer(sink)
    tables = {name: count for name, count in reader.manifest.tables.items() if name not in new_tables}
    manifest = msgspec.structs.replace(reader.manifest, revision=revision, tables=tables, format=format)
    writer.add_bytes(MANIFEST, msgspec.json.encode(manifest))
    for name, content in reader.members():
        data = content.read()
        table = name.removeprefix(TABLES).removesuffix(".jsonl")
        if name.startswith(TABLES):
            if table in new_tables:
                continue
            lines = [msgspec.json.decode(line) for line in data.splitlines()]
            for line in lines:
                for column in new_columns.get(table, ()):
                    del line[column]
            data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        writer.add_bytes(name, data)
    writer.close()
    return sink.getvalue()


def test_backup_of_an_earlier_release_is_upgraded(desk: InProcessProcessor, other: Other, small: Clip) -> None:
    job = desk.add_job(desk.add_video(small))
    new = {
        "users": {"role", "quotas", "name_key"},
        "api_tokens": {"scopes"},
        "jobs": {"chunks_sent", "changed_at", "tracks", "traceparent"},
        "renditions": {"changed_at", "expires_at"},
        "videos": {"fps"},
    }
    tables = {"webhooks", "deliveries", "audit_events", "streams", "recordings"}
    tables |= {
        "scenes",
        "search_terms",
        "indexed_jobs",
        "tracks",
        "alert_rules",
        "alerts",
        "alerted_jobs",
        "reel_videos",
    }
    other.restore(rewritten(backed_up(desk), "0003", new, tables))
    assert other.verdicts() == {job.id: ()}
    with Session(other.engine) as session:
        assert session.scalars(select(User.role)).one() == "user"
        found = session.scalars(select(Job)).one()
        assert found.chunks_sent == found.chunks_total, "what the upgrade does to rows is done to these"


def test_a_backup_of_a_later_release_is_refused(desk: InProcessProcessor, tmp_path: Path) -> None:
    other = Other(tmp_path / "other")
    backup = backed_up(desk)
    for later in (rewritten(backup, "9999", {}, set()), rewritten(backup, "0004", {}, set(), format=2)):
        with pytest.raises(CorruptData, match="newer release"):
            other.restore(later)
    other.engine.dispose()


def test_running_service_is_backed_up(service: Service, sample: Path, tmp_path: Path) -> None:
    """By the command that the image of the api has, through a pipe, whatever its database is."""
    ended = service.client().detect(sample)
    worker = service.processes(r"api\.asgi")[0]
    environ = worker.environ()
    python = shutil.which(worker.cmdline()[0], path=environ["PATH"])
    assert python
    words = [python, "-m", "api.operator.backup_command", "backup", "-"]
    done = subprocess.run(words, cwd=worker.cwd(), env=environ, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    other = Other(tmp_path / "other")
    other.restore(done.stdout)
    assert other.verdicts()[ended["id"]] == ()
    assert (other.folder / "storage" / f"videos/{ended['video_id']}/jobs/{ended['id']}/result").read_bytes() == (
        service.result_bytes(ended)
    )
    other.engine.dispose()


def test_restored_service_works(sample: Path, tmp_path: Path) -> None:
    """Tokens hold, results are the same to the byte, and a job that ran is done again."""
    long = repeated(sample, tmp_path / "long.mp4", 10)
    backup = tmp_path / "all.backup"
    with EmbeddedMode().run(tmp_path / "one", CHUNK_SIZE=24, **tiny_model.as_default(tmp_path / "one")) as one:
        client = one.client()
        ended = client.detect(sample)
        lines = client.lines(ended)
        running = client.start(client.upload(long))
        client.wait(running, lambda now: now["progress"]["frames_done"] > 30)
        with one.held(r"detector\.worker"):
            assert client.job(running)["state"] == "running", "the clip is too short"
            done = command({"DATA_DIR": one.env["DATA_DIR"]}, "backup", str(backup))
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        undisturbed = one.result_bytes(client.wait(running))
        refused = command({"DATA_DIR": one.env["DATA_DIR"]}, "restore", str(backup))
        assert (refused.returncode, "another instance" in refused.stderr) == (1, True), "the service runs there"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.backup", "long.mp4", "one"]
    place = tmp_path / "two" / "data"
    restored = command({"DATA_DIR": str(place)}, "restore", str(backup))
    assert restored.returncode == 0, restored.stderr
    assert restored.stderr.startswith("restored: ")
    with EmbeddedMode().run(tmp_path / "two", CHUNK_SIZE=24, DEFAULT_MODEL=tiny_model.ID) as two:
        client.http.base_url = two.url
        assert client.lines(client.job(ended)) == lines
        again = client.wait(running)
        assert again["state"] == "succeeded"
        assert two.result_bytes(again) == undisturbed
