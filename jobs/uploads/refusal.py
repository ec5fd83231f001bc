"""How an upload is refused: always with a sentence that names the thing, and with what to do next."""

from dataclasses import dataclass

SHOWN_CHARACTERS = 80


class UploadRefused(Exception):
    """The user can act: `name` is the visible form of the path or archive, `sentence` says what is wrong,
    `advice` what to do. `is_for_space`: the disk is full, and only an admin can act."""

    is_for_space = False

    def __init__(self, name: str, sentence: str, advice: str = "") -> None:
        super().__init__(f"{sentence} {advice}".strip())
        self.name = name
        self.sentence = sentence
        self.advice = advice


@dataclass(frozen=True)
class Problem:
    """Something about a file that the user should know; only a warning does not stop the job."""

    sentence: str
    advice: str
    is_warning: bool = False


def visible(raw: str | bytes) -> str:
    """The name as it can be shown in a sentence: invisible characters escaped, shortened in the middle."""
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    if len(text) > SHOWN_CHARACTERS:
        half = SHOWN_CHARACTERS // 2
        text = f"{text[:half]}…{text[-half:]}"
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def amount(size: int) -> str:
    """Bytes for people, in binary units: `24 GiB`, `1.5 MiB`, `12 bytes`."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if value >= 10 or value == int(value) else f"{value:.1f} {unit}"


def _escaped(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
