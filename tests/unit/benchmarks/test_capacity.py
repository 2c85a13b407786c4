"""The arithmetic of what detectors take of the servers."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks.capacity.chunks import Cost
from benchmarks.capacity.run import CHUNK_FRAMES, SIGN_SECONDS, SPEED, need
from benchmarks.capacity.spent import spent

COST = Cost(
    broker=0.002,
    redis=0.003,
    commands=300,
    message=1300,
    result=16_000,
    registration=0.0001,
    counting=0.0,
    chunks_per_second=1.0,
)


def test_servers_are_charged_for_chunks_and_redis_for_signs_of_life_too() -> None:
    one = need(COST, CHUNK_FRAMES / SPEED)  # that many do a chunk in a second
    assert one.chunks == pytest.approx(1)
    assert one.broker == pytest.approx(0.002)
    assert one.redis == pytest.approx(0.003 + 0.0001 * CHUNK_FRAMES / SPEED / SIGN_SECONDS)
    assert one.result_bytes == pytest.approx(16_000)
    assert need(replace(COST, redis=0.0), 1000).redis == pytest.approx(0.0001 * 1000 / SIGN_SECONDS)


def test_cpu_time_is_that_of_the_process_and_its_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with spent(process.pid) as found:
            process.stdout.readline()
        process.stdin.close()
    assert found.seconds >= 0.15
