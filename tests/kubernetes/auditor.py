"""Compares what the portal's tables, the cluster and the witness say. With its own SQL and its own API client."""

import base64
import json
import ssl
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import psycopg
import yaml

TERMINAL = {"succeeded", "failed", "cancelled", "error"}
JOBS = """
SELECT j.id, j.status, j.reason, j.exit_code, count(DISTINCT a.id),
       count(DISTINCT a.id) FILTER (WHERE a.removed_at IS NULL),
       array_agg(DISTINCT a.id) FILTER (WHERE a.id IS NOT NULL),
       (SELECT array_agg(e.kind ORDER BY e.id) FROM jobs_jobevent e WHERE e.job_id = j.id)
FROM jobs_job j LEFT JOIN jobs_attempt a ON a.job_id = j.id WHERE j.id = ANY(%s) GROUP BY j.id
"""
KINDS = {"jobs": "/apis/batch/v1", "pods": "/api/v1", "secrets": "/api/v1"}


class Auditor:
    """`kubeconfig` is a cluster admin's, `database` the address of the portal's own database."""

    def __init__(self, kubeconfig: str, database: str) -> None:
        self._database = database
        facts = yaml.safe_load(kubeconfig)
        cluster, user = facts["clusters"][0]["cluster"], facts["users"][0]["user"]
        self._server = cluster["server"]
        context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        self._headers = {}
        if token := user.get("token"):
            self._headers["Authorization"] = f"Bearer {token}"
        else:
            _load(context, user)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def left(self, namespace: str, installation: str) -> list[str]:
        """What the cluster still has of the installation, as kind/name."""
        found = []
        for kind, group in KINDS.items():
            path = (
                f"{group}/namespaces/{namespace}/{kind}?labelSelector=stellwerk/installation={installation}"
            )
            found += [f"{kind}/{item['metadata']['name']}" for item in self._get(path).get("items") or []]
        return found

    def problems(self, expected: dict[int, tuple[str, int, int]], witness) -> list[str]:
        """`expected`: each job's status, and how often its script starts and ends (None: whatever it was)."""
        with psycopg.connect(self._database) as connection:
            rows = connection.execute(JOBS, [list(expected)]).fetchall()
        missing = set(expected) - {row[0] for row in rows}
        found = [f"{pk} is not in the table" for pk in missing]
        for row in rows:
            found += self._of_job(row, expected[row[0]], witness)
        return found

    def _of_job(self, row, expected, witness):
        pk, status, reason, code, attempts, unremoved, _, events = row
        wanted, starts, ends = expected
        if status != wanted:
            yield f"{pk} is {status} ({reason} {code}), not {wanted}: {events}"
        for word, count in (("start", starts), ("end", ends)):
            seen = witness.count(word, pk)
            if seen > 1 or (count is not None and seen != count):
                yield f"{pk} ({status}): {seen} × {word} instead of {count}"
        if witness.count("end", pk) and status == "cancelled" and "running" not in events:
            yield f"{pk} was cancelled before it ran, and ended"
        if sum(Counter(events)[kind] for kind in TERMINAL) != 1:
            yield f"{pk} went {events}"
        if attempts > 1 or unremoved:
            yield f"{pk} has {attempts} attempts, {unremoved} of them open"

    def _get(self, path):
        request = urllib.request.Request(self._server + path, headers=self._headers)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {}
            raise


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _load(context: ssl.SSLContext, user: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name in ("client-certificate-data", "client-key-data"):
            paths.append(Path(folder) / name)
            paths[-1].touch(mode=0o600)
            paths[-1].write_text(_decoded(user[name]))
        context.load_cert_chain(*paths)
