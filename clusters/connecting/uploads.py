"""Files that hold secrets: read into memory and judged there; nothing of them touches the disk."""

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from clusters.kubernetes.kubeconfig import LARGEST


def secrets_come_in(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For a view that takes secrets: uploads stay in memory, and no error report shows what was sent.

    Upload handlers are set before the form is read, and the CSRF check reads it: so it comes after them.
    """
    protected = csrf_protect(sensitive_post_parameters()(view))

    @wraps(view)
    def prepared(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.upload_handlers = [InMemory(request)]
        return protected(request, *args, **kwargs)

    return csrf_exempt(prepared)


class InMemory(FileUploadHandler):
    """Keeps one byte more than a kubeconfig may have, so that what reads it sees that it is too large."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """The next file begins."""
        super().new_file(*args, **kwargs)
        self._content = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Goes on reading what it does not keep: the browser wants its answer."""
        if start > 64 * LARGEST:
            raise StopUpload(connection_reset=True)
        self._content.write(raw_data[: max(0, LARGEST + 1 - start)])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """The file as Django's forms take it."""
        self._content.seek(0)
        size = len(self._content.getvalue())
        return InMemoryUploadedFile(
            self._content, self.field_name, self.file_name, self.content_type, size, self.charset
        )
