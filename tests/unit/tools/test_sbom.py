"""The list of what an image holds."""

import json
import subprocess
import sys
from importlib import metadata

from tests.support.deployments.service import ROOT
from tools.sbom import bom, packages

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12+deb13u1

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: apt
Status: install ok installed
Architecture: amd64
Version: 3.0~rc1
"""


def test_debians_installed_packages_are_listed_by_their_urls() -> None:
    found = bom(list(packages(STATUS, "debian-13")))["components"]
    assert isinstance(found, list)
    assert [(component["name"], component["version"], component["purl"]) for component in found] == [
        ("apt", "3.0~rc1", "pkg:deb/debian/apt@3.0%7Erc1?arch=amd64&distro=debian-13"),
        ("libc6", "2.41-12+deb13u1", "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64&distro=debian-13"),
    ]


def test_the_script_lists_each_distribution_once_with_its_licence() -> None:
    script = (ROOT / "tools/sbom.py").read_bytes()
    done = subprocess.run([sys.executable, "-W", "error", "-"], input=script, capture_output=True, check=True)
    listed = json.loads(done.stdout)
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    refs = [component["bom-ref"] for component in listed["components"]]
    assert refs == sorted(set(refs))
    (own,) = (component for component in listed["components"] if component["name"] == "msgspec")
    assert own["purl"] == f"pkg:pypi/msgspec@{metadata.version('msgspec')}"
    (own,) = (component for component in listed["components"] if component["name"] == "flask")
    assert own["licenses"] == [{"expression": "BSD-3-Clause"}]
