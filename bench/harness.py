"""What the sections of the bench share: servers started and stopped, requests, load and the counters of a process."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
SHIM = os.environ.get("LOCKSTEP_SLOWSYNC")
CONFIG = ROOT / "bench" / "unlimited.toml"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url, key=None):
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"} if key else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def post(url, body, key=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or "null")


def status(pid, member):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(member + ":"):
            return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server(command, port, slow_us=0, trace=None):
    """Starts a server and yields its process; `trace` names a file for strace's count of syncs."""
    env = dict(os.environ)
    if slow_us:
        env |= {"LD_PRELOAD": SHIM, "SLOWSYNC_US": str(slow_us)}
    prefix = ["strace", "-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync", "-o", str(trace)] if trace else []
    process = subprocess.Popen(prefix + command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(f"{command[0]} ended with {process.returncode}")
                time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            # strace writes its count when what it traces ends.
            traced = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split() if trace else []
            os.kill(int(traced[0]) if traced else process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def bare(folder, port, commit):
    return [str(BIN / "bare"), "--listen", f"127.0.0.1:{port}", "--database", f"{folder}/bare.db", "--commit", commit]


def hub(folder, port, database=None):
    return [str(BIN / "lockstep"), "serve", "--data", str(folder), "--listen", f"127.0.0.1:{port}", "--allow-local-targets",
            "--public-url", f"http://127.0.0.1:{port}", "--config", str(CONFIG), *(["--database", database] if database else [])]


def init(folder, database=None):
    command = [str(BIN / "lockstep"), "init", "--data", str(folder), "--json", *(["--database", database] if database else [])]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["api_key"]


def load(port, kind, requests, key="", start=0, connections=64, given=None):
    command = [str(BIN / "load"), "--address", f"127.0.0.1:{port}", "--kind", kind, "--requests", str(requests),
               "--from", str(start), "--api-key", key, "--connections", str(connections),
               *(["--given", str(given)] if given else [])]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
