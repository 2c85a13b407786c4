"""Prints what an image holds, as CycloneDX 1.6: the distributions of Python and the packages of Debian.

    docker run --rm --interactive IMAGE python - < tools/sbom.py

Runs on the image's own Python, without any package. The same image gives the same bytes.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_STATUS = Path("/var/lib/dpkg/status")
_RELEASE = Path("/etc/os-release")


def distributions() -> Iterator[dict[str, object]]:
    """Components of the installed distributions, each once."""
    seen = set()
    for found in metadata.distributions():
        about = found.metadata
        name = re.sub(r"[-_.]+", "-", about["Name"]).lower()
        if name not in seen:
            seen.add(name)
            yield _component(
                name,
                found.version,
                f"pkg:pypi/{name}@{found.version}",
                (about.get_all("License-Expression") or [None])[0],
            )


def packages(status: str, release: str) -> Iterator[dict[str, object]]:
    """Components of the installed packages, of the text of dpkg's status file and of the name of the system."""
    for part in status.split("\n\n"):
        about = dict(re.findall(r"^([\w-]+): (.*)$", part, re.M))
        if about.get("Status", "").endswith(" installed"):
            name, version = about["Package"], about["Version"]
            where = f"arch={about['Architecture']}&distro={release}"
            # Of Debian's versions, these are the characters that a purl may not have.
            shown = version.replace("+", "%2B").replace("~", "%7E")
            yield _component(name, version, f"pkg:deb/debian/{name}@{shown}?{where}", None)


def bom(components: list[dict[str, object]]) -> dict[str, object]:
    """The document about components, in the order of their purls."""
    ordered = sorted(components, key=lambda component: str(component["purl"]))
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": ordered}


def _component(name: str, version: str, purl: str, licence: str | None) -> dict[str, object]:
    found: dict[str, object] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    return found | ({"licenses": [{"expression": licence}]} if licence else {})


def main() -> None:
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)', _RELEASE.read_text(), re.M))
    debian = packages(_STATUS.read_text(), f"{release['ID']}-{release['VERSION_ID']}")
    json.dump(bom([*distributions(), *debian]), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
