"""Markdown: rendered, cleaned, with pictures and links only to results beside it."""

import pytest

from jobs.previews.addresses import Addresses
from jobs.previews.markdown import MOST_CHARACTERS

BESIDE = Addresses(
    "results/report.md",
    picture={"results/plot.svg": "/jobs/1/results/7/raw/"}.get,
    page={"results/table.csv": "/jobs/1/results/8/", "notes.txt": "/jobs/1/results/9/"}.get,
)


def test_the_usual_marks_are_rendered(preview):
    html = preview("a.md", "# Title\n\n*a* **b** ~~c~~ `d`\n\n| x | y |\n|---|--:|\n| 1 | 2 |\n").html
    for part in (
        "<h2>Title</h2>",
        "<em>a</em>",
        "<strong>b</strong>",
        "<s>c</s>",
        "<code>d</code>",
        "<td>1</td>",
    ):
        assert part in html


def test_fenced_code_is_highlighted(preview):
    assert '<span class="kn">import</span>' in preview("a.md", "```python\nimport os\n```\n").html
    assert '<span class="c1"># x</span>' in preview("a.md", "```{r, echo=FALSE}\n# x\n```\n").html


def test_pictures_and_links_lead_to_the_results_beside_it(preview):
    html = preview("a.md", "![p](plot.svg) [t](table.csv) [n](../notes.txt)", BESIDE).html
    assert 'src="/jobs/1/results/7/raw/"' in html
    assert 'href="/jobs/1/results/8/"' in html
    assert 'href="/jobs/1/results/9/"' in html


@pytest.mark.parametrize(
    "target",
    [
        "/accounts/logout/",
        "//evil.example/x",
        "http://evil.example/x.png",
        "https://evil.example/x.png",
        "../../../etc/passwd",
        "missing.svg",
        "\\\\evil\\x",
        "data:text/html,<script>alert(1)</script>",
        "javascript:alert(1)",
        "?x=1",
        "http://[broken",
    ],
)
def test_no_picture_is_loaded_from_anywhere_else(preview, target):
    html = preview("a.md", f'![p](<{target}>)\n\n<img src="{target}">', BESIDE).html
    assert "src=" not in html


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "/jobs/1/delete/",
        "//evil.example",
        "file:///etc/passwd",
        "&#106;avascript:alert(1)",
        " javascript:alert(1)",
        "blob:http://x/1",
        "\x01javascript:alert(1)",
    ],
)
def test_no_link_acts_or_leads_into_the_portal(preview, target):
    html = preview("a.md", f'[x](<{target}>)\n\n<a href="{target}">y</a>', BESIDE).html
    assert "href=" not in html


def test_links_to_the_web_stay_and_take_nothing_along(preview):
    html = preview("a.md", "[x](https://example.org/a?b=c)").html
    assert 'href="https://example.org/a?b=c"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe src=/></iframe>",
    "<object data=/></object><embed src=/>",
    "<form action=/accounts/logout/ method=post><button>x</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<a href='javascript:alert(1)'>x</a>",
    "<p style='position:fixed;inset:0' class='nav-frame' id='main' hx-get='/' data-live-job=1>x</p>",
    "<base href=//evil.example><link rel=stylesheet href=//evil.example><meta http-equiv=refresh content=0>",
    "<style>*{display:none}</style>",
    "<video src=x onerror=alert(1)></video><audio src=x></audio>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea><img src=x onerror=alert(1)></textarea>",
    "<template><script>alert(1)</script></template>",
    "<isindex action=javascript:alert(1)>",
    "<div><p>x</div><script>alert(1)//",
]
FORBIDDEN = (
    *(
        "<script",
        "<svg",
        "<math",
        "<iframe",
        "<object",
        "<embed",
        "<form",
        "<button",
        "<input",
        "<base",
        "<link",
    ),
    *(
        "<meta",
        "<style",
        "<video",
        "<audio",
        "<textarea",
        "<template",
        "style=",
        "class=",
        "id=",
        "hx-",
        "data-",
    ),
    *("onerror=", "ontoggle", "javascript:"),
)


@pytest.mark.parametrize("html", HOSTILE)
@pytest.mark.parametrize("path", ["a.md", "a.ipynb"])
def test_raw_html_loses_everything_that_acts(preview, html, path):
    content = html
    if path == "a.ipynb":
        import json

        outputs = [{"output_type": "display_data", "data": {"text/html": html}}]
        cells = [
            {"cell_type": "markdown", "source": html},
            {"cell_type": "code", "source": "", "outputs": outputs},
        ]
        content = json.dumps({"cells": cells})
    made = preview(path, content).html
    made = made.replace('class="nb-', "").replace('class="code"', "").replace('class="plain"', "")
    text = made.lower().replace("&lt;", "‹")
    assert [part for part in FORBIDDEN if part in text and f"‹{part[1:]}" not in text] == []


def test_a_long_document_is_cut_and_says_so(preview):
    made = preview("a.md", "word " * 30_000)
    assert made.truncated
    assert len(made.html) < MOST_CHARACTERS + 100


def test_headings_stand_below_the_one_of_the_page(preview):
    text = '# a\n\n## b\n\n##### e\n\n###### f\n\n<h1 title="<h1>">g</h1>\n\n`<h1>`\n\n<hr>'
    html = preview("a.md", text).html
    assert "<h1" not in html
    for part in ("<h2>a</h2>", "<h3>b</h3>", "<h6>e</h6>", "<h6>f</h6>", ">g</h2>", "&lt;h1&gt;", "<hr>"):
        assert part in html
    assert 'title="&lt;h1&gt;"' in html
