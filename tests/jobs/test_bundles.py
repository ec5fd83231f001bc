"""Content is stored once, and swept only when nobody refers to it or is about to."""

import io
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from jobs import bundles
from jobs.models import Blob, Bundle, BundleFile, Draft
from jobs.uploads.incoming import NewFile, discarding, receive
from tests import cast

DAY = timedelta(hours=24)
LONG_AGO = timezone.now() - timedelta(days=30)


def new_file(content: bytes = b"content", path: str = "a.py") -> NewFile:
    return receive(io.BytesIO(content), path)


def age(key: str) -> None:
    """Make the content as old as thirty days."""
    moment = time.time() - 30 * 86400
    os.utime(default_storage.path(key), (moment, moment))


def copies_of(blob: Blob) -> int:
    """Files with its content. Contents that other tests left may lie in the same folder."""
    folder, _, name = blob.key.rpartition("/")
    return len([each for each in default_storage.listdir(folder)[1] if each.startswith(name)])


def test_stored_content_is_moved_not_copied_and_read_back(db):
    file = new_file(b"some content")
    inode = file.place.stat().st_ino
    blob = bundles.store([file])[file.sha256]
    assert not file.place.exists()
    assert Path(default_storage.path(blob.key)).stat().st_ino == inode
    assert (blob.size, bundles.read_head(blob.key, 4)) == (12, b"some")


def test_the_same_content_again_is_the_same_blob_and_is_touched(db):
    first = bundles.store([new_file(b"same")])
    Blob.objects.update(touched_at=LONG_AGO)
    with discarding([new_file(b"same"), new_file(b"same", "b.py")]) as arrived:
        second = bundles.store(arrived)
    assert [blob.pk for blob in first.values()] == [blob.pk for blob in second.values()]
    assert Blob.objects.get().touched_at > timezone.now() - DAY
    assert copies_of(Blob.objects.get()) == 1


def test_content_that_somebody_stored_at_the_same_moment_is_kept_once(db, monkeypatch):
    other = new_file(b"twin")
    real = bundles.touched
    calls = []

    def touched_too_early(hashes):
        calls.append(1)
        return {} if len(calls) == 1 else real(hashes)

    winner = bundles.store([new_file(b"twin")])[other.sha256]
    monkeypatch.setattr(bundles, "touched", touched_too_early)
    assert bundles.store([other])[other.sha256] == winner
    assert copies_of(winner) == 1


def test_a_bundle_is_streamed_sorted_by_path(db):
    bundle = cast.new_bundle({"b.py": b"2", "a.py": b"1"})
    found = []
    for path, size, open_file in bundles.streamed_files(bundle):
        with open_file() as file:
            found.append((path, size, file.read()))
    assert found == [("a.py", 1, b"1"), ("b.py", 1, b"2")]


def test_the_sweep_takes_content_that_nobody_refers_to_and_nobody_touched(db):
    kept = cast.new_bundle({"a.py": b"used"}).files.get().blob
    fresh, old = cast.new_blob(b"fresh"), cast.new_blob(b"old")
    Blob.objects.exclude(pk=fresh.pk).update(touched_at=LONG_AGO)
    bundles.sweep_blobs(DAY)
    assert set(Blob.objects.all()) == {kept, fresh}
    assert default_storage.exists(kept.key)
    assert default_storage.exists(fresh.key)
    assert not default_storage.exists(old.key)


def test_the_sweep_looks_again_under_the_lock(db, monkeypatch):
    blob = cast.new_blob(b"old")
    Blob.objects.update(touched_at=LONG_AGO)
    real = Blob.objects.select_for_update

    def touched_meanwhile(**options):
        bundles.touched([blob.sha256])
        return real(**options)

    monkeypatch.setattr(Blob.objects, "select_for_update", touched_meanwhile)
    bundles.sweep_blobs(DAY)
    assert Blob.objects.exists()
    assert default_storage.exists(blob.key)


def test_content_without_a_row_goes_and_content_with_one_stays(db):
    blob = cast.new_blob(b"with a row")
    orphan = default_storage.save("blobs/zz/orphan", ContentFile(b"1"))
    young = default_storage.save("blobs/zz/young", ContentFile(b"1"))
    age(blob.key)
    age(orphan)
    bundles.sweep_orphan_content(DAY)
    assert not default_storage.exists(orphan)
    assert default_storage.exists(young)
    assert default_storage.exists(blob.key)
    default_storage.delete(young)


def test_what_was_left_of_broken_off_uploads_goes_after_a_day(db):
    left, young = new_file(), new_file()
    os.utime(left.place, (1, 1))
    bundles.sweep_orphan_content(DAY)
    assert not left.place.exists()
    assert young.place.exists()
    young.discard()


def test_nothing_to_sweep_is_no_error(db):
    bundles.sweep_drafts()
    bundles.sweep_blobs(DAY)
    bundles.sweep_orphan_content(DAY)


def test_forms_that_nobody_touched_for_long_are_forgotten_with_their_files(alice, settings):
    settings.DRAFT_DAYS = 14
    old, young = (
        Draft.objects.create(owner=alice, bundle=cast.new_bundle({"a.py": b"1"}, is_frozen=False))
        for _ in range(2)
    )
    Draft.objects.filter(pk=old.pk).update(updated_at=LONG_AGO)
    bundles.sweep_drafts()
    assert list(Draft.objects.all()) == [young]
    assert list(Bundle.objects.all()) == [young.bundle]
    assert BundleFile.objects.count() == 1


def test_files_are_shared_between_bundles(db):
    source, target = cast.new_bundle({"a.py": b"1", "b.py": b"1"}), Bundle.objects.create()
    bundles.share_files(source, target)
    assert [file.path for file in target.files.all()] == ["a.py", "b.py"]
    assert Blob.objects.count() == 1


def test_content_that_is_gone_is_not_shared(db, monkeypatch):
    source, target = cast.new_bundle(), Bundle.objects.create()
    monkeypatch.setattr(type(Blob.objects.all()), "update", lambda self, **fields: 0)
    with pytest.raises(bundles.ContentGone):
        bundles.share_files(source, target)
