"""One file per engine.

On import, OpenVINO reports its use to its makers over the network and keeps an id in the home folder, if a
package of that name can be imported. Nobody who runs this service was asked, so it cannot be.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
