"""A browser that no tool listens to, as people have it, and when its first picture is there.

A tool that listens wants the stack of every exception, also of those that a library catches. Chromium then reads the
whole of Plotly again for each function in the stack: three quarters of a second of a new browser's first picture.
"""

import json
import os
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue

SETTLING_SECONDS = 4.0
"""The time in which a browser that has just been started is busy with itself."""
PICTURE = '.live-chart[data-key="profile"][data-redraws]'

_MANIFEST = {
    "manifest_version": 3,
    "name": "first picture",
    "version": "1",
    "host_permissions": ["http://127.0.0.1/*"],
    "content_scripts": [{"matches": ["http://127.0.0.1/*"], "js": ["tell.js"], "run_at": "document_start"}],
}
_TELL = """new MutationObserver((_, observer) => {
    if (!document.querySelector('PICTURE')) return;
    observer.disconnect();
    fetch(`http://127.0.0.1:PORT/${performance.now()}`, {mode: "no-cors"});
}).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ["data-redraws"]});"""
_SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "--window-size=1280,900",
    "--disable-features=DisableLoadExtensionCommandLineSwitch",
)  # fmt: skip


class UnwatchedBrowser:
    """A Chromium with a folder of its own; an extension within it tells when a page's first picture is there."""

    def __init__(self, folder: Path, told: "Queue[float]") -> None:
        found = folder / "DevToolsActivePort"
        while not found.exists():
            time.sleep(0.05)
        time.sleep(SETTLING_SECONDS)
        self._port, self._told = found.read_text().split()[0], told

    def first_picture(self, url: str) -> float:
        """Open a page, and close it: seconds from the browser's start of it until its picture is there."""
        opened = json.loads(self._ask(f"new?{url}", "PUT"))
        seconds = self._told.get(timeout=60) / 1000
        self._ask(f"close/{opened['id']}", "GET")
        return seconds

    def _ask(self, what: str, method: str) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/{what}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
        return content


@contextmanager
def unwatched_browser(folder: Path) -> Iterator[UnwatchedBrowser]:
    """A browser that was never anywhere, with its files in `folder`."""
    told: Queue[float] = Queue()

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.put(float(self.path[1:]))
            self.send_response(204)
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Stay silent."""

    ear = HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=ear.serve_forever, daemon=True).start()
    extension, profile = folder / "extension", folder / "profile"
    extension.mkdir(parents=True)
    (extension / "manifest.json").write_text(json.dumps(_MANIFEST))
    (extension / "tell.js").write_text(_TELL.replace("PICTURE", PICTURE).replace("PORT", str(ear.server_port)))
    command = [os.environ.get("CHROMIUM", "/usr/bin/chromium"), *_SWITCHES]
    command += [f"--user-data-dir={profile}", f"--load-extension={extension}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield UnwatchedBrowser(profile, told)
    finally:
        process.terminate()
        process.wait()
        ear.shutdown()
