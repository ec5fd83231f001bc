"""A registry that has no image, before which a real kubelet fails as before one that has them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# By the image's name: what Docker Hub and others answer for a manifest.
ANSWERS = {
    "missing": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "private": (401, "UNAUTHORIZED", "authentication required"),
    "crowded": (429, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, code, message = ANSWERS[self.path.split("/")[2]] if self.path != "/v2/" else (200, "", "")
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *words) -> None:
        pass


class EmptyRegistry:
    """On this machine, for the kubelet on it: runtimes speak plain HTTP to localhost."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def image(self, name: str) -> str:
        return f"localhost:{self.server.server_port}/{name}:1"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
