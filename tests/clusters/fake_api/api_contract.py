"""What Stellwerk relies on of an API server. The fake one and a real cluster pass the same tests.

A test module inherits ApiContract and gives fixtures: `api` (an admin's clusters.kubernetes.api.Api) and `space` (the
name of an empty namespace). Pods' image may be one that no cluster can pull: nothing here waits for a script.
"""

import itertools
import time

import pytest

from clusters.kubernetes.api import ApiRefused

_numbers = itertools.count(1)


def job(name: str, **labels) -> dict:
    """A Job of one pod that never starts."""
    container = {"name": "main", "image": "nowhere.invalid/nothing:1", "command": ["true"]}
    pod = {"restartPolicy": "Never", "containers": [container], "terminationGracePeriodSeconds": 0}
    spec = {"backoffLimit": 0, "podReplacementPolicy": "Failed", "template": {"spec": pod}}
    metadata = {"name": name, "labels": {"test": "contract", **labels}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def config_map(name: str, **more) -> dict:
    metadata = {"name": name, "labels": {"test": "contract"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}, **more}


def until(condition, seconds: float = 30.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


class ApiContract:
    @pytest.fixture
    def jobs(self, space):
        return f"/apis/batch/v1/namespaces/{space}/jobs"

    @pytest.fixture
    def maps(self, space):
        return f"/api/v1/namespaces/{space}/configmaps"

    @pytest.fixture
    def pods(self, space):
        return f"/api/v1/namespaces/{space}/pods"

    def test_what_is_created_can_be_read_and_has_a_uid_and_a_version(self, api, maps):
        made = api.post(maps, config_map("one"))
        assert made["metadata"]["uid"]
        assert int(made["metadata"]["resourceVersion"]) > 0
        assert api.get(f"{maps}/one")["metadata"]["uid"] == made["metadata"]["uid"]

    def test_a_second_create_of_a_name_says_that_it_exists(self, api, maps):
        api.post(maps, config_map("one"))
        with pytest.raises(ApiRefused) as refused:
            api.post(maps, config_map("one"))
        assert (refused.value.status, refused.value.reason) == (409, "AlreadyExists")

    def test_what_is_missing_is_not_found(self, api, jobs):
        for act in (
            lambda: api.get(f"{jobs}/nothing"),
            lambda: api.patch(f"{jobs}/nothing", {"spec": {"suspend": True}}),
            lambda: api.delete(f"{jobs}/nothing", {}),
        ):
            with pytest.raises(ApiRefused) as refused:
                act()
            assert (refused.value.status, refused.value.reason) == (404, "NotFound")

    def test_nothing_is_created_in_a_namespace_that_is_not_there(self, api):
        with pytest.raises(ApiRefused) as refused:
            api.post("/api/v1/namespaces/sw-is-not-there/configmaps", config_map("one"))
        assert (refused.value.status, refused.value.reason) == (404, "NotFound")

    def test_what_no_object_can_be_is_invalid(self, api, jobs):
        broken = job("fine")
        broken["spec"]["template"]["spec"]["containers"] = []
        for manifest in (job("Not A Name"), broken, job("fine", stays="no label")):
            with pytest.raises(ApiRefused) as refused:
                api.post(jobs, manifest)
            assert (refused.value.status, refused.value.reason) == (422, "Invalid")

    def test_a_patch_with_an_old_version_conflicts_and_one_without_merges(self, api, maps):
        made = api.post(maps, config_map("one"))
        api.patch(f"{maps}/one", {"data": {"b": "2"}, "metadata": {"labels": {"test": None, "x": "y"}}})
        found = api.get(f"{maps}/one")
        assert found["data"] == {"a": "1", "b": "2"}
        assert found["metadata"]["labels"] == {"x": "y"}
        old = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"c": "3"}}
        with pytest.raises(ApiRefused) as refused:
            api.patch(f"{maps}/one", old)
        assert (refused.value.status, refused.value.reason) == (409, "Conflict")

    def test_a_delete_for_another_uid_conflicts(self, api, maps):
        made = api.post(maps, config_map("one"))
        with pytest.raises(ApiRefused) as refused:
            api.delete(f"{maps}/one", {"preconditions": {"uid": "another"}})
        assert (refused.value.status, refused.value.reason) == (409, "Conflict")
        api.delete(f"{maps}/one", {"preconditions": {"uid": made["metadata"]["uid"]}})
        with pytest.raises(ApiRefused, match="not found"):
            api.get(f"{maps}/one")

    def test_those_with_a_label_are_deleted_together_and_told(self, api, jobs, pods):
        for name in ("one", "two", "three"):
            api.post(jobs, job(name, work=name))
        query = {"labelSelector": "test=contract,work in (one,three,nothing)"}
        answer = api.call("DELETE", jobs, query, {"propagationPolicy": "Background"})
        assert {item["metadata"]["name"] for item in answer["items"]} == {"one", "three"}
        assert [item["metadata"]["name"] for item in api.get(jobs)["items"]] == ["two"]
        pod_of_one = {"labelSelector": "batch.kubernetes.io/job-name=one"}
        until(lambda: not api.get(pods, pod_of_one)["items"])
        assert api.call("DELETE", jobs, query, {"propagationPolicy": "Background"})["items"] == []

    def test_lists_come_in_pages_and_by_label_and_name(self, api, maps):
        for number in range(5):
            api.post(maps, config_map(f"m{number}"))
        selector = {"labelSelector": "test=contract"}
        pages = list(api.list(maps, {**selector, "limit": 2}))
        assert [len(page["items"]) for page in pages] == [2, 2, 1]
        assert {item["metadata"]["name"] for page in pages for item in page["items"]} == {
            f"m{number}" for number in range(5)
        }
        assert api.get(maps, {"labelSelector": "test=other"})["items"] == []
        (named,) = api.get(maps, {"fieldSelector": "metadata.name=m3"})["items"]
        assert named["metadata"]["name"] == "m3"
        assert len(api.get(maps, {"labelSelector": "test in (contract,other),!missing"})["items"]) == 5

    def test_a_watch_tells_what_came_after_the_list(self, api, maps):
        api.post(maps, config_map("before"))
        version = api.get(maps)["metadata"]["resourceVersion"]
        api.post(maps, config_map("one"))
        api.patch(f"{maps}/one", {"data": {"a": "2"}})
        api.patch(f"{maps}/one", {"metadata": {"labels": {"test": "another"}}})
        api.post(maps, config_map("two"))
        api.delete(f"{maps}/two", {})
        query = {"resourceVersion": version, "labelSelector": "test=contract", "timeoutSeconds": 60}
        events = [
            (event["type"], event["object"]["metadata"]["name"])
            for event in itertools.islice(api.watch(maps, query, 30), 5)
        ]
        # What leaves the selection is told as deleted.
        assert events == [
            ("ADDED", "one"),
            ("MODIFIED", "one"),
            ("DELETED", "one"),
            ("ADDED", "two"),
            ("DELETED", "two"),
        ]

    def test_a_watch_ends_when_it_was_told_to_after_a_bookmark(self, api, maps):
        version = api.get(maps)["metadata"]["resourceVersion"]
        query = {"resourceVersion": version, "timeoutSeconds": 1, "allowWatchBookmarks": "true"}
        events = list(api.watch(maps, {**query, "labelSelector": "test=contract"}, 30))
        assert {event["type"] for event in events} <= {"BOOKMARK"}
        for event in events:
            assert int(event["object"]["metadata"]["resourceVersion"]) >= int(version)

    def test_what_is_too_long_ago_is_gone(self, api, maps):
        try:
            (event,) = itertools.islice(api.watch(maps, {"resourceVersion": "1"}, 30), 1)
        except ApiRefused as refused:
            assert (refused.status, refused.reason) == (410, "Expired")
        else:
            if event["type"] != "ERROR":
                pytest.skip("this cluster is so young that it remembers everything")
            assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")

    def test_a_job_gets_one_pod_that_belongs_to_it(self, api, jobs, pods):
        made = api.post(jobs, job("one", stays="here"))
        query = {"labelSelector": "batch.kubernetes.io/job-name=one"}
        (pod,) = until(lambda: api.get(pods, query)["items"])
        (owner,) = pod["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Job", made["metadata"]["uid"])
        assert pod["status"]["phase"] == "Pending"
        until(lambda: api.get(f"{jobs}/one")["status"].get("active") == 1)

    def test_a_suspended_job_has_no_pods_and_says_so(self, api, jobs, pods):
        api.post(jobs, job("one"))
        query = {"labelSelector": "batch.kubernetes.io/job-name=one"}
        until(lambda: api.get(pods, query)["items"])
        api.patch(f"{jobs}/one", {"spec": {"suspend": True}})
        until(lambda: not api.get(pods, query)["items"])
        status = until(
            lambda: (
                (found := api.get(f"{jobs}/one")["status"])
                and not found.get("terminating")
                and not found.get("active")
                and found
            )
        )
        assert ("Suspended", "True") in [
            (each["type"], each["status"]) for each in status.get("conditions") or []
        ]

    def test_a_pod_that_is_deleted_by_hand_fails_its_job(self, api, jobs, pods):
        api.post(jobs, job("one"))
        query = {"labelSelector": "batch.kubernetes.io/job-name=one"}
        (pod,) = until(lambda: api.get(pods, query)["items"])
        api.delete(f"{pods}/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})
        until(
            lambda: (
                "Failed"
                in {each["type"] for each in api.get(f"{jobs}/one")["status"].get("conditions") or []}
            )
        )

    @pytest.mark.parametrize(("policy", "stays"), [("Background", False), ("Orphan", True), (None, True)])
    def test_a_deleted_job_takes_its_pod_along_if_told_to(self, api, jobs, pods, policy, stays):
        api.post(jobs, job("one"))
        query = {"labelSelector": "batch.kubernetes.io/job-name=one"}
        until(lambda: api.get(pods, query)["items"])
        api.delete(f"{jobs}/one", {"propagationPolicy": policy} if policy else {})
        with pytest.raises(ApiRefused, match="not found"):
            until(lambda: api.get(f"{jobs}/one") and None)
        if stays:
            assert api.get(pods, query)["items"]
        else:
            until(lambda: not api.get(pods, query)["items"])

    def test_reviews_tell_what_one_may(self, api, space):
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        asked = {"namespace": space, "verb": "create", "group": "batch", "resource": "jobs"}
        answer = api.post(path, {"spec": {"resourceAttributes": asked}})
        assert answer["status"]["allowed"] is True
        rules = api.post(
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": space}}
        )
        assert any("*" in rule["verbs"] for rule in rules["status"]["resourceRules"])

    def test_the_server_tells_its_version_and_which_cluster_it_is(self, api):
        assert api.get("/version")["gitVersion"].startswith("v1.")
        assert api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        assert api.get("/api/v1/nodes")["items"]
