"""What sees everything that a hostile result tries: its scripts' words, its requests, a site elsewhere."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import BrowserContext, Frame, Page, Request

# Whatever a file brought into one of our pages that acts, loads or covers.
AUDIT = """() => {
  const bad = [];
  const acting = "script, iframe, frame, object, embed, base, meta, link, style, template, form, input, button, select,"
    + "textarea, svg, math, video, audio, source, dialog, [id], [name], [style], [srcdoc], [srcset], [ping],"
    + "[target=_top]";
  for (const body of document.querySelectorAll(".artifact-body, .result-snippet, .result-name, h1 bdi")) {
    for (const e of body.querySelectorAll(acting)) bad.push(e.outerHTML);
    for (const e of body.querySelectorAll("*")) {
      for (const { name, value } of e.attributes) {
        if (/^(on|hx-|data-)/.test(name)) bad.push(e.outerHTML);
        if (!["href", "src"].includes(name)) continue;
        const url = new URL(value, location.href);
        const allowed = e.tagName === "IMG" ? ["data:"] : ["http:", "https:", "mailto:"];
        if (url.origin === location.origin ? !url.pathname.startsWith("/jobs/") : !allowed.includes(url.protocol)) {
          bad.push(e.outerHTML);
        }
      }
    }
  }
  return bad;
}"""


class Elsewhere:
    """A site of somebody else's on this machine: counts what reaches it, shows `page` to who asks for `/`."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.page = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_page = self.path == "/"
                if not is_page and self.path != "/favicon.ico":
                    outer.hits.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                self.wfile.write(outer.page.encode() if is_page else b"")

            do_POST = do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *args: object) -> None:
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Witness:
    """Hears every script that calls `canary(self.origin)` in any frame, and every request of the context."""

    def __init__(self, context: BrowserContext, portal: str) -> None:
        self.context = context
        self.portal = portal
        self.ran: list[tuple[str, str]] = []
        self.downloads: list[str] = []
        self._requests: list[Request] = []
        context.expose_binding("canary", self._heard)
        context.on("requestfinished", lambda request: self._requests.append(request))

    def watch(self, page: Page) -> Page:
        page.on("download", lambda download: self.downloads.append(download.url))
        return page

    def with_session(self, *expected: str) -> list[str]:
        """Answered since the last call with the session, none of `expected` and not what every page loads."""
        asked, self._requests[:] = list(self._requests), []
        own = (f"{self.portal}/static/", f"{self.portal}/live/")
        unexpected = [r for r in asked if r.url.startswith(self.portal) and not r.url.startswith(own)]
        unexpected = [r for r in unexpected if r.url not in expected]
        return [r.url for r in unexpected if "sessionid=" in _cookie(r)]

    def origins(self) -> list[str]:
        """Of the scripts that ran since the last call."""
        ran, self.ran[:] = list(self.ran), []
        return [origin for origin, _ in ran]

    def _heard(self, source: dict[str, object], origin: object) -> None:
        frame = source["frame"]
        self.ran.append((str(origin), frame.url if isinstance(frame, Frame) else ""))


def _cookie(request: Request) -> str:
    return request.all_headers().get("cookie", "")
