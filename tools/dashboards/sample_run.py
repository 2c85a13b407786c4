"""Draw the dashboards for docs/operate/monitoring.md, of a service at work.

    make dashboard-pictures [MINUTES=8]

Starts a service with two detectors, streams, bursts of jobs, and Debian's Prometheus with the project's rules. The
model is a tiny one, so that any machine can do it.
"""

import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import ROOT, Client
from tests.support.models import tiny_model
from tests.support.scraping import METRICS_ROLES, free_ports
from tests.support.servers import prometheus
from tools.dashboards.pictures import draw, span_until
from tools.dashboards.service import JOBS, OVERVIEW, STORAGE
from tools.dashboards.workers import DETECTORS, LIVE

IMAGES = ROOT / "docs/images/dashboards"
SAMPLE = ROOT / "samples/things.mp4"
SHOWN = (OVERVIEW, JOBS, DETECTORS, LIVE, STORAGE)
MINUTES, WORKERS = 8.0, 2
# How many jobs come together, one burst after the other.
BURSTS, PAUSE_SECONDS = (2, 6, 12, 3, 8, 4), 60
STREAMS = {"Gate": 3, "Yard": 5}  # frames per second that are analysed
# Nobody is there: one stream is not live.
GONE = {"name": "Garage", "kind": "rtsp", "url": "rtsp://garage.invalid/stream"}


def main(minutes: float) -> None:
    """Entry point."""
    if not prometheus.is_installed():
        sys.exit("Prometheus is not installed: tools/install-debian-packages installs it")
    IMAGES.mkdir(parents=True, exist_ok=True)
    ports = free_ports(len(METRICS_ROLES) + WORKERS - 1)
    with tempfile.TemporaryDirectory(prefix="dashboards-") as name:
        folder = Path(name)
        settings = {"METRICS_PORT": ports, "DETECTOR_WORKERS": WORKERS, "TRACKS": "on", "CHUNK_SIZE": 24}
        service = Embedded(folder / "data", **settings, **tiny_model.as_default(folder)).start()
        try:
            scraped = list(range(ports, ports + len(METRICS_ROLES) + WORKERS - 1))
            with prometheus.Prometheus(folder, {"web-detector": scraped}) as server:
                began = time.time()
                _work(service.client(), began + minutes * 60)
                now = time.time()
                span = span_until(now, (now - began) / 60, "20s")
                for path in draw(server.url, SHOWN, span, IMAGES):
                    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")
        finally:
            service.stop()


def _work(client: Client, end: float) -> None:
    """Streams all the time, and jobs now and then."""
    video = client.upload(SAMPLE)
    for name, rate in STREAMS.items():
        stream = {"name": name, "kind": "video", "video_id": video["id"], "options": {"max_fps": rate}}
        client.call("POST", "/streams", 201, json=stream)
    client.call("POST", "/streams", 201, json=GONE)
    for burst in cycle(BURSTS):
        video = client.upload(SAMPLE)
        for _ in range(burst):
            client.start(video)
        for _ in range(PAUSE_SECONDS):
            if time.time() > end:
                return
            client.call("GET", "/jobs", 200)
            time.sleep(1)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES)
