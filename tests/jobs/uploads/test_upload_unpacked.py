"""From received files to sources: every hostile archive is refused whole, and nothing stays where files arrive."""

import io

import pytest

from jobs.uploads import incoming
from jobs.uploads.fitting import fit
from jobs.uploads.handler import ReceivedFile
from jobs.uploads.limits import UploadLimits
from jobs.uploads.unpacked import Upload, unpacked
from tests.jobs.uploads import archive_corpus as corpus
from tests.jobs.uploads.archive_bytes import zip_of

LIMITS = UploadLimits()


@pytest.fixture(autouse=True)
def arriving(settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "arriving")
    return tmp_path / "arriving"


def received(path: str, content: bytes, *, inside: bool = False) -> Upload:
    file = incoming.receive(io.BytesIO(content), path)
    return Upload(path, ReceivedFile(path, file, None), is_inside_folder=inside)


def test_every_archive_of_the_corpus_is_refused_and_leaves_nothing(arriving):
    for case in corpus.cases():
        upload = received(case.file_name, case.content)
        with unpacked([upload], LIMITS) as [source]:
            assert source.refused is not None, case.name
            assert source.files == []
            assert source.refused.sentence.isprintable()
            upload.file.close()
            assert list(arriving.iterdir()) == [], case.name


def test_good_files_arrive_whole_and_are_gone_unless_somebody_stores_them(arriving):
    uploads = [
        received("a.zip", zip_of([("a.py", b"1"), ("b/c.csv", b"22")])),
        received("d.py", b"333"),
    ]
    with unpacked(uploads, LIMITS) as sources:
        found = {file.path: file.place.read_bytes() for source in sources for file in source.files}
        assert found == {"a.py": b"1", "b/c.csv": b"22", "d.py": b"333"}
    uploads[0].file.close()
    assert list(arriving.iterdir()) == []


def test_a_source_that_does_not_fit_is_refused_as_a_whole(arriving):
    uploads = [
        received("a.zip", zip_of([("new.py", b"1"), ("Train.py", b"2")])),
        received("new.py", b"3"),
    ]
    with unpacked(uploads, LIMITS) as sources:
        fit(sources, {"train.py": 1}, LIMITS)
        assert sources[0].refused is not None
        assert sources[0].files == []
        assert [file.path for file in sources[1].files] == ["new.py"]


def test_a_full_disk_while_unpacking_is_a_sentence(arriving, monkeypatch):
    def full(self, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    upload = received("a.zip", zip_of([("a.py", b"1")]))
    monkeypatch.setattr(incoming.Receiver, "write", full)
    with unpacked([upload], LIMITS) as [source]:
        assert source.refused is not None
        assert "no room" in source.refused.sentence
    upload.file.close()
    assert list(arriving.iterdir()) == []
