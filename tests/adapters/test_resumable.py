"""What every storage does with objects that come in pieces."""

import errno
import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import NotFound, StorageFull, StorageUnavailable
from contracts.storage.local import LocalStorage
from contracts.storage.port import Storage, video_key
from contracts.storage.s3_resumable import _ResumableWriter
from tests.adapters.test_storage import sweep
from tests.support.deployments.service import ROOT
from tests.support.servers.s3 import Bucket, Line

KEY = video_key("0b1c2d3e-0000-4000-8000-000000000000")
MIB = 1024 * 1024
CONTENT = random.Random(5).randbytes(40 * MIB)
# Places where pieces may end; about the size of a part they matter.
CUTS = [1, MIB, 5 * MIB, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 17 * MIB + 3, 24 * MIB]


def add(storage: Storage, stop: int, step: int = MIB) -> None:
    """Write on to that size of CONTENT."""
    resumable = storage.resumable()
    with resumable.append(KEY) as sink:
        for start in range(resumable.size(KEY), stop, step):
            sink.write(CONTENT[start : min(start + step, stop)])


def get(storage: Storage) -> bytes:
    with storage.open(KEY) as source:
        return source.read()


def test_parts_become_one_object(storage: Storage) -> None:
    resumable = storage.resumable()
    assert resumable.size(KEY) == 0
    for stop in CUTS:
        add(storage, stop)
        assert resumable.size(KEY) == stop
        with pytest.raises(NotFound):
            storage.open(KEY)
    resumable.finish(KEY)
    assert resumable.size(KEY) == storage.size(KEY) == CUTS[-1]
    assert get(storage) == CONTENT[: CUTS[-1]]
    resumable.finish(KEY)  # once more, as after a lost answer
    assert get(storage) == CONTENT[: CUTS[-1]]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stops=st.lists(st.one_of(st.integers(1, 20 * MIB), st.sampled_from(CUTS)), min_size=1, max_size=6),
    step=st.sampled_from([65_536, MIB, 9 * MIB]),
)
def test_no_data_is_lost_wherever_it_is_interrupted(storage: Storage, stops: list[int], step: int) -> None:
    resumable = storage.resumable()
    storage.delete(KEY)
    for stop in sorted(stops):
        with suppress(RuntimeError), resumable.append(KEY) as sink:
            for start in range(resumable.size(KEY), stop, step):
                sink.write(CONTENT[start : min(start + step, stop)])
            raise RuntimeError("the client went away")
        assert resumable.size(KEY) == stop
    resumable.finish(KEY)
    assert get(storage) == CONTENT[: max(stops)]


def test_discarded_object_is_removed(storage: Storage) -> None:
    resumable = storage.resumable()
    for stop in (1000, 9 * MIB):
        add(storage, stop)
        resumable.discard(KEY)
        resumable.discard(KEY)
        assert resumable.size(KEY) == 0
        with pytest.raises(NotFound):
            storage.open(KEY)
    add(storage, 500)
    resumable.finish(KEY)
    assert get(storage) == CONTENT[:500]


