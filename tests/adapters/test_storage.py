"""What every storage must do, and what the one on a local disk does beside; see test_s3storage for the other."""

import errno
import hashlib
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contracts.errors import NotFound, StorageFull, StorageUnavailable
from contracts.storage.local import LocalStorage
from contracts.storage.port import Storage, index_key, plan_key, result_key, video_key

KEY = "videos/0b1c/content"


def put(storage: Storage, key: str, data: bytes) -> None:
    with storage.create(key) as sink:
        sink.write(data)


def get(storage: Storage, key: str) -> bytes:
    with storage.open(key) as source:
        return source.read()


def abort(storage: Storage, error: BaseException) -> None:
    with storage.create(KEY) as sink:
        sink.write(b"new")
        raise error


def idle(storage: Storage, seconds: float, after: str = "") -> list[str]:
    return [key for stretch in storage.walk(seconds, after) for key in stretch.idle]


def sweep(storage: Storage, seconds: float) -> int:
    return sum(stretch.removed for stretch in storage.walk(0, partial_seconds=seconds))


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_objects_can_be_read_in_part(storage: Storage) -> None:
    put(storage, KEY, bytes(range(100)))
    assert storage.size(KEY) == 100
    with storage.open(KEY) as source:
        assert source.seek(-10, os.SEEK_END) == 90
        assert source.read(3) == bytes([90, 91, 92])
        assert source.seek(5) == 5
        assert source.read(2) == bytes([5, 6])
        assert source.tell() == 7
        assert source.seek(3, os.SEEK_CUR) == 10
        assert source.read() == bytes(range(10, 100))
        assert (source.read(1), source.read()) == (b"", b"")
        assert source.seek(200) == 200
        assert source.read(5) == b""


def test_an_object_may_be_empty(storage: Storage) -> None:
    put(storage, KEY, b"")
    assert (storage.size(KEY), get(storage, KEY)) == (0, b"")


def test_large_object_is_read_back_completely(storage: Storage) -> None:
    data = random.Random(7).randbytes(21 * 1024 * 1024 + 5)
    with storage.create(KEY) as sink:
        for start in range(0, len(data), 700_001):
            sink.write(data[start : start + 700_001])
    assert storage.size(KEY) == len(data)
    assert hashlib.sha256(get(storage, KEY)).digest() == hashlib.sha256(data).digest()
    with storage.open(KEY) as source:
        for start in (len(data) - 9, 0, 5_000_000, 4_999_990, 262_140, 1_048_570):
            source.seek(start)
            assert source.read(100_000) == data[start : start + 100_000]


def test_threads_may_share_it(storage: Storage) -> None:
    """Each of a request's steps may run in another thread, and many requests at once."""

    def trip(number: int) -> None:
        key, data = f"videos/{number}/content", bytes([number]) * 300_000
        with ThreadPoolExecutor(1) as other, storage.create(key) as sink:
            other.submit(sink.write, data).result()
        assert get(storage, key) == data

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(trip, range(24)))


def test_unfinished_write_is_invisible(storage: Storage) -> None:
    with storage.create(KEY) as sink:
        sink.write(b"half")
        sink.flush()
        with pytest.raises(NotFound):
            storage.open(KEY)
    assert get(storage, KEY) == b"half"


def test_an_aborted_write_leaves_what_was_there(storage: Storage) -> None:
    with pytest.raises(RuntimeError, match="away"):
        abort(storage, RuntimeError("the client went away"))
    with pytest.raises(NotFound):
        storage.size(KEY)
    put(storage, KEY, b"old")
    with pytest.raises(KeyboardInterrupt):
        abort(storage, KeyboardInterrupt())
    assert get(storage, KEY) == b"old"


def test_a_reader_keeps_what_it_opened(storage: Storage) -> None:
    put(storage, KEY, b"old")
    with storage.open(KEY) as source:
        put(storage, KEY, b"newer")
        assert source.read() == b"old"
    assert get(storage, KEY) == b"newer"


def test_deleting_is_for_one_key_and_can_be_repeated(storage: Storage) -> None:
    put(storage, KEY, b"1")
    put(storage, "videos/0b1c/index", b"2")
    storage.delete(KEY)
    storage.delete(KEY)
    with pytest.raises(NotFound):
        storage.open(KEY)
    assert get(storage, "videos/0b1c/index") == b"2"


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "..", "../x", "a/../b", "a//b", "a/", "./a", "A", "a.b", "a b", "a\n", "a\\b", "-a", "ä"],
)
def test_key_that_escapes_the_storage_is_refused(storage: Storage, key: str) -> None:
    for use in (storage.open, storage.size, storage.delete):
        with pytest.raises(ValueError, match="not a storage key"):
            use(key)
    with pytest.raises(ValueError, match="not a storage key"), storage.create(key):
        pass


