"""Parquet tables: by the extra, in a process that can reach nothing; a sentence where they cannot be shown."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.previews import parquet
from jobs.previews.grid import MOST_ROWS, Order
from jobs.previews.preview import preview_of

duckdb = pytest.importorskip("duckdb", reason="the extra “parquet” is not installed")
TYPES = "i AS n, i * 1.5 AS x, 'name ' || i AS s, DATE '2020-01-01' + i::INT AS d, i % 2 = 0 AS b, {'a': [i]} AS nested"


@pytest.fixture
def made(tmp_path):
    """`made("SELECT …")`: the path of a Parquet file with these rows."""

    def make(query: str) -> Path:
        path = tmp_path / "a.parquet"
        duckdb.connect().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        return path

    return make


def shown(path: Path, order: Order | None = None):
    return preview_of("a.parquet", path.stat().st_size, lambda: path.open("rb"), order=order)


def column(html: str, number: int) -> list[str]:
    rows = re.findall(r"<tr>(<td.*?)</tr>", html)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row)[number] for row in rows]


def test_the_first_rows_are_shown_with_names_and_types(made):
    preview = shown(made(f"SELECT {TYPES} FROM range(2000) t(i)"))
    assert preview.kind == "table"
    assert preview.note == "first 500 of 2,000 rows, 6 columns"
    assert preview.truncated
    kinds = re.findall(r'<span class="column-type">(.*?)</span>', preview.html)
    assert kinds == ["bigint", "decimal(21,1)", "text", "date", "true/false", "struct(a bigint[])"]
    assert column(preview.html, 2)[:2] == ["name 0", "name 1"]
    assert column(preview.html, 5)[1] == "{&#x27;a&#x27;: [1]}"
    assert len(column(preview.html, 0)) == MOST_ROWS
    assert preview.html.count('<th scope="col" class="num">') == 2


def test_the_whole_file_is_sorted_not_only_what_is_shown(made):
    preview = shown(made("SELECT (i * 7919) % 10007 AS n FROM range(10007) t(i)"), Order(0, descending=True))
    assert column(preview.html, 0)[:3] == ["10006", "10005", "10004"]
    assert preview.note == "first 500 of 10,007 rows, 1 column, sorted by “n”"
    assert preview.is_sorted


def test_names_and_cells_are_text_and_names_are_no_sql(made):
    path = made("""SELECT '<script>1</script>' AS "<b>", 1 AS "a"" FROM x; DROP TABLE y; --" """)
    preview = shown(path, Order(1))
    assert preview.kind == "table"
    assert "<script" not in preview.html
    assert "<b>" not in preview.html
    assert "DROP TABLE y" in preview.html


def test_missing_cells_are_empty_and_last(made):
    preview = shown(made("SELECT nullif(i, 3) AS n FROM range(5) t(i)"), Order(0, descending=True))
    assert column(preview.html, 0) == ["4", "2", "1", "0", ""]


def test_a_long_cell_is_cut_and_many_columns_too(made):
    wide = ", ".join(f"1 AS c{n}" for n in range(150))
    preview = shown(made(f"SELECT repeat('x', 100000) AS long, {wide}"))
    assert column(preview.html, 0) == ["x" * 400 + "…"]
    assert preview.note == "1 row, first 100 of 151 columns"


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" + b"\xff" * 500 + b"PAR1", b"<script>1</script>" * 50]
)
def test_a_broken_file_is_a_sentence(tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    preview = shown(path)
    assert preview.kind == "binary"
    assert preview.note in {parquet.UNREADABLE, parquet.TOO_MUCH}


def test_a_table_cut_anywhere_or_with_flipped_bytes_is_a_sentence_or_a_table(made, tmp_path):
    content = made(f"SELECT {TYPES} FROM range(300) t(i)").read_bytes()
    path = tmp_path / "b.parquet"
    for step in range(1, 7):
        at = len(content) * step // 7
        path.write_bytes(content[:at] + b"\xff\x00\xff" + content[at + 3 :])
        assert shown(path).kind in {"binary", "table"}


def test_without_the_extra_the_page_says_which_one_is_missing(made, monkeypatch):
    monkeypatch.setattr(parquet, "is_installed", lambda: False)
    preview = shown(made("SELECT 1 AS n"))
    assert preview.kind == "binary"
    assert "extra “parquet”" in preview.note
    assert "pip install duckdb" in preview.note


def test_a_reader_that_takes_too_long_is_ended(made, monkeypatch, tmp_path):
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(parquet, "READER", slow)
    monkeypatch.setattr(parquet, "SECONDS", 0.3)
    assert shown(made("SELECT 1 AS n")).note == parquet.TOO_MUCH


def test_a_sort_that_takes_too_much_leaves_the_rows_as_they_are(made, monkeypatch):
    answer = parquet._answer
    monkeypatch.setattr(
        parquet, "_answer", lambda fd, order: parquet.TOO_MUCH if order else answer(fd, order)
    )
    preview = shown(made("SELECT 5 - i AS n FROM range(3) t(i)"), Order(0))
    assert column(preview.html, 0) == ["5", "4", "3"]
    assert "sorting it takes more time or memory" in preview.note


def elsewhere(path: Path, order: Order | None = None, size: int | None = None):
    """As a file comes from S3: bytes one after the other, on no disk."""
    content = path.read_bytes()
    return preview_of("a.parquet", size or len(content), lambda: io.BytesIO(content), order=order)


def test_a_table_that_is_on_no_disk_of_ours_is_fetched_and_shown(made):
    path = made("SELECT i AS n FROM range(2000) t(i)")
    assert elsewhere(path) == shown(path)
    assert column(elsewhere(path, Order(0, descending=True)).html, 0)[0] == "1999"


def test_a_table_that_is_fetched_again_for_lack_of_time_to_sort_is_fetched_once(made, monkeypatch):
    answer, copied = parquet._answer, []
    monkeypatch.setattr(
        parquet, "_answer", lambda fd, order: parquet.TOO_MUCH if order else answer(fd, order)
    )
    fetch = parquet._fetch
    monkeypatch.setattr(parquet, "_fetch", lambda *of: copied.append(1) or fetch(*of))
    preview = elsewhere(made("SELECT 5 - i AS n FROM range(3) t(i)"), Order(0))
    assert column(preview.html, 0) == ["5", "4", "3"]
    assert copied == [1]


def test_a_table_that_is_too_large_to_be_fetched_says_so_and_is_not(made, monkeypatch):
    path = made("SELECT 1 AS n")
    monkeypatch.setattr(parquet, "_fetch", None)
    preview = elsewhere(path, size=64 * 1024**2 + 1)
    assert preview.kind == "binary"
    assert preview.note == "it is larger than 64 MiB, and more is not fetched from the storage for a preview"
    monkeypatch.undo()
    assert elsewhere(path, size=64 * 1024**2).kind == "table"


def test_a_table_that_is_longer_than_was_said_is_not_fetched_without_end(made, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_FETCHED", 100)
    assert elsewhere(made("SELECT 1 AS n"), size=50).note == parquet.UNREADABLE


def test_a_storage_that_is_too_slow_is_a_sentence(made, monkeypatch):
    monkeypatch.setattr(parquet, "SECONDS", -1)
    assert elsewhere(made("SELECT 1 AS n")).note == parquet.TOO_SLOW


CONFINED = """
import json, resource, socket, sys
sys.path.insert(0, {folder!r})
import parquet_reader
parquet_reader.confine()
said = {{"memory": resource.getrlimit(resource.RLIMIT_AS), "cpu": resource.getrlimit(resource.RLIMIT_CPU)}}
try:
    bytearray(2 * 1024**3)