def test_key_that_escapes_the_storage_is_refused(storage: Storage) -> None:
    resumable = storage.resumable()
    for use in (resumable.size, resumable.finish, resumable.discard):
        with pytest.raises(ValueError, match="not a storage key"):
            use("../x")
    with pytest.raises(ValueError, match="not a storage key"), resumable.append("../x"):
        pass


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_growing_file_on_disk_is_not_swept(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    add(storage, MIB)
    (grown,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    os.utime(grown, (0, 0))
    assert sweep(storage, 60) == 0
    add(storage, 3 * MIB)
    assert files(tmp_path) == [grown.name]
    storage.resumable().finish(KEY)
    assert files(tmp_path) == ["content"]
    storage.delete(KEY)
    add(storage, 10)
    storage.resumable().discard(KEY)
    assert list(tmp_path.rglob("*")) == []


def test_data_before_a_full_disk_is_kept(tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk's end: the kernel takes what fits, and then nothing."""
    script = (
        "import errno, os, resource, signal, sys; from pathlib import Path\n"
        "from contracts.storage.local import LocalStorage\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, -1))\n"
        "storage = LocalStorage(Path(sys.argv[1]))\n"
        "try:\n"
        "    with storage.resumable().append(sys.argv[2]) as sink:\n"
        "        sink.write(bytes(1_000_000)); sink.write(bytes(1_000_000))\n"
        "except OSError as error:\n"
        "    sys.exit(error.errno)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path), KEY], cwd=ROOT, check=False)
    assert ended.returncode == errno.EFBIG
    storage = LocalStorage(tmp_path)
    assert storage.resumable().size(KEY) == 1_500_000
    with storage.resumable().append(KEY) as sink:
        sink.write(bytes(500_000))
    storage.resumable().finish(KEY)
    assert storage.size(KEY) == 2_000_000


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_storage_full(tmp_path: Path, number: int) -> None:
    storage = LocalStorage(tmp_path)
    add(storage, 4)
    with pytest.raises(StorageFull), storage.resumable().append(KEY):
        raise OSError(number, os.strerror(number))
    assert storage.resumable().size(KEY) == 4


@pytest.mark.distributed
def test_finished_upload_leaves_only_the_object_in_the_bucket(bucket: Bucket) -> None:
    storage, resumable = bucket.storage(), bucket.storage().resumable()
    add(storage, 9 * MIB)
    assert bucket.uploads() == [KEY]
    resumable.finish(KEY)
    assert (bucket.keys(), bucket.uploads()) == ([KEY], [])
    storage.delete(KEY)
    add(storage, 9 * MIB)
    resumable.discard(KEY)
    assert (bucket.keys(), bucket.uploads()) == ([], [])


@pytest.mark.distributed
def test_bucket_sweep_spares_resumable_uploads(bucket: Bucket) -> None:
    """The server dates every upload 2010, and its parts by the clock."""
    storage = bucket.storage()
    add(storage, 9 * MIB)
    bucket.store.client.create_multipart_upload(Bucket=bucket.name, Key="web/detector/videos/stale/content")
    time.sleep(1)
    assert sweep(storage, 0) == 1
    assert bucket.uploads() == [KEY]
    add(storage, 10 * MIB)
    storage.resumable().finish(KEY)
    assert get(storage) == CONTENT[: 10 * MIB]


@pytest.mark.distributed
def test_upload_aborted_by_the_store_starts_over(bucket: Bucket) -> None:
    """As a rule of the bucket does with old ones."""
    storage, resumable = bucket.storage(), bucket.storage().resumable()
    add(storage, 17 * MIB)
    (upload,) = bucket.store.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    bucket.store.client.abort_multipart_upload(Bucket=bucket.name, Key=upload["Key"], UploadId=upload["UploadId"])
    assert resumable.size(KEY) == 0
    for stop in (1000, 16 * MIB, 18 * MIB):
        add(storage, stop)
        assert resumable.size(KEY) == stop
    resumable.finish(KEY)
    assert get(storage) == CONTENT[: 18 * MIB]


@pytest.mark.distributed
def test_killed_writer_leaves_a_correct_size(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a part and the tail after it, the tail before it is still there."""
    storage, resumable = bucket.storage(), bucket.storage().resumable()
    add(storage, 5 * MIB)
    with monkeypatch.context() as patched:
        patched.setattr(_ResumableWriter, "keep", lambda _: None)  # as if it were killed here
        with resumable.append(KEY) as sink:
            sink.write(CONTENT[5 * MIB : 15 * MIB])
    assert resumable.size(KEY) == 8 * MIB
    add(storage, 12 * MIB)
    resumable.finish(KEY)
    assert get(storage) == CONTENT[: 12 * MIB]


def add_while_cut(storage: Storage, line: Line) -> None:
    with storage.resumable().append(KEY) as sink:
        line.cut()
        sink.write(CONTENT[9 * MIB : 20 * MIB])


@pytest.mark.distributed
def test_store_outage_keeps_received_data(bucket: Bucket) -> None:
    with Line(bucket.store.port) as line:
        storage = bucket.storage(line.url)
        add(storage, 9 * MIB)
        with pytest.raises(StorageUnavailable):
            add_while_cut(storage, line)
        line.mend()
        assert storage.resumable().size(KEY) == 9 * MIB
        add(storage, 20 * MIB)
        storage.resumable().finish(KEY)
    assert get(bucket.storage()) == CONTENT[: 20 * MIB]