def test_keys_of_the_service_are_valid_and_distinct(storage: Storage) -> None:
    video, job = "0b1c2d3e-0000-4000-8000-000000000000", "1b1c2d3e-0000-4000-8000-000000000000"
    keys = [video_key(video), index_key(video), plan_key(video, job), result_key(video, job)]
    for key in keys:
        put(storage, key, key.encode())
    assert [get(storage, key) for key in keys] == [key.encode() for key in keys]


def test_idle_objects_are_listed(storage: Storage) -> None:
    keys = {KEY, "videos/0b1c/jobs/7/result"}
    for key in keys:
        put(storage, key, b"1")
    with storage.resumable().append("videos/7e1d/content") as sink:
        sink.write(b"half")
    assert set(idle(storage, 3600)) == set()
    assert set(idle(storage, -60)) == {*keys, "videos/7e1d/content"}
    storage.resumable().discard("videos/7e1d/content")
    storage.delete(KEY)
    assert set(idle(storage, -60)) == keys - {KEY}


@pytest.fixture
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two objects, in folders of which three names are read at once."""
    for module in ("contracts.storage.local", "contracts.storage.s3", "tests.support.fakes"):
        monkeypatch.setattr(f"{module}.STRETCH", 2)
    monkeypatch.setattr("contracts.storage.file_order.NAMES", 3)


@pytest.mark.usefixtures("short_stretches")
def test_a_walk_goes_on_where_another_one_stopped(storage: Storage) -> None:
    # A folder, another one that begins as it does, and one with many names.
    keys = [f"videos/{name}" for name in ("a/content", "a/jobs/7/result", "a-b/content", "a-b/index", "b", "c-d/e")]
    keys += [f"alerts/{number}/picture" for number in range(8)]
    for key in keys:
        put(storage, key, b"1")
    stretches = list(storage.walk(-60))
    assert sorted(key for stretch in stretches for key in stretch.idle) == sorted(keys)
    assert {len(stretch.idle) for stretch in stretches} == {2}
    for number, stretch in enumerate(stretches):
        assert list(storage.walk(-60, stretch.place)) == stretches[number + 1 :]
    for key in stretches[2].idle:
        storage.delete(key)
    put(storage, "videos/zz", b"new")
    left = [key for stretch in stretches[3:] for key in stretch.idle]
    assert idle(storage, -60, stretches[2].place) == [*left, "videos/zz"]


def test_disk_error_is_storage_unavailable(tmp_path: Path) -> None:
    """A network file system tells of its server's troubles so; any other error of the system will do here."""
    storage = LocalStorage(tmp_path)
    put(storage, "videos", b"a file where a folder should be")
    for use in (storage.open, storage.size):
        with pytest.raises(StorageUnavailable, match="Not a directory"):
            use(KEY)


def test_on_disk_nothing_is_left_of_an_aborted_write(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="away"):
        abort(LocalStorage(tmp_path), RuntimeError("the client went away"))
    assert files(tmp_path) == []


def test_on_disk_empty_folders_go_with_the_last_key(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    put(storage, "videos/a/content", b"1")
    put(storage, "videos/b/jobs/c/result", b"2")
    storage.delete("videos/b/jobs/c/result")
    assert files(tmp_path) == ["videos", "videos/a", "videos/a/content"]
    storage.delete("videos/a/content")
    assert files(tmp_path) == []
    assert tmp_path.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_storage_full_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    with pytest.raises(StorageFull):
        abort(LocalStorage(tmp_path), OSError(number, os.strerror(number)))
    assert files(tmp_path) == []


def test_write_survives_concurrent_deletes(tmp_path: Path) -> None:
    """A delete prunes the folder that another key is just about to be written in."""
    storage = LocalStorage(tmp_path)
    wrong: list[BaseException] = []

    def churn(key: str) -> None:
        try:
            for _ in range(300):
                put(storage, key, b"x")
                storage.delete(key)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=churn, args=(f"videos/x/jobs/{name}",)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert files(tmp_path) == []


def test_sweep_removes_only_files_of_dead_writers(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    put(storage, KEY, b"kept")
    old, new = tmp_path / "videos/a/.part-old", tmp_path / "videos/b/.part-new"
    for path in (old, new):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert sweep(storage, 60) == 1
    assert not old.parent.exists()
    assert new.exists()
    assert get(storage, KEY) == b"kept"
