"""The Details tab: what was asked, where it ran, files, events."""

from jobs.models import TOLD, JobEvent


def details(client_of, user, job):
    response = client_of(user).get(f"/jobs/{job.pk}/details/")
    assert response.status_code == 200
    return response.content.decode()


def test_it_says_what_was_asked(make_job, client_of, alice):
    job = make_job(
        command=["python3", "-u", "main.py", "two words"],
        arguments=["two words"],
        environment={"SEED": "7"},
        tags=["paper"],
        time_limit_seconds=5400,
    )
    page = details(client_of, alice, job)
    assert "python3 -u main.py &#x27;two words&#x27;" in page
    assert "SEED=7" in page
    assert "1 h 30 min" in page
    assert "Python 3" in page
    assert "Small" in page


def test_it_says_where_it_ran_and_what_happened(make_job, make_attempt, client_of, alice):
    job = make_job(status="failed", exit_code=3, detail="Killed by the kernel")
    make_attempt(job)
    JobEvent.objects.create(job=job, kind="cancel_requested", sentence="Alice asked to cancel the job.")
    page = details(client_of, alice, job)
    assert "Attempt 1" in page
    assert "Killed by the kernel" in page
    assert "Alice asked to cancel the job." in page
    assert "<dt>Exit code</dt><dd>3</dd>" in page


def test_a_signal_is_named_instead_of_a_negative_exit_code(make_job, client_of, alice):
    page = details(client_of, alice, make_job(status="cancelled", exit_code=-15))
    assert "<dt>Script</dt><dd>stopped by signal 15 (SIGTERM)</dd>" in page
    assert "Exit code" not in page
    assert "signal 64 (SIGRTMAX)" in details(client_of, alice, make_job(status="failed", exit_code=-64))
    assert "by signal 250<" in details(client_of, alice, make_job(status="failed", exit_code=-250))


def test_it_lists_the_files_and_marks_the_entry(make_job, client_of, alice):
    page = details(client_of, alice, make_job(files={"main.py": b"x", "data/cars.csv": b"a,b\n" * 400}))
    assert "data/cars.csv" in page
    assert "1.6 KiB" in page
    assert page.count(">entry<") == 1


def test_a_finished_job_is_not_live(make_job, client_of, alice):
    assert "data-live-job" not in details(client_of, alice, make_job(status="succeeded"))
    assert "data-live-job" in details(client_of, alice, make_job(status="running"))


def test_without_javascript_it_reloads_itself_until_the_end(make_job, client_of, alice):
    assert 'http-equiv="refresh"' in details(client_of, alice, make_job(status="running"))
    assert 'http-equiv="refresh"' not in details(client_of, alice, make_job(status="error"))


def test_a_colleague_sees_it_and_a_stranger_gets_404(make_job, client_of, bob, charlie):
    job = make_job()
    details(client_of, bob, job)
    assert client_of(charlie).get(f"/jobs/{job.pk}/details/").status_code == 404


def test_what_the_cluster_said_is_a_table_in_its_order(make_job, client_of, alice):
    job = make_job(status="starting")
    for at, reason, kind, count in [("10:02", "BackOff", "Warning", 7), ("10:01", "Pulling", "Normal", 1)]:
        data = {"uid": reason, "kind": kind, "reason": reason, "about": "pod sw-1", "count": count}
        JobEvent.objects.create(
            job=job, kind=TOLD, at=f"2026-01-01T{at}:00Z", sentence=f"Words of <{reason}>.", data=data
        )
    JobEvent.objects.create(job=job, kind="starting", sentence="Preparing attempt 1.")
    page = details(client_of, alice, job)
    events, _, said = page.partition("What the cluster said")
    assert "Words of" not in events
    assert "Preparing attempt 1." not in said
    assert said.index("Words of &lt;Pulling&gt;.") < said.index("Words of &lt;BackOff&gt;.")
    assert '<td class="num">7</td>' in said
    assert said.count("told-warning") == 1
    assert "has said nothing" not in said


def test_where_the_cluster_said_nothing_the_page_says_why(make_job, client_of, alice):
    page = details(client_of, alice, make_job(status="running"))
    assert "This machine has said nothing about it." in page
    assert "<table" not in page
