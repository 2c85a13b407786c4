"""Dashboards of detectors and of live streams."""

from tools.dashboards.panel import Dashboard, Panel, Query, by, of_each_process, one, quantile_by, quantiles, rate

_STAGE = "web_detector_stage_seconds_total"
_DONE = rate("web_detector_frames_done_total")

DETECTORS = Dashboard(
    "detectors",
    "Detectors",
    "Are there enough detectors, and what do they spend their time on?",
    (
        (
            "Need",
            (
                Panel(
                    "Load to capacity",
                    "Are detectors lacking? They are above 1.",
                    "percentunit",
                    by("max by (role) (web_detector_scale_ratio)", "role"),
                    warn=1,
                ),
                Panel(
                    "Detectors",
                    "How many are there, and how many are wanted?",
                    "short",
                    (
                        Query('max by (role) (web_detector_workers{role=~".*detector"})', "{{role}}"),
                        Query("max by (role) (web_detector_detectors_wanted)", "{{role}} wanted"),
                    ),
                ),
                Panel(
                    "Capacity",
                    "How many frames can they analyse, as measured while they were busy?",
                    "cps",
                    by("max by (role) (web_detector_capacity_fps)", "role"),
                ),
                Panel(
                    "Frames of each process",
                    "Is the work spread evenly?",
                    "cps",
                    of_each_process("sum", "rate(web_detector_frames_inferred_total[$__rate_interval])"),
                    width=12,
                ),
                Panel(
                    "Frames of each host",
                    "Which hosts do the work?",
                    "cps",
                    by(rate("web_detector_frames_inferred_total", "host"), "host"),
                    width=12,
                ),
            ),
        ),
        (
            "Time",
            (
                Panel(
                    "Stages of jobs",
                    "What is the limit? Much wait: the decoder. Much infer: the model.",
                    "s",
                    by(rate(_STAGE, "stage"), "stage"),
                    stacked=True,
                ),
                Panel(
                    "Time per frame",
                    "How long does each stage take for one frame?",
                    "s",
                    by(f"{rate(_STAGE, 'stage')} / on () group_left () ({_DONE} > 0)", "stage"),
                ),
                Panel(
                    "CPU per frame",
                    "What does a frame cost, decoder included?",
                    "s",
                    one(f"{rate('web_detector_cpu_seconds_total')} / ({_DONE} > 0)", "CPU"),
                ),
                Panel(
                    "Images in the engine",
                    "Are batches full? Few images at much wait: the decoder is too slow.",
                    "short",
                    one(
                        f"{rate('web_detector_engine_images_sum')} / ({rate('web_detector_engine_images_count')} > 0)",
                        "images",
                    ),
                ),
                Panel(
                    "Attempts at chunks",
                    "Do chunks fail, kill their detector, or come back?",
                    "ops",
                    by(rate("web_detector_chunks_total", "outcome"), "outcome"),
                    stacked=True,
                ),
                Panel(
                    "Wait of chunks, 95 %",
                    "How long do chunks lie before a detector takes them, by pool?",
                    "s",
                    quantile_by("web_detector_queue_wait_seconds", "queue", 0.95, '{queue=~"detector.*"}'),
                ),
            ),
        ),
    ),
)

_LATENCY = "web_detector_frame_to_box_seconds"
LIVE = Dashboard(
    "live",
    "Live",
    "Do streams have a picture, and are their boxes there in time?",
    (
        (
            "All streams",
            (
                Panel(
                    "Streams",
                    "Which streams are live, and which are not?",
                    "short",
                    by("max by (state) (web_detector_streams)", "state"),
                    stacked=True,
                ),
                Panel(
                    "Frames wanted and analysed",
                    "Are all frames analysed that are wanted?",
                    "cps",
                    (
                        Query("max(web_detector_live_wanted_fps)", "wanted"),
                        Query("max(web_detector_live_served_fps)", "analysed"),
                    ),
                ),
                Panel(
                    "Analysed of wanted",
                    "Which part of the wanted frames is analysed?",
                    "percentunit",
                    one("max(web_detector_live_served_fps) / (max(web_detector_live_wanted_fps) > 0)", "analysed"),
                    warn=0.5,
                    falling=True,
                ),
                Panel(
                    "From frame to box",
                    "How late are boxes, by the clocks of ingest and detector?",
                    "s",
                    quantiles(_LATENCY, 0.5, 0.95, 0.99),
                    warn=3,
                ),
                Panel(
                    "From frame to box, spread",
                    "Are all boxes late, or few?",
                    "s",
                    by(rate(f"{_LATENCY}_bucket", "le"), "le"),
                    kind="heatmap",
                ),
                Panel(
                    "Frames without a box",
                    "Why do frames have no result? Skipped ones are meant so, by max_fps.",
                    "cps",
                    (
                        Query(rate("web_detector_live_frames_dropped_total", "reason"), "{{reason}}"),
                        Query(rate("web_detector_live_frames_skipped_total"), "skipped"),
                    ),
                ),
            ),
        ),
        (
            "Each stream",
            (
                Panel(
                    "Frames that come",
                    "Which streams are slow? The ten with the fewest frames.",
                    "cps",
                    by("bottomk(10, max by (stream) (web_detector_stream_fps))", "stream"),
                ),
                Panel(
                    "Frames analysed",
                    "Which streams are served least?",
                    "cps",
                    by("bottomk(10, max by (stream) (web_detector_stream_analysed_fps))", "stream"),
                ),
                Panel(
                    "Bit rate",
                    "Which streams take most of the network?",
                    "Bps",
                    by("topk(10, max by (stream) (web_detector_stream_bytes_per_second))", "stream"),
                ),
                Panel(
                    "Reconnects, per hour",
                    "Do sources come and go?",
                    "short",
                    of_each_process("sum", "increase(web_detector_stream_reconnects_total[1h])"),
                ),
                Panel(
                    "Streams of each process",
                    "Are streams spread evenly over ingests and live detectors?",
                    "short",
                    of_each_process("max", "web_detector_streams_held"),
                ),
                Panel(
                    "Age of leases",
                    "Do processes renew their streams? Others take them after some seconds.",
                    "s",
                    of_each_process("max", "web_detector_lease_age_seconds"),
                    warn=5,
                ),
            ),
        ),
    ),
)
