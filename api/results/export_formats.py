"""The export formats, by name. Each is written in parts, one segment at a time, so that a file of any length takes
little memory."""

from api.results.exports.coco import as_coco
from api.results.exports.cvat import as_cvat
from api.results.exports.documents import as_json, as_lines
from api.results.exports.export import ExportFormat
from api.results.exports.google import as_google
from api.results.exports.mot import as_mot
from api.results.exports.parquet import as_parquet
from api.results.exports.rekognition import as_rekognition
from api.results.exports.table import as_csv
from api.results.exports.yolo import as_yolo

FORMATS = {
    "json": ExportFormat("JSON", "one document with job, video and all frames", "json", "application/json", as_json),
    "ndjson": ExportFormat("NDJSON", "one frame per line, for streaming", "ndjson", "application/x-ndjson", as_lines),
    "csv": ExportFormat(
        "CSV",
        "one detection per line, for spreadsheets",
        "csv",
        "text/csv; charset=utf-8; header=present",
        as_csv,
    ),
    "parquet": ExportFormat(
        "Parquet",
        "one detection per row, for DuckDB, pandas and Spark",
        "parquet",
        "application/vnd.apache.parquet",
        as_parquet,
    ),
    "coco": ExportFormat(
        "COCO", "annotations for training and evaluation tools", "coco.json", "application/json", as_coco
    ),
    "yolo": ExportFormat("YOLO", "a label file per frame, for training", "yolo.zip", "application/zip", as_yolo),
    "cvat": ExportFormat(
        "CVAT", "tracks to correct in CVAT (for video 1.1)", "cvat.xml", "application/xml", as_cvat, needs_tracks=True
    ),
    "mot": ExportFormat(
        "MOT", "tracks for MOTChallenge's tools", "mot.txt", "text/plain; charset=utf-8", as_mot, needs_tracks=True
    ),
    "rekognition": ExportFormat(
        "Rekognition", "as Amazon's GetLabelDetection answers", "rekognition.json", "application/json", as_rekognition
    ),
    "google": ExportFormat(
        "Video Intelligence",
        "tracks as Google's service answers",
        "google.json",
        "application/json",
        as_google,
        needs_tracks=True,
    ),
}
