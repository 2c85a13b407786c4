"""docs/recipes/adding-an-export-format.md: its example writes what the page says."""

import re
from typing import Any

from api.results.exports.export import Export
from api.results.selection import Query, Selection
from contracts.database.tables import Job, Video
from tests.support.deployments.service import ROOT
from tests.support.results.example_results import Made, block, header


def test_documented_export_format_writes_a_row_for_each_selected_object() -> None:
    text = (ROOT / "docs/recipes/adding-an-export-format.md").read_text()
    (code,) = re.findall(r"<!-- executed: export -->\n```python\n(.*?)```", text, re.DOTALL)
    example: dict[str, Any] = {}
    exec(code, example)  # noqa: S102
    made = Made(header(), [0], [block([(0, 0, [(0, 9000), (1, 8000)]), (1, 40, []), (2, 80, [(0, 7000)])])])
    export = Export(Job(), Video(), made, Selection(Query(labels=("cat",)), made.header))
    rows = b"".join(example["KITTI"].write(export)).decode().splitlines()
    unknown = "-1 -1 -1 -1000 -1000 -1000 -10"
    assert rows == [
        f"0 -1 cat -1 -1 -10 0.00 0.25 10.00 15.50 {unknown} 0.9",
        f"2 -1 cat -1 -1 -10 2.00 2.25 12.00 17.50 {unknown} 0.7",
    ]
