"""Write the export formats of the api as a list for the web UI: `python -m tools.export_formats`."""

import json
from pathlib import Path

from api.results.export_formats import FORMATS

TARGET = Path(__file__).parents[1] / "web/src/job/export-formats.json"


if __name__ == "__main__":
    fields = ("title", "purpose", "needs_tracks")
    formats = [{"name": name} | {field: getattr(form, field) for field in fields} for name, form in FORMATS.items()]
    TARGET.write_text(json.dumps(formats, indent=2) + "\n")
