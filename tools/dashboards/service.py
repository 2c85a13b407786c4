"""Dashboards of the whole service and of its jobs. Gauges of the api are the same from each api: the largest counts."""

from tools.dashboards.panel import Dashboard, Panel, Query, by, one, quantile_by, quantiles, rate

_STORING = rate("web_detector_stage_seconds_total", matchers='{stage="store"}')
_HTTP = "web_detector_http_request_seconds"
_BACKLOG = 'max(web_detector_backlog_frames) / (max(web_detector_capacity_fps{role="detector"}) > 0)'

OVERVIEW = Dashboard(
    "overview",
    "Overview",
    "Is the service in order, and if not, where to look?",
    (
        (
            "Now",
            (
                Panel(
                    "Alerts",
                    "How many alerts fire? The runbook says what to do at each.",
                    "short",
                    one('count(ALERTS{alertstate="firing"}) or vector(0)'),
                    kind="stat",
                    width=4,
                    warn=1,
                ),
                Panel(
                    "Servers",
                    "Does the api reach what it needs?",
                    "short",
                    by("min by (server) (web_detector_server_up)", "server"),
                    kind="stat",
                    warn=1,
                    falling=True,
                    names=((0, "down"), (1, "up")),
                ),
                Panel(
                    "Unreachable processes",
                    "Which processes does Prometheus know and not reach?",
                    "short",
                    one("sum(1 - up)"),
                    kind="stat",
                    width=4,
                    warn=1,
                ),
                Panel(
                    "Free storage",
                    "How much room is left for videos and results? Nothing is shown for a bucket.",
                    "bytes",
                    one("min(web_detector_storage_free_bytes)"),
                    kind="stat",
                    width=4,
                    warn=10 * 1024**3,
                    falling=True,
                ),
                Panel(
                    "Releases",
                    "Which releases run? More than one while the service is upgraded.",
                    "short",
                    by("count by (version) (web_detector_build_info)", "version"),
                    kind="stat",
                    width=4,
                ),
            ),
        ),
        (
            "Work",
            (
                Panel(
                    "Load to capacity",
                    "Is there too little capacity? Above 1, detectors are lacking.",
                    "percentunit",
                    by("max by (role) (web_detector_scale_ratio)", "role"),
                    warn=1,
                ),
                Panel(
                    "Jobs",
                    "How many jobs have not ended, and where are they?",
                    "short",
                    by("max by (state) (web_detector_jobs)", "state"),
                    stacked=True,
                ),
                Panel(
                    "Streams",
                    "How many streams are live, and how many are not?",
                    "short",
                    by("max by (state) (web_detector_streams)", "state"),
                    stacked=True,
                ),
                Panel(
                    "Workers",
                    "How many workers of each role are there?",
                    "short",
                    by("max by (role) (web_detector_workers)", "role"),
                ),
                Panel(
                    "Frames analysed",
                    "How much do the detectors do, for jobs and for streams?",
                    "cps",
                    by(
                        "sum by (role) (rate(web_detector_frames_inferred_total[$__rate_interval])"
                        " * on (host, instance) group_left (role) web_detector_build_info)",
                        "role",
                    ),
                ),
                Panel(
                    "Backlog",
                    "How long would the detectors that are there take for the jobs that wait?",
                    "s",
                    one(_BACKLOG, "backlog"),
                ),
            ),
        ),
        (
            "API",
            (
                Panel(
                    "Requests",
                    "How many requests come, and do they succeed?",
                    "reqps",
                    by(rate(f"{_HTTP}_count", "status"), "status"),
                    stacked=True,
                ),
                Panel("Duration", "How long do requests take?", "s", quantiles(_HTTP, 0.5, 0.95, 0.99)),
                Panel(
                    "Slowest operations",
                    "Which operations take longest?",
                    "s",
                    by(
                        "topk(10, histogram_quantile(0.95, "
                        f"sum by (le, operation) (rate({_HTTP}_bucket[$__rate_interval]))))",
                        "operation",
                    ),
                ),
            ),
        ),
        (
            "Traces",
            (
                Panel(
                    "Spans",
                    "Does the collector at TRACES_URL take all spans? Without one there are none.",
                    "cps",
                    by(rate("web_detector_spans_total", "outcome"), "outcome"),
                    width=12,
                ),
            ),
        ),
    ),
)

