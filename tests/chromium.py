"""Where the browser is that the browser tests drive."""

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BUNDLED = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium")
NOT_FOUND = "no Chromium found (install Debian's `chromium` or run `playwright install chromium`)"


def find_chromium() -> str | None:
    """Path of a Chromium on PATH, or of one that Playwright installed; None where there is neither."""
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return on_path or next(iter(_installed_by_playwright()), None)


def _installed_by_playwright() -> list[str]:
    asked = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    folder = Path(asked) if asked else Path.home() / ".cache" / "ms-playwright"
    return [str(path) for pattern in BUNDLED for path in sorted(folder.glob(pattern), reverse=True)]
