"""Who the scripts call, outside of everything that is tested; and gates at which they wait for the test."""

import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# One file for all jobs; its arguments: gate, exit code. Each process has a key, so a repeated call counts once.
PYTHON = """
import os, sys, time, urllib.request, uuid
job, key = os.environ["STELLWERK_JOB_ID"], uuid.uuid4().hex
gate, code = sys.argv[1], int(sys.argv[2])
def say(word):
    while True:
        try:
            return urllib.request.urlopen(f"{url}/{{word}}/{{job}}/{{key}}", timeout=10).read() == b"yes"
        except OSError:
            time.sleep(0.2)
say("start")
print("hello from", job)
while not say("pass-" + gate):
    time.sleep(0.2)
with open("results/result.txt", "w") as file:
    file.write("result of " + job + "\\n")
print("bye from", job)
say("end")
sys.exit(code)
"""
OPEN = "open"


class Witness:
    """A counter over HTTP: `GET /start/<job>/<key>`. `open(gate)` lets the scripts at that gate go on."""

    def __init__(self, host: str) -> None:
        self._lock = threading.Lock()
        self._keys: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._gates = {OPEN}
        self._server = _Server((host, 0), _Handler)
        self._server.witness = self
        self.url = f"http://{host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def script(self) -> str:
        return PYTHON.replace("{url}", self.url).replace("{{", "{").replace("}}", "}")

    def open(self, gate: str) -> None:
        with self._lock:
            self._gates.add(gate)

    def count(self, word: str, job: int) -> int:
        """How many processes said so of the job."""
        with self._lock:
            return len(self._keys[word, job])

    def note(self, word: str, job: int, key: str) -> bool:
        with self._lock:
            if word.startswith("pass-"):
                return word.removeprefix("pass-") in self._gates
            self._keys[word, job].add(key)
            return True

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    witness: Witness


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        _, word, job, key = self.path.split("/")
        answer = b"yes" if self.server.witness.note(word, int(job), key) else b"no"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass
