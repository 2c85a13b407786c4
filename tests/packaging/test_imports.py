"""Each entry point imports what its image holds, and nothing of the others."""

import subprocess
import sys
import tomllib

import pytest

from tests.support.deployments.service import ROOT

WEB = ("flask", "connexion", "starlette", "gunicorn")
TABLES = ("sqlalchemy", "alembic")
VISION = ("av", "PIL")
ENGINE_LIBRARIES = ("openvino", "onnxruntime", "torch", "detectron2")
# Loaded where the settings name a bucket, a port for metrics, or a collector of traces.
BY_SETTING = ("botocore", "prometheus_client", "contracts.traces.exporter")

FORBIDDEN = {
    "api.app": ("processor", "detector", "ingest", "cli", "aiortc", *VISION, *ENGINE_LIBRARIES),
    "processor.worker": ("api", "detector", "ingest", "cli", "aiortc", "PIL", *WEB, *ENGINE_LIBRARIES),
    "processor.probe.child": (
        "api",
        "detector",
        "cli",
        "celery",
        "contracts.storage.local",
        *WEB,
        *TABLES,
        *ENGINE_LIBRARIES,
    ),
    "processor.renditions.child": (
        "api",
        "detector",
        "cli",
        "celery",
        "contracts.storage.local",
        *WEB,
        *TABLES,
        *ENGINE_LIBRARIES,
    ),
    "detector.worker": ("api", "processor", "ingest", "cli", *WEB, *TABLES, "contracts.database.tables"),
    # What runs idle in every service: the libraries come with the first stream.
    "detector.live.__main__": (
        *("api", "processor", "ingest", "cli", "celery", "numpy", "detector.engine", "detector.decode"),
        *(*WEB, *TABLES, *VISION, *ENGINE_LIBRARIES),
    ),
    "ingest.worker": (
        *("api", "processor", "detector", "cli", "contracts.database.tables", "PIL"),
        *(*WEB, *TABLES, *ENGINE_LIBRARIES),
    ),
    # RTSP and MJPEG need no FFmpeg; what does is a process of its own.
    "ingest.sources.registry": ("numpy", "celery", *WEB, *TABLES, *VISION, *ENGINE_LIBRARIES),
    "ingest.sources.demux.live": (
        "numpy",
        "celery",
        "redis",
        "contracts.storage.local",
        *WEB,
        *TABLES,
        *ENGINE_LIBRARIES,
    ),
    "cli.main": (
        "api",
        "processor",
        "detector",
        "ingest",
        "numpy",
        "pycocotools",
        *WEB,
        *TABLES,
        *VISION,
        *ENGINE_LIBRARIES,
    ),
    "contracts.results.redis_store": ("pg8000", "sqlalchemy"),
    "contracts.results.postgres.store": ("redis", "sqlalchemy", "celery"),
    "contracts.results.open": ("redis", "pg8000", "sqlalchemy"),
    "contracts.workers.celery_app": ("api", "processor", "detector", "cli", *WEB, *TABLES, *VISION, *ENGINE_LIBRARIES),
}


@pytest.mark.parametrize("entry", FORBIDDEN)
def test_an_entry_point_does_not_import(entry: str) -> None:
    code = f"import sys, {entry}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert entry in loaded
    assert loaded.isdisjoint((*FORBIDDEN[entry], *BY_SETTING))


def test_importing_the_detector_imports_no_engine_library() -> None:
    code = "import sys, detector.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()).isdisjoint(ENGINE_LIBRARIES)


def test_the_distribution_holds_every_package() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    top = tools["importlinter"]["root_packages"]
    found = {".".join(path.parent.relative_to(ROOT).parts) for one in top for path in (ROOT / one).rglob("__init__.py")}
    assert set(tools["setuptools"]["packages"]) == found
