"""Jobs beside each other."""

import csv
import io
import re

import pytest

from jobs.models import Metric


@pytest.fixture
def compare(client_of, alice):
    def page(jobs, more="", client=None):
        ids = ",".join(str(job.pk) for job in jobs)
        return (client or client_of(alice)).get(f"/jobs/compare/?ids={ids}{more}")

    return page


def with_metrics(job, make_attempt, **last):
    attempt = make_attempt(job)
    for name, value in last.items():
        curve = {"steps": [0, 1], "values": [1, value], "lowest": value, "highest": value}
        Metric.objects.create(attempt=attempt, name=name, count=2, last=value, **curve)
    return job


def cells(page, label):
    row = re.search(rf"<tr[^>]*>\s*<th scope=\"row\"><a [^>]*>{re.escape(label)}(.*?)</tr>", page, re.S)[1]
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td class.*?</td>", row, re.S)]


def test_arguments_variables_and_hashes_are_rows(make_job, compare):
    one = make_job(arguments=["--lr", "0.1", "--fast", "data.csv"], environment={"SEED": "1"})
    two = make_job(arguments=["--lr=0.2", "data.csv"], files={"main.py": b"2\n"})
    page = compare([one, two]).content.decode()
    assert cells(page, "--lr") == ["0.1", "0.2"]
    assert cells(page, "--fast") == ["data.csv", "–"]
    assert cells(page, "variable SEED") == ["1", "–"]
    hashes = cells(page, "Script’s hash")
    assert hashes[0] != hashes[1]
    assert cells(page, "Image") == ["local/python", "local/python"]


def test_what_differs_is_marked_and_can_be_shown_alone(make_job, compare):
    jobs = [make_job(arguments=["--lr", rate]) for rate in ("0.1", "0.2")]
    page = compare(jobs).content.decode()
    assert re.search(r'<tr class="differs">\s*<th scope="row"><a [^>]*>--lr', page)
    assert not re.search(r'<tr class="differs">\s*<th scope="row"><a [^>]*>Profile', page)
    alone = compare(jobs, "&only=differing").content.decode()
    assert ">--lr" in alone
    assert ">Profile" not in alone


def test_secrets_are_hidden_and_still_differ(make_job, compare):
    jobs = [make_job(environment={"TOKEN": value}) for value in ("hunter1", "hunter2")]
    page = compare(jobs).content.decode()
    assert "hunter" not in page
    assert re.search(r'<tr class="differs">\s*<th scope="row"><a [^>]*>variable TOKEN', page)


def test_the_best_value_is_named(make_job, make_attempt, compare):
    jobs = [with_metrics(make_job(), make_attempt, loss=loss, odd=loss) for loss in (0.5, 0.25)]
    page = compare(jobs).content.decode()
    assert cells(page, "loss") == ["0.5", "0.25 best"]
    assert cells(page, "odd") == ["0.5", "0.25"]


def test_curves_lie_over_each_other(make_job, make_attempt, compare):
    jobs = [with_metrics(make_job(), make_attempt, loss=loss) for loss in (0.5, 0.25)]
    page = compare(jobs).content.decode()
    assert page.count("data-curve-canvas") == 1
    assert page.count('data-curve-look="') == 2


def test_a_row_puts_the_jobs_in_its_order(make_job, make_attempt, compare):
    jobs = [with_metrics(make_job(), make_attempt, loss=loss) for loss in (0.5, 0.25, 0.75)]
    jobs.append(make_job())
    up = compare(jobs, "&sort=Metrics: loss").content.decode()
    assert cells(up, "loss") == ["0.25 best", "0.5", "0.75", "–"]
    down = compare(jobs, "&sort=Metrics: loss&down=1").content.decode()
    assert cells(down, "loss") == ["0.75", "0.5", "0.25 best", "–"]