except MemoryError:
    said["allocated"] = "refused"
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
    said["network"] = "reached"
except OSError:
    said["network"] = "nobody"
print(json.dumps(said))
"""


def test_the_readers_process_has_little_memory_and_time_and_no_network():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        code = CONFINED.format(folder=str(parquet.READER.parent), port=server.getsockname()[1])
        said = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(said.stdout)
    assert found["memory"] == [1536 * 1024**2] * 2
    assert found["cpu"] == [10, 10]
    assert found["allocated"] == "refused"
    if sys.platform == "linux":
        assert found["network"] == "nobody"


FORBIDDEN = """
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_parquet('http://127.0.0.1:1/x')
SELECT * FROM glob('/*')
INSTALL httpfs
LOAD httpfs
ATTACH '/tmp/x.db'
COPY (SELECT 1) TO '/tmp/x'
SET enable_external_access = true
"""


@pytest.mark.parametrize("query", FORBIDDEN.strip().splitlines())
def test_duckdb_itself_may_reach_no_other_file_no_address_and_no_extension(query, monkeypatch, made, capfd):
    from jobs.previews import parquet_reader

    seen = []
    monkeypatch.setattr(parquet_reader, "confine", lambda: None)
    monkeypatch.setattr(parquet_reader, "_read", lambda connection, *_: seen.append(connection) or {})
    with made("SELECT 1 AS n").open("rb") as file:
        parquet_reader.main(file.fileno(), 0, 1, 1, 1)
    with pytest.raises(duckdb.Error, match="disabled|not allowed|locked|Cannot|cannot"):
        seen[0].execute(query)
