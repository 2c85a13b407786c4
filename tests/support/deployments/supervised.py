"""A supervisor of small processes as a separate program, to which tests send signals.

    python -m tests.support.deployments.supervised FOLDER CONFIG

CONFIG is JSON: {"processes": [{"name", "program", "stage", ...}], "most": restarts}. `program` names one
of PROGRAMS. Every process writes FOLDER/<name>.<n>.pids: its own id and its child's.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from cli.embedded import supervisor
from cli.embedded.data_dir import open_data_dir
from cli.embedded.guard import Guard
from cli.embedded.process import Process

# A process with a child in its group, as workers have; {extra}: its reaction to SIGTERM.
PARENT = """
import os, signal, subprocess, sys, time
name, folder = sys.argv[1:]
{extra}
grandchild = subprocess.Popen(["sleep", "1000"], preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
part = f"{{folder}}/{{name}}.{{os.getpid()}}"
open(part, "w").write(f"{{os.getpid()}} {{grandchild.pid}}")
os.rename(part, part + ".pids")
while True:
    time.sleep(1000)
"""

NOTE = """
def end(*_):
    time.sleep({delay})
    open(folder + "/ended", "a").write(name + " ")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
"""

PROGRAMS = {
    "plain": PARENT.format(extra=""),
    "orderly": PARENT.format(extra=NOTE.format(delay=0.0)),
    "slow": PARENT.format(extra=NOTE.format(delay=0.3)),
    "deaf": PARENT.format(extra="signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
    "broken": "raise SystemExit(3)",
    "done": "",
}


def main(folder: Path, config: dict[str, Any]) -> int:
    supervisor.MOST_RESTARTS = config.get("most", supervisor.MOST_RESTARTS)
    temporary = folder / "temporary"
    temporary.mkdir()
    try:
        with supervisor.Supervisor() as running, open_data_dir(str(folder / "home")) as home:
            running.guarded_by(Guard(temporary, home.lock))
            for item in config["processes"]:
                program = PROGRAMS[item.pop("program")]
                command = [sys.executable, "-I", "-S", "-c", program, item["name"], str(folder)]
                running.start(Process(command=command, env=dict(os.environ), **item))
            print("started", flush=True)
            running.run()
    except supervisor.Stopped:
        return 0
    except supervisor.Failed as error:
        print(error, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
