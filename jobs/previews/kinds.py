"""What a file is, by its name alone: content is never sniffed for anything that a browser would execute."""

import posixpath

IMAGE_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
# Pygments' name of the language. A list of ours: any of its 500 would be too many ways to be slow.
LANGUAGES = {
    ".py": "python",
    ".pyi": "python",
    ".r": "r",
    ".jl": "julia",
    ".sh": "bash",
    ".bash": "bash",
    ".sql": "sql",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".ini": "ini",
    ".cfg": "ini",
    ".conf": "ini",
    ".properties": "ini",
    ".xml": "xml",
    ".css": "css",
    ".js": "javascript",
    ".mjs": "javascript",
    ".ts": "typescript",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".hpp": "cpp",
    ".f90": "fortran",
    ".go": "go",
    ".java": "java",
    ".rs": "rust",
    ".scala": "scala",
    ".pl": "perl",
    ".rb": "ruby",
    ".lua": "lua",
    ".m": "matlab",
    ".tex": "tex",
    ".bib": "bibtex",
    ".stan": "stan",
    ".diff": "diff",
    ".patch": "diff",
    ".dockerfile": "docker",
    ".mk": "make",
}
LANGUAGES_BY_NAME = {"makefile": "make", "dockerfile": "docker"}
KINDS = {
    "image": tuple(IMAGE_TYPES),
    "table": (".csv", ".tsv", ".tab"),
    "parquet": (".parquet", ".pq"),
    "json": (".json", ".geojson", ".ndjson", ".jsonl"),
    "markdown": (".md", ".markdown"),
    "notebook": (".ipynb",),
    "html": (".html", ".htm"),
    "pdf": (".pdf",),
    "text": (".txt", ".log", ".out", ".err", ".rst", ".text", ".rmd", ".qmd"),
    "archive": (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".zst", ".rar"),
    "binary": (
        *(".bin", ".dat", ".db", ".duckdb", ".feather", ".h5", ".hdf5", ".joblib", ".mat", ".model", ".npy"),
        *(".npz", ".onnx", ".pickle", ".pkl", ".pt", ".pth", ".rda", ".rdata", ".rds", ".so"),
        *(".sqlite", ".xls", ".xlsx", ".docx", ".pptx", ".mp4", ".mp3", ".wav", ".tif", ".tiff", ".arrow"),
    ),
}
KIND_BY_EXTENSION = {extension: kind for kind, extensions in KINDS.items() for extension in extensions}


def extension_of(path: str) -> str:
    """The last extension in lower case, with its dot; empty when there is none."""
    return posixpath.splitext(path)[1].lower()


def language_of(path: str) -> str:
    """Pygments' name of the language, empty for none."""
    name = posixpath.basename(path).lower()
    return LANGUAGES_BY_NAME.get(name, "") or LANGUAGES.get(extension_of(path), "")


def kind_of(path: str) -> str:
    """A key of KINDS, `code`, or `file`: it may be text, its beginning will tell."""
    if language_of(path):
        return "code"
    return KIND_BY_EXTENSION.get(extension_of(path), "file")


def content_type_of(path: str) -> str:
    """The type under which a file may be shown in a page: pictures, PDF and HTML; all else is plain text or bytes."""
    kind = kind_of(path)
    if kind == "image":
        return IMAGE_TYPES[extension_of(path)]
    if kind == "pdf":
        return "application/pdf"
    if kind == "html":
        return "text/html"
    return (
        "application/octet-stream"
        if kind in {"archive", "binary", "file", "parquet"}
        else "text/plain; charset=utf-8"
    )
