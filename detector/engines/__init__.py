"""One file per engine.

On import, OpenVINO sends telemetry and writes an id to the home folder if its telemetry package can be imported. This
module prevents that import, since operators have not consented.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
