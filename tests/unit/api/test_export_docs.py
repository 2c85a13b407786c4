"""docs/adding-an-export-format.md: its example writes what the page says."""

import re
from typing import Any

from api.results.export_formats import Export
from api.results.selection import Query, Selection
from contracts.database.tables import Job, Video
from tests.support.deployments.service import ROOT
from tests.support.example_results import Made, block, header


def test_documented_export_format_writes_a_row_for_each_selected_object() -> None:
    text = (ROOT / "docs/adding-an-export-format.md").read_text()
    (code,) = re.findall(r"<!-- executed: export -->\n```python\n(.*?)```", text, re.DOTALL)
    example: dict[str, Any] = {}
    exec(code, example)  # noqa: S102
    made = Made(header(), [0], [block([(0, 0, [(0, 9000), (1, 8000)]), (1, 40, []), (2, 80, [(0, 7000)])])])
    export = Export(Job(), Video(), made, Selection(Query(labels=("cat",)), made.header))
    rows = b"".join(example["MOT"].write(export)).decode().splitlines()
    assert rows == ["1,-1,0.00,0.25,10.00,15.25,0.9,-1,-1,-1", "3,-1,2.00,2.25,10.00,15.25,0.7,-1,-1,-1"]
