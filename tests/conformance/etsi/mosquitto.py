"""What the suite's MQTT tests get for `docker`: a mosquitto of this machine.

Run by a script that stands in for `docker`: `python mosquitto.py SPEC run …` starts one, anything else ends it.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


def stand_in(folder: Path, python: str, configurations: Path, host: str, other_port: int) -> None:
    """Put a `docker` into a folder. The MQTT tests want port 1883, and a second one."""
    folder.mkdir()
    spec = folder / "mqtt.json"
    spec.write_text(
        json.dumps(
            {
                "pid_file": str(folder / "mosquitto.pid"),
                "host": host,
                "ports": [1883, other_port],
                "configurations": str(configurations),
            }
        )
    )
    script = folder / "docker"
    script.write_text(f'#!/bin/sh\nexec "{python}" "{Path(__file__).resolve()}" "{spec}" "$@"\n')
    script.chmod(0o700)


def stop(pid_file: Path) -> None:
    """End the mosquitto that was started, if it still runs."""
    if pid_file.exists():
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(pid_file.read_text()), signal.SIGTERM)
        pid_file.unlink()


def main(spec: dict[str, Any], arguments: list[str]) -> int:
    """Do as `docker` would; 1 if mosquitto does not answer."""
    pid_file = Path(spec["pid_file"])
    stop(pid_file)
    if arguments[:1] != ["run"]:
        return 0
    time.sleep(0.2)  # until the port is free
    wanted = re.search(r"(\w+\.conf)(?=[\s:\"']|$)", " ".join(arguments))
    if wanted is None:
        return 1
    configurations = Path(spec["configurations"])
    open_to_all = "allow_anonymous true" in (configurations / wanted.group(1)).read_text()
    lines = [f"listener {port} {spec['host']}" for port in spec["ports"]]
    lines += ["user root", f"allow_anonymous {str(open_to_all).lower()}"]
    if not open_to_all:
        lines.append(f"password_file {configurations / 'mosquitto_pwd'}")
    configuration = pid_file.with_suffix(".conf")
    configuration.write_text("\n".join(lines) + "\n")
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(
        ["mosquitto", "-c", str(configuration)], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    pid_file.write_text(str(server.pid))
    return 0 if _answers(spec["host"], spec["ports"][0]) else 1


def _answers(host: str, port: int) -> bool:
    for _ in range(50):
        try:
            socket.create_connection((host, port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2:]))
