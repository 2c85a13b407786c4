"""The real images, built by buildah without a container engine, and run in namespaces.

The base image is a substitute (tools/make-base-image). A container is a mount namespace with the image as read-only
root, /tmp as tmpfs and /data as a folder of the test; it shares network and process ids with the machine.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.deployments.compose import COMPOSE, ROLES, dockerfile
from tests.support.deployments.deployment import Images
from tests.support.deployments.service import ROOT

USER_ID = 23456
_ENTER = r"""
root=$1 data=$2 mode=$3; shift 3
mount --bind "$root" "$root"
mount --bind "$data" "$root/data"
mount --options "remount,bind,$mode" "$root/data"
mount --options remount,bind,ro "$root"
mount --types tmpfs --options mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
exec /usr/sbin/chroot "$root" /usr/bin/env --chdir=/app "$@"
"""
# User, capabilities and privileges of a container in the compose file.
_DROP = ["/usr/bin/setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]
_DROP += ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


class BuiltImages(Images):
    """An image store with the images, and their root folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._roots: dict[str, Path] = {}
        self._options = ["--root", f"{folder}/store", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]
        (base,) = {dockerfile(role)["FROM"] for role in ROLES}
        _run([str(ROOT / "tools/make-base-image"), base, *self._options])
        self.base = base
        self._network = _machines_pip(folder) + _machines_npm(folder)

    def build(self, role: str) -> None:
        """Build as `docker compose build` does, with another USER_ID."""
        arguments = ["--isolation", "chroot", "--pull-never", "--quiet", "--build-arg", f"USER_ID={USER_ID}"]
        self._buildah("bud", *arguments, *self._network, "-f", f"{role}/Dockerfile", "-t", self.name(role), str(ROOT))
        container = self._buildah("from", "--pull-never", self.name(role))
        self._roots[role] = Path(self._buildah("mount", container))

    def by_script(self, role: str, tag: str, folder: Path) -> str:
        """Build anew by tools/build-images, which writes what the image holds into folder. Returns the image's id,
        which is made of its files and its configuration."""
        environ = {
            **os.environ,
            "ENGINE": "buildah",
            "ENGINE_OPTIONS": " ".join(self._options),
            "BUILD_OPTIONS": " ".join(
                ["--isolation", "chroot", "--pull-never", "--no-cache", "--quiet", *self._network]
            ),
        }
        _run([str(ROOT / "tools/build-images"), "-t", tag, "-s", str(folder), role], environ)
        return self._buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", f"web-detector-{role}:{tag}")

    def name(self, role: str) -> str:
        return str(COMPOSE.services[role]["image"])

    def root(self, role: str) -> Path:
        """Root folder of the image."""
        return self._roots[role]

    def inspect(self, image: str) -> dict[str, Any]:
        """Configuration and history of the image."""
        found: dict[str, Any] = json.loads(self._buildah("inspect", "--type", "image", image))["OCIv1"]
        return found

    def sizes(self, image: str) -> tuple[float, float]:
        """Size in MB of its files, and of its compressed layers (gzip)."""
        target = self.folder / "pushed"
        self._buildah("push", "--quiet", image, f"oci:{target}:x")
        index = json.loads((target / "index.json").read_text())
        manifest = json.loads(_blob(target, index["manifests"][0]["digest"]).read_text())
        packed = sum(layer["size"] for layer in manifest["layers"])
        shutil.rmtree(target)
        (size,) = json.loads(self._buildah("images", "--json", image))
        return _megabytes(size["size"]), packed / 1e6

    def remove(self) -> None:
        """Remove the store."""
        for root in self._roots.values():
            assert not [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(root) in line]
        shutil.rmtree(self.folder)

    # The containers.

    def app(self, role: str) -> Path:
        return Path("/app")

    def python(self, role: str) -> Path:
        return Path("/usr/local/bin/python")

    def cwd(self, role: str) -> Path:
        return self.root(role)

    def files(self) -> list[str]:
        return sorted(str(path) for role in ROLES for path in self.root(role).rglob("*"))

    def places(self, folder: Path, name: str) -> dict[str, str]:
        return {}

    def temporary(self, folder: Path, name: str) -> dict[str, str]:
        return {}

    def command(self, service: str, folder: Path, words: list[str]) -> list[str]:
        data = folder / "data"
        os.chown(data, USER_ID, USER_ID)
        read_only = any(volume.endswith(":/data:ro") for volume in COMPOSE.services[service]["volumes"])
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", _ENTER, "sh"]
        place = [str(self.root(COMPOSE.role(service))), str(data), "ro" if read_only else "rw"]
        return [*enter, *place, *_DROP, "--pdeathsig=TERM", *words]

    def command_in(self, pid: int, words: list[str]) -> list[str]:
        return ["nsenter", "--target", str(pid), "--mount", "--root", "--wd", *_DROP, *words]

    def _buildah(self, *words: str) -> str:
        return _run(["buildah", *self._options, *words])


def environment(role: str) -> dict[str, str]:
    """The environment set by an image."""
    return {**dict(dockerfile(role)["ENV"]), "PATH": "/usr/local/bin:/usr/bin:/bin"}


def _machines_pip(folder: Path) -> list[str]:
    """Options of buildah that give pip in a build the pip configuration of this machine; not stored in the image."""
    lines = _run([shutil.which("python3") or "python3", "-m", "pip", "config", "list"]).splitlines()
    settings = {
        name.rpartition(".")[2]: ast.literal_eval(value) for name, _, value in (x.partition("=") for x in lines)
    }
    files = ("find-links", "extra-index-url", "constraint")  # configuration of this machine, invisible to the build
    local = {name: value for name, value in settings.items() if name not in files}
    config = folder / "pip.conf"
    config.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in local.items()))
    config.chmod(0o644)
    options = ["--volume", f"{config}:/etc/pip.conf:ro"]
    if certificates := local.get("cert"):
        options += ["--volume", f"{certificates}:{certificates}:ro"]
    return options


def _machines_npm(folder: Path) -> list[str]:
    """The same for npm."""
    npm = [str(ROOT / "tools/with-node"), str(Path(sys.executable).parent), "npm"]
    names = ("registry", "cafile", "replace-registry-host")
    settings = {name: _run([*npm, "config", "get", name]) for name in names}
    config = folder / "npmrc"
    config.write_text("".join(f"{name}={value}\n" for name, value in settings.items() if value not in ("null", "")))
    options = ["--volume", f"{config}:/root/.npmrc:ro"]
    if (certificates := settings["cafile"]) != "null":
        options += ["--volume", f"{certificates}:{certificates}:ro"]
    return options


def _run(command: list[str], environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=540
    )
    assert done.returncode == 0, f"{command}\n{(done.stdout + done.stderr)[-4000:]}"
    return done.stdout.strip()


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest.replace(":", "/")


def _megabytes(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"KB": 0.001, "MB": 1, "GB": 1000}[unit]
