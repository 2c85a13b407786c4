"""The container for development: what it runs is what CONTRIBUTING.md says, and what the tests need."""

import json
import os
import re
import shlex
import subprocess
from typing import Any

from tests.support.deployments.compose import dockerfile
from tests.support.deployments.service import ROOT

CONTAINER: dict[str, Any] = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
COMMANDS = [shlex.split(command) for command in CONTAINER["onCreateCommand"].split("&&")]


def test_its_commands_are_those_of_contributing() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    [block] = [block for block in re.findall(r"```sh\n(.*?)```", text, re.S) if "setup-test" in block]
    assert [shlex.split(line, comments=True) for line in block.splitlines()] == COMMANDS


def test_its_packages_are_those_that_ci_installs() -> None:
    """By the script, and no others: it names no command that installs something itself."""
    [script, make] = COMMANDS
    assert script == ["tools/install-debian-packages"]
    assert os.access(ROOT / script[0], os.X_OK)
    commands = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and line[0] not in "# "]
    assert commands.index(script[0]) < commands.index("make test")
    assert make[0] == "make"
    assert not {"features", "dockerFile", "build", "postCreateCommand", "updateContentCommand"} & CONTAINER.keys()


def test_its_targets_make_what_make_test_needs() -> None:
    [_, (_, *targets)] = COMMANDS
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    tried = subprocess.run(["make", "--dry-run", *targets], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    rules = dict(re.findall(r"^([a-z-]+): ([^#\n]*)", (ROOT / "Makefile").read_text(), re.M))
    needed = {word for target in targets for word in rules[target].split()}
    assert {"$(SETUP_TEST)", "$(PAGE)"} <= needed & set(rules["test"].split())


def test_it_is_the_base_of_our_images_and_shows_the_service() -> None:
    assert CONTAINER["image"] == dockerfile("api")["FROM"]
    assert f"PORT={CONTAINER['forwardPorts'][0]}\n" in (ROOT / ".env.example").read_text()
    assert CONTAINER["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"] == ".venv/bin/python"
