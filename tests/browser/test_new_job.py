"""New job in a real browser: choose files, see what is guessed, run; and a mistake that costs nothing."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from clusters.models import Image, Profile
from jobs.models import Draft, Job
from teams.models import User
from tests import cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PATIENCE = 30_000


@pytest.fixture
def page(page_of: Callable[..., Page], alice: User, image: Image, profile: Profile) -> Page:
    """Alice's new-job page."""
    page = page_of(alice)
    page.set_default_timeout(PATIENCE)
    page.goto("/new/")
    return page


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_chosen_files_are_uploaded_the_entry_is_guessed_and_run_makes_the_job(page, tmp_path):
    files = [write(tmp_path / name, "print(1)\n") for name in ("helper.py", "train.py")]
    page.set_input_files("#id_file", files)
    page.wait_for_selector(".is-entry >> text=train.py")
    page.fill("#id_arguments", "--n 3 'two words'")
    page.wait_for_selector("#command >> text=python3 -u train.py --n 3 'two words'")
    page.click("[data-run]")
    page.wait_for_url("**/jobs/*/")
    job = Job.objects.get()
    assert (job.entry, job.arguments) == ("train.py", ["--n", "3", "two words"])
    assert {file.path for file in job.bundle.files.all()} == {"helper.py", "train.py"}


def test_a_form_from_before_is_said_to_be_one_when_it_is_opened_and_not_when_it_is_loaded_anew(
    page, tmp_path
):
    page.set_input_files("#id_file", [write(tmp_path / "train.py", "print(1)\n")])
    page.wait_for_selector(".is-entry >> text=train.py")
    page.goto("/new/")
    expect(page.locator("#resumed")).to_contain_text("train.py")
    page.reload()
    expect(page.locator(".is-entry")).to_contain_text("train.py")
    expect(page.locator("#resumed")).to_have_count(0)


def test_a_folder_that_is_dropped_keeps_its_paths_and_leaves_out_what_belongs_to_tools(page, tmp_path):
    write(tmp_path / "project/main.py", "print(1)\n")
    write(tmp_path / "project/data/a.csv", "1\n")
    write(tmp_path / "project/.git/config", "x")
    page.set_input_files("#id_folder", tmp_path / "project")
    page.wait_for_selector(".tree-folder >> text=data")
    page.wait_for_selector("[data-upload-state] >> text=2 files added. Left out: .git")
    assert set(Draft.objects.get().bundle.files.values_list("path", flat=True)) == {"main.py", "data/a.csv"}


def test_a_bad_archive_is_told_below_and_what_was_typed_and_uploaded_is_kept(page, tmp_path):
    page.set_input_files("#id_file", [write(tmp_path / "train.py", "print(1)\n")])
    page.wait_for_selector(".is-entry")
    page.fill("#id_arguments", "--keep")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../evil.py", "x")
    page.set_input_files("#id_file", [tmp_path / "bad.zip"])
    page.wait_for_selector("#error-files >> text=leads out of the folder")
    assert page.input_value("#id_arguments") == "--keep"
    page.wait_for_selector("#command >> text=--keep")
    page.reload()
    assert page.input_value("#id_arguments") == "--keep"
    assert page.locator(".tree-file").count() == 1


def test_mistakes_are_shown_while_typing_and_again_after_run_with_the_focus_on_them(page):
    page.fill("#id_arguments", "it's")
    page.wait_for_selector("#error-arguments >> text=never closed")
    assert page.get_attribute("#id_arguments", "aria-invalid") == "true"
    page.click("[data-run]")
    page.wait_for_selector("#form-errors")
    assert page.evaluate("document.activeElement.id") == "form-errors"
    page.fill("#id_arguments", "fine")
    page.wait_for_selector("#error-arguments:not(:has(p))", state="attached")
    assert not Job.objects.exists()


def test_pasted_code_runs(page):
    page.click("text=Paste code")
    page.fill("#id_code", "print('pasted')\n")
    page.click("text=Add to the files")
    page.wait_for_selector(".is-entry >> text=main.py")
    page.click("[data-run]")
    page.wait_for_url("**/jobs/*/")
    assert Job.objects.get().entry == "main.py"


def test_a_script_is_edited_in_the_page(page, tmp_path):
    page.set_input_files("#id_file", [write(tmp_path / "train.py", "print('old')\n")])
    page.click("[aria-label='Edit train.py']")
    expect(page.locator("#id_code")).to_have_value("print('old')\n", timeout=PATIENCE)
    page.fill("#id_code", "print('new')\n")
    page.click("text=Add to the files")
    expect(page.locator("#id_code")).to_have_value("", timeout=PATIENCE)
    assert Draft.objects.get().bundle.files.get().size == len("print('new')\n")


def test_nothing_serious_is_found_by_axe_in_either_theme(page, tmp_path):
    page.set_input_files("#id_file", [write(tmp_path / "train.py", "")])
    page.fill("#id_arguments", "it's")
    page.wait_for_selector("#error-arguments >> text=never closed")
    page.evaluate(
        "document.querySelectorAll('details:not([data-menu])').forEach((each) => { each.open = true; })"
    )
    page.emulate_media(reduced_motion="reduce")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []


def sign_in_elsewhere(page, site, user):
    """In another tab, which makes the tokens of this one void."""
    other = page.context.new_page()
    other.goto("/accounts/login/")
    other.fill("[name=login]", user.username)
    other.fill("[name=password]", cast.PASSWORD)
    other.click("main form button[type=submit] >> nth=-1")
    other.wait_for_url(site.url + "/")
    other.close()


def test_what_is_typed_while_signed_out_is_said_not_to_be_kept_and_saved_after_signing_in(page, site, alice):
    page.context.clear_cookies(name="sessionid")
    page.fill("#id_arguments", "typed while signed out")
    page.wait_for_selector(".saved.is-trouble >> text=You are signed out")
    page.click("[data-run]")
    page.wait_for_timeout(300)
    assert "/new/" in page.url
    sign_in_elsewhere(page, site, alice)
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.wait_for_selector(".saved:not(.is-trouble) >> text=Saved")
    assert Draft.objects.get().fields["arguments"] == "typed while signed out"
    page.set_input_files("#id_file", [])
    page.click("#draft-code summary")
    page.fill("#id_code", "print(1)")
    page.click("[data-run]")
    page.wait_for_url("**/jobs/*/")
    assert Job.objects.get().arguments == ["typed", "while", "signed", "out"]


def test_remove_all_asks_once_and_start_over_loses_nothing(page, tmp_path):
    page.set_input_files("#id_file", [write(tmp_path / "train.py", "print(1)\n")])
    page.wait_for_selector(".is-entry")
    page.click("text=Start over")
    page.wait_for_selector("text=The one before is kept")
    assert page.locator(".tree-file").count() == 0
    page.click(".other-drafts a >> text=train.py")
    page.wait_for_selector(".is-entry")
    page.click("text=Remove all")
    page.wait_for_selector("text=Really remove all?")
    assert page.locator(".tree-file").count() == 1
    page.click("text=Really remove all?")
    page.wait_for_selector(".tree-file", state="detached")
    assert page.text_content("[data-upload-state]") == ""