def test_foreign_jobs_are_as_missing_ones(make_job, compare, client_of, charlie):
    own, foreign = make_job(owner=charlie), make_job(name="secret plan")
    client = client_of(charlie)
    with_foreign = compare([own, foreign], client=client).content.decode()
    missing = client.get(f"/jobs/compare/?ids={own.pk},{foreign.pk + 1000}").content.decode()
    assert "secret plan" not in with_foreign
    assert "1 of the jobs is not there, or not yours to see." in with_foreign
    one, other = (
        re.sub(r"ids=[\d,]+|value=\"\w{64}\"|data-now=\"\d+\"", "", page) for page in (with_foreign, missing)
    )
    assert one == other
    assert compare([foreign], client=client).status_code == 404
    assert client.get(f"/jobs/compare.csv?ids={foreign.pk}").status_code == 404


def test_of_one_job_nothing_is_said_to_be_the_same_in_all(make_job, compare):
    assert "Only what differs" in compare([make_job(), make_job()]).content.decode()
    page = compare([make_job()]).content.decode()
    assert "This is one job." in page
    assert "Only what differs" not in page


def test_twenty_at_most_and_it_says_so(make_job, compare):
    jobs = [make_job() for _ in range(22)]
    page = compare(jobs).content.decode()
    assert "20 jobs compared" in page
    assert "2 more were left out" in page


@pytest.mark.parametrize("ids", ["", "x", "0,-1,99999999999999999999", "1'; --"])
def test_without_ids_it_says_how_to_choose(client_of, alice, ids):
    page = client_of(alice).get("/jobs/compare/", {"ids": ids}).content.decode()
    assert "Select 2 to 20 jobs in the list" in page


def test_the_lists_form_leads_to_a_permalink(make_job, client_of, alice):
    one, two = make_job(), make_job()
    response = client_of(alice).post("/jobs/bulk/", {"action": "compare", "job": [one.pk, two.pk]})
    assert response["Location"] == f"/jobs/compare/?ids={one.pk},{two.pk}"


def test_a_colleagues_jobs_can_be_selected(make_job, client_of, bob):
    job = make_job()
    page = client_of(bob).get("/").content.decode()
    assert f'name="job" value="{job.pk}"' in page
    assert 'value="compare"' in page


def test_the_file_runs_nothing_in_a_spreadsheet(make_job, make_attempt, client_of, alice):
    job = with_metrics(make_job(name="=cmd()", arguments=["--x", "=1+1"]), make_attempt, loss=0.1 + 0.2)
    response = client_of(alice).get(f"/jobs/compare.csv?ids={job.pk}")
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))
    assert rows[0] == ["Group", "What", "Differs", f"'=cmd() ({job.pk})"]
    assert ["Parameters", "'--x", "no", "'=1+1"] in rows
    assert ["Metrics", "loss", "no", "0.30000000000000004"] in rows


def test_two_lead_to_what_changed(make_job, compare):
    jobs = [make_job(), make_job()]
    assert f"/jobs/{jobs[1].pk}/changes/?since={jobs[0].pk}" in compare(jobs).content.decode()


def test_it_asks_the_same_number_of_questions_for_two_and_for_twenty(
    make_job, make_attempt, client_of, alice, django_assert_max_num_queries
):
    jobs = [with_metrics(make_job(), make_attempt, loss=number) for number in range(20)]
    client = client_of(alice)
    for some in (jobs[:2], jobs):
        with django_assert_max_num_queries(14):
            client.get(f"/jobs/compare/?ids={','.join(str(job.pk) for job in some)}")


def test_each_status_stands_once_at_the_top_of_its_column_and_in_the_export(
    make_job, compare, client_of, alice
):
    jobs = [make_job(status=status, name="train") for status in ("succeeded", "failed")]
    page = compare(jobs).content.decode()
    frame = page[page.index("<table") : page.index("</table>")]
    assert (frame.count("Succeeded"), frame.count("Failed")) == (1, 1)
    export = client_of(alice).get(f"/jobs/compare.csv?ids={jobs[0].pk},{jobs[1].pk}")
    assert "Outcome,Status,yes,Succeeded,Failed" in b"".join(export).decode()


def test_a_metric_of_the_name_status_is_compared(make_job, make_attempt, compare):
    jobs = [with_metrics(make_job(), make_attempt, Status=value) for value in (1.0, 2.0)]
    assert cells(compare(jobs).content.decode(), "Status") == ["1", "2"]
