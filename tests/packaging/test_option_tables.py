"""The spec, the web UI, the command line and the README agree on the options declared in contracts.wire.messages."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml

from api.results.export_formats import FORMATS
from cli.main import main
from contracts.wire.messages import Filling, Options

ROOT = Path(__file__).parents[2]
SPEC = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())
CHOICES = ["all", *get_args(Filling)]  # of frames
DEFAULTS = msgspec.to_builtins(Options()) | {"frames": "all"}  # which is left out on the wire
LIMITS = {
    name: (schema["minimum"], schema["maximum"])
    for name, schema in SPEC["components"]["schemas"]["Options"]["properties"].items()
    if "minimum" in schema
}
NUMBER = r"[\d.e_]+"


def declared() -> dict[str, dict[str, Any]]:
    """JSON schema of the options, by name."""
    schemas: dict[str, Any] = msgspec.json.schema(Options)["$defs"]["Options"]["properties"]
    return schemas


def kinds(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a schema allows; OpenAPI 3.0 says null by `nullable`."""
    found = {part.get("type", "string") for part in schema.get("anyOf", [schema])}
    return found | {"null"} if schema.get("nullable") else found


def test_spec_has_the_names_types_and_defaults_of_the_options() -> None:
    spec = SPEC["components"]["schemas"]["Options"]
    assert list(spec["properties"]) == list(Options.__struct_fields__)
    assert spec["additionalProperties"] is False
    for name, schema in declared().items():
        said = spec["properties"][name]
        assert kinds(said) == kinds(schema), name
        assert said.get("default") == DEFAULTS[name], name


def test_spec_page_and_command_line_offer_the_same_frames(capsys: pytest.CaptureFixture[str]) -> None:
    assert SPEC["components"]["schemas"]["Options"]["properties"]["frames"]["enum"] == CHOICES
    table = (ROOT / "web/src/api/option-table.ts").read_text().partition('name: "frames"')[2].partition("\n  },")[0]
    assert re.findall(r'value: "(\w+)"', table) == CHOICES[1:]
    with pytest.raises(SystemExit):
        main(["detect", "--help"])
    assert f"--frames {{{','.join(CHOICES)}}}" in " ".join(capsys.readouterr().out.split())


def test_spec_has_the_export_formats_of_the_api() -> None:
    (operation,) = [item["get"] for path, item in SPEC["paths"].items() if path.endswith("/export")]
    (said,) = [item["schema"]["enum"] for item in operation["parameters"] if item.get("name") == "format"]
    assert sorted(said) == sorted(FORMATS)


def test_web_ui_has_the_export_formats_of_the_api() -> None:
    found = json.loads((ROOT / "web/src/job/export-formats.json").read_text())
    fields = ("title", "purpose", "needs_tracks")
    expected = [{"name": name} | {field: getattr(form, field) for field in fields} for name, form in FORMATS.items()]
    assert found == expected, "run: python -m tools.export_formats"


def test_web_ui_has_the_names_limits_and_defaults_of_the_options() -> None:
    source = (ROOT / "web/src/api/option-table.ts").read_text()
    table = source.partition("OPTION_TABLE = [")[2].partition("] as const")[0]
    entries = [dict(re.findall(r"^    (\w+): (.+),$", entry, re.MULTILINE)) for entry in table.split("\n  {\n")[1:]]
    options = {json.loads(entry["name"]): entry for entry in entries}
    assert options.keys() == set(Options.__struct_fields__)
    assert {name: json.loads(entry["default"]) for name, entry in options.items()} == DEFAULTS
    limits = {
        name: (json.loads(entry["minimum"]), json.loads(entry["maximum"]))
        for name, entry in options.items()
        if "minimum" in entry
    }
    assert limits == LIMITS


def test_web_ui_uses_one_default_score() -> None:
    sources = [path for path in (ROOT / "web/src").rglob("*.ts*") if ".test." not in path.name]
    found = [value for path in sources for value in re.findall(rf"min_score \?\? ({NUMBER})", path.read_text())]
    assert {float(value) for value in found} <= {Options().min_score}


def test_command_line_has_the_limits_and_default_of_the_score(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("detect", "eval"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        least, most = LIMITS["min_score"]
        default = {"detect": Options().min_score, "eval": least}[command]
        says = " ".join(capsys.readouterr().out.split())
        assert f"minimum score of a detection, {least} to {most} (default {default})" in says


def test_readme_lists_every_option_with_its_limits_and_default() -> None:
    section = (ROOT / "README.md").read_text().partition("## Options of a job")[2].partition("\n## ")[0]
    table = section.partition("\n| ---")[2].partition("\n\n")[0]  # the first one: another says what options cost
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "| `" in line]
    names = [name for first, *_ in rows for name in re.findall(r"`(\w+)`", first)]
    assert names == ["model", *Options.__struct_fields__]
    for first, meaning, default in rows:
        for name in set(re.findall(r"`(\w+)`", first)) & LIMITS.keys():
            least, most = LIMITS[name]
            assert f"{least} to {most}" in meaning, name
            assert DEFAULTS[name] is None or str(DEFAULTS[name]) == default
