"""Django's way in for uploads: each file streams to its place in constant memory and is judged while it arrives."""

from pathlib import Path
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from jobs.uploads import limits
from jobs.uploads.incoming import NewFile, Receiver, check_space, no_space
from jobs.uploads.refusal import UploadRefused, amount, visible


class ReceivedFile(UploadedFile):
    """An uploaded file on disk, closed, so that thousands fit into one request. `refused` says why it was not kept.

    `close`, which Django calls at the end of the request, removes it unless it was moved away.
    """

    def __init__(self, name: str, content: NewFile | None, refused: UploadRefused | None) -> None:
        super().__init__(None, name, size=content.size if content else 0)
        self.content = content
        self.refused = refused

    def temporary_file_path(self) -> str:
        """Where the content lies. ValueError: it was refused."""
        return str(self._place())

    def open(self, mode: str | None = None, *args: Any, **kwargs: Any) -> "ReceivedFile":  # noqa: ARG002
        """Open the content for reading."""
        self.file: IO[bytes] | None = self._place().open("rb")
        return self

    def close(self) -> None:
        """Idempotent."""
        if self.file:
            self.file.close()
        if self.content:
            self.content.discard()

    def _place(self) -> Path:
        if self.content is None:
            raise ValueError("the file was refused")
        return self.content.place


class HashingUploadHandler(FileUploadHandler):
    """Replaces Django's own handlers: one pass over the bytes instead of three."""

    chunk_size = 256 * 1024

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._limits = limits.from_settings()
        self._receiver: Receiver | None = None
        self._refused: UploadRefused | None = None
        self._refused_all: UploadRefused | None = None

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        """Look for free space before the first byte is written."""
        try:
            check_space(content_length, "The upload")
        except UploadRefused as refused:
            self._refused_all = refused

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """The next file begins."""
        super().new_file(*args, **kwargs)
        self._refused = self._refused_all and no_space(visible(self.file_name or ""), 0)
        self._receiver = None if self._refused else Receiver()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep the chunk, unless the file has been refused already."""
        if self._receiver is None:
            return
        try:
            self._receiver.write(raw_data)
        except OSError:
            self._refuse_for_space(self._receiver.size + len(raw_data))
            return
        if self._receiver.size > self._limits.max_file_bytes:
            self._refuse(_too_large(visible(self.file_name or ""), self._limits.max_file_bytes))

    def file_complete(self, file_size: int) -> ReceivedFile:
        """The file is whole, or refused."""
        content = None
        if self._receiver:
            try:
                content = self._receiver.finish(self.file_name or "")
            except OSError:
                self._refuse_for_space(self._receiver.size)
        self._receiver = None
        return ReceivedFile(self.file_name or "", content, self._refused)

    def upload_interrupted(self) -> None:
        """The browser went away within a file."""
        if self._receiver:
            self._receiver.abandon()
            self._receiver = None

    def _refuse_for_space(self, wanted: int) -> None:
        self._refuse(no_space(visible(self.file_name or ""), wanted))

    def _refuse(self, refused: UploadRefused) -> None:
        if self._receiver:
            self._receiver.abandon()
        self._receiver, self._refused = None, refused


def _too_large(name: str, most: int) -> UploadRefused:
    return UploadRefused(
        name,
        f"“{name}” is larger than {amount(most)}.",
        "Make it smaller, or let the script read it from where the data lives.",
    )
