"""The arithmetic of what detectors take of the servers."""

import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks.capacity.chunks import Cost
from benchmarks.capacity.run import CHUNK_FRAMES, SIGN_SECONDS, SPEED, need
from benchmarks.capacity.spent import spent
from tests.support.deployments.service import ROOT

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


def test_the_page_extrapolates_what_it_says_was_measured() -> None:
    page = (ROOT / "docs/operate/scaling.md").read_text()

    def measured(pattern: str) -> float:
        [found] = re.findall(rf"^\| {pattern}", page, re.M)
        return float(found)

    broker = measured(r"RabbitMQ, a chunk .*\| ([\d.]+) ms of CPU") / 1e3
    redis = measured(r"Redis, a chunk .*\| ([\d.]+) ms of CPU") / 1e3
    commands = measured(r"Redis, a chunk \((\d+) commands")
    sign = measured(r"Redis, a worker's registration.*\| (\d+) us of CPU") / 1e6
    row = measured(r"PostgreSQL, a row .*\| (\d+) us of CPU") / 1e6
    cost = replace(COST, broker=broker, redis=redis, registration=sign)
    figures = re.findall(r"^\| ([\d,]+) \| ([\d.,]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| [^|]+ [MG]B \|", page, re.M)
    assert [line[0] for line in figures] == ["1", "10", "100", "1,000", "10,000"]
    for detectors, *shown in figures:
        found = need(cost, float(detectors.replace(",", "")))
        wanted = (found.chunks, found.broker, found.redis, found.result_bytes / 1e6)
        for figure, value in zip(shown, wanted, strict=True):
            assert figure == f"{value:,.{len(figure.partition('.')[2])}f}"
    [rates] = re.findall(
        r"RabbitMQ ([\d,]+) chunks/s .*?Redis ([\d,]+) chunks/s.*?([\d,]+) commands/s, PostgreSQL ([\d,]+) rows/s",
        page,
        re.S,
    )
    told = [float(figure.replace(",", "")) for figure in rates]
    assert told == pytest.approx([1 / broker, 1 / redis, commands / redis, 1 / row], rel=0.005)


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