JOBS = Dashboard(
    "jobs",
    "Jobs",
    "Do jobs come to their end, and what do they wait for?",
    (
        (
            "Jobs",
            (
                Panel(
                    "Jobs that have not ended",
                    "Where are the jobs?",
                    "short",
                    by("max by (state) (web_detector_jobs)", "state"),
                    stacked=True,
                ),
                Panel(
                    "Jobs ended, per hour",
                    "How do jobs end?",
                    "short",
                    by("sum by (state) (increase(web_detector_jobs_ended_total[1h]))", "state"),
                ),
                Panel(
                    "Uploads",
                    "How much video comes in?",
                    "Bps",
                    one(rate("web_detector_upload_bytes_total"), "stored"),
                ),
                Panel(
                    "Frames without a result",
                    "How much work waits?",
                    "short",
                    one("max(web_detector_backlog_frames)", "frames"),
                ),
                Panel("Time for the backlog", "How long will it take with these detectors?", "s", one(_BACKLOG)),
                Panel(
                    "Frames that get a result",
                    "How fast do jobs go on? Frames filled in between others count too.",
                    "cps",
                    one(rate("web_detector_frames_done_total"), "frames"),
                ),
            ),
        ),
        (
            "Tasks",
            (
                Panel(
                    "Wait in the queue, 95 %",
                    "Do tasks wait for processors? Those of detectors always wait a little: that is their supply.",
                    "s",
                    quantile_by("web_detector_queue_wait_seconds", "queue", 0.95),
                ),
                Panel(
                    "Duration of tasks, 95 %",
                    "Which tasks take long?",
                    "s",
                    quantile_by("web_detector_task_seconds", "task", 0.95),
                ),
                Panel(
                    "Tasks ended",
                    "Do tasks fail, or come back?",
                    "ops",
                    by(rate("web_detector_tasks_total", "outcome"), "outcome"),
                    stacked=True,
                ),
                Panel(
                    "Chunks sent",
                    "How many chunks have the detectors before them?",
                    "short",
                    one("max(web_detector_chunks_outstanding)", "chunks"),
                ),
                Panel(
                    "Attempts at chunks",
                    "Do chunks fail, or kill their detector?",
                    "ops",
                    by(rate("web_detector_chunks_total", "outcome"), "outcome"),
                    stacked=True,
                ),
                Panel(
                    "Lost work found, per hour",
                    "Is work lost? The reaper sends it again.",
                    "short",
                    by("sum by (what) (increase(web_detector_reaper_finds_total[1h]))", "what"),
                ),
            ),
        ),
    ),
)

STORAGE = Dashboard(
    "storage",
    "Storage",
    "Is there room for videos and results, and for how long?",
    (
        (
            "Videos and results",
            (
                Panel(
                    "Stored",
                    "What takes the room?",
                    "bytes",
                    by("max by (content) (web_detector_storage_bytes)", "content"),
                    stacked=True,
                ),
                Panel(
                    "Free",
                    "How much is free? Nothing is shown for a bucket. And in a week, if it goes on so?",
                    "bytes",
                    (
                        Query("min(web_detector_storage_free_bytes)", "now"),
                        Query(
                            "clamp_min(min(predict_linear(web_detector_storage_free_bytes[1d], 7 * 86400)), 0)",
                            "in a week",
                        ),
                    ),
                    warn=10 * 1024**3,
                    falling=True,
                ),
                Panel(
                    "Uploads", "How fast does it grow?", "Bps", one(rate("web_detector_upload_bytes_total"), "stored")
                ),
            ),
        ),
        (
            "Results of running jobs",
            (
                Panel(
                    "Result store",
                    "How much do the results of jobs and streams take in Redis or PostgreSQL?",
                    "bytes",
                    one("max(web_detector_result_store_bytes)", "results"),
                    warn=4 * 1024**3,
                ),
                Panel(
                    "Time to store chunks",
                    "How long do detectors wait for the result store, per chunk?",
                    "s",
                    one(
                        f"{_STORING} / ({rate('web_detector_chunks_total')} > 0)",
                        "store",
                    ),
                ),
                Panel(
                    "Results lost",
                    "Did the result store lose anything? It was computed again.",
                    "short",
                    one('sum(increase(web_detector_reaper_finds_total{what="lost_results"}[1h]))', "per hour"),
                    warn=1,
                ),
            ),
        ),
    ),
)
