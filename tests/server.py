"""A Lockstep server of its own for scripts that let it work with a CRM. Needs nothing but Python."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(method, url, body=None, headers=()):
    """The answer's JSON, or None if it has no body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **dict(headers)}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read()[:1000]}") from error
    return json.loads(text) if text else None


def until(what, holds, seconds=60):
    """Looks again and again; gives what `holds` gave at last."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


class Server:
    """`lockstep serve` on loopback with a folder that goes when it stops. Its log is `log`."""

    def __init__(self, binary, log, settings="[sync]\npoll_seconds = 1\n"):
        self.binary = os.path.abspath(binary)
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"http://127.0.0.1:{free_port()}"
        (pathlib.Path(self.folder.name) / "lockstep.toml").write_text(settings)
        key = self.run("init")["api_key"]
        self.headers = {"authorization": f"Bearer {key}"}
        with open(log, "wb") as file:
            command = [self.binary, "serve", "--data", self.folder.name, "--allow-local-targets"]
            listen = {**os.environ, "LOCKSTEP_LISTEN": self.url.removeprefix("http://")}
            self.process = subprocess.Popen(command, stdout=file, stderr=file, env=listen)

    def __enter__(self):
        until("the server answers", self.answers)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.folder.cleanup()

    def answers(self):
        try:
            return call("GET", f"{self.url}/v1/health") is not None
        except (AssertionError, OSError):
            return False

    def run(self, *words):
        """A command's JSON."""
        command = [self.binary, *words, "--data", self.folder.name, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{' '.join(words[:2])}: {done.stderr[-2000:]}"
        return json.loads(done.stdout)

    def api(self, method, path, body=None):
        """The Inbox API."""
        return call(method, f"{self.url}/v1{path}", body, self.headers)

    def contacts(self):
        """Every contact, by phone number."""
        found, cursor = {}, None
        while True:
            page = self.api("GET", "/contacts?limit=100" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
            found.update((contact["phone_number"], contact) for contact in page["data"])
            cursor = page.get("next_cursor")
            if not cursor:
                return found

    def connect(self, vendor, url, token, key_field):
        """Connects an account, plans and starts; gives the plan once both sides are in step."""
        self.run("connect", vendor, "--base-url", url, "--token", token, "--key-field", key_field)
        plan = self.run("sync", "plan")
        self.run("sync", "start", "--plan", plan["plan"], "--yes")
        self.run("sync", "status", "--wait")
        return plan
