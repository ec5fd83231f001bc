"""What to paste where the portal has no account yet, for the namespace and mode that are being chosen."""

import pytest
import yaml

from clusters.connecting import outside


@pytest.mark.parametrize("mode", ["one", "prepared", "made"])
def test_the_yaml_is_that_of_the_namespace_and_mode(admin, text, mode):
    query = {"namespace": "analytics", "space_mode": mode}
    page = text(admin.get("/clusters/connect/paste/", query))
    assert page.lstrip().startswith('<div id="cluster-paste">')
    assert "name: analytics" in page
    assert "kubectl -n analytics" in page
    assert f"space_mode={mode}" in page


def test_what_cannot_be_a_namespace_is_replaced_by_the_usual_one(admin, text):
    page = text(admin.get("/clusters/connect/paste/", {"namespace": "<script>", "space_mode": "x"}))
    assert "name: stellwerk" in page
    assert "<script>" not in page


def test_it_is_downloaded_as_a_file_that_kubectl_takes(admin):
    response = admin.get("/clusters/connect/paste.yaml", {"namespace": "analytics", "space_mode": "one"})
    assert response["Content-Disposition"] == 'attachment; filename="stellwerk-analytics.yaml"'
    documents = list(yaml.safe_load_all(response.content))
    assert response.content.decode() == outside.paste("analytics", "one", with_nodes=False)
    assert documents[0]["kind"] == "Namespace"


def test_seeing_the_nodes_is_a_choice(admin, monkeypatch, text):
    monkeypatch.setattr(outside, "paste", lambda namespace, mode, with_nodes: f"nodes: {with_nodes}")
    assert "nodes: False" in text(admin.get("/clusters/connect/paste/"))
    page = text(admin.get("/clusters/connect/paste/", {"with_nodes": "on"}))
    assert "nodes: True" in page
    assert "with_nodes=on" in page
