"""`/health/`: what a load balancer and the container's health check ask."""

import pytest
from django.db import OperationalError, connection


@pytest.mark.django_db
def test_a_portal_with_its_database_is_well(client):
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


def test_without_its_database_it_says_so_and_no_more(client, monkeypatch):
    def refuse() -> None:
        raise OperationalError("connection to server at 10.1.2.3 failed: password of stellwerk")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()) == (503, {"error": "The database does not answer."})
