# --8<-- [start:script]
"""Start a script in several processes: python launch.py PROCESSES RESTARTS SCRIPT."""

import json
import os
import socket
import subprocess
import sys
import time


def free_ports(number):
    """Return ports of this machine that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [x.getsockname()[1] for x in sockets]
    for x in sockets:
        x.close()
    return ports


def run(number, command, restarts):
    """Run a command in several processes, which know one another by TF_CONFIG.

    When one of them fails, end all others. Returns whether all have ended well.
    """
    workers = [f"127.0.0.1:{port}" for port in free_ports(number)]
    processes = []
    try:
        for index in range(number):
            task = {"type": "worker", "index": index}
            config = json.dumps({"cluster": {"worker": workers}, "task": task})
            told = os.environ | {"TF_CONFIG": config, "RESTARTS": str(restarts)}
            process = subprocess.Popen([sys.executable, *command], env=told)
            processes.append(process)
        while None in (found := [x.poll() for x in processes]) and not any(found):
            time.sleep(0.1)
        return not any(found)
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    number, restarts, *command = sys.argv[1:]
    ended_well = (run(int(number), command, x) for x in range(int(restarts) + 1))
    sys.exit(0 if any(ended_well) else 1)
# --8<-- [end:script]
