"""Settings of every process, read from the environment (see docs/architecture.md)."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import environ

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(env.str("STELLWERK_HOME", default=str(BASE_DIR / ".stellwerk"))).resolve()
DEBUG = env.bool("STELLWERK_DEBUG", default=False)


def _secret_key() -> str:
    """The key from the environment, or the one `make up` keeps in the home."""
    key_file = HOME / "secret-key"
    if key := env.str("SECRET_KEY", default=""):
        return key
    return key_file.read_text().strip() if key_file.exists() else "only-for-checks-and-tests-" + "x" * 40


SECRET_KEY = _secret_key()
# The first one encrypts. Without any they are read from the file, each time: another may come while we run.
CREDENTIAL_KEYS = env.list("CREDENTIAL_KEYS", default=[])
CREDENTIAL_KEY_FILE = HOME / "credential-keys"
# Where API servers of clusters may be. Link-local addresses (cloud metadata) never.
CLUSTER_PRIVATE_ADDRESSES = env.bool("CLUSTER_PRIVATE_ADDRESSES", default=True)
CLUSTER_LOOPBACK_ADDRESSES = env.bool("CLUSTER_LOOPBACK_ADDRESSES", default=False)
CLUSTER_REQUESTS_PER_SECOND = env.int("CLUSTER_REQUESTS_PER_SECOND", default=200)
BIND = env.str("STELLWERK_BIND", default="127.0.0.1:8000")
PORTAL_URL_FOR_JOBS = env.str("PORTAL_URL_FOR_JOBS", default="") or f"http://{BIND}"


def _allowed_hosts() -> list[str]:
    """What browsers use, and always what jobs and health checks use: without them nothing would run."""
    asked = env.list("STELLWERK_ALLOWED_HOSTS", default=[])
    jobs = urlsplit(PORTAL_URL_FOR_JOBS).netloc.rpartition("@")[2]
    for_jobs = jobs.rsplit(":", 1)[0] if not jobs.endswith("]") else jobs
    return [*(asked or ["127.0.0.1", "[::1]", BIND.rsplit(":", 1)[0]]), "localhost", for_jobs]


ALLOWED_HOSTS = _allowed_hosts()
CSRF_TRUSTED_ORIGINS = env.list("STELLWERK_TRUSTED_ORIGINS", default=[])
JOBS_MAY_REACH = env.list("JOBS_MAY_REACH", default=[])
# With false the seed offers no cluster "This machine": in a container scripts would run beside the portal's own.
HAS_LOCAL_CLUSTER = env.bool("STELLWERK_LOCAL_CLUSTER", default=True)
# A folder in which processes touch a file as long as they do their work; "" for none (jobs/heartbeats.py).
HEARTBEATS = env.str("STELLWERK_HEARTBEATS", default="")

INSTALLED_APPS = [
    "portal",
    "teams",
    "clusters",
    "jobs",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "django_htmx",
    "template_partials",
    "csp",
]

MIDDLEWARE = [
    "portal.middleware.request_ids",
    "portal.middleware.opener_policy_where_it_counts",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "jobs.transfers.for_people",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "teams.middleware.password_change_first",
    "teams.middleware.NoteDenied",
    "teams.middleware.auditors_change_nothing",
    "jobs.uploads.room.refused_while_full",
    "portal.middleware.refused_with_a_page",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "teams.access.may_in_templates",
            ],
            "builtins": ["portal.templatetags.stellwerk"],
        },
    }
]

# PostgreSQL is the only engine. One pool per process, as large as the process has threads that ask it at once.
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgresql://stellwerk@localhost/stellwerk")}
DATABASES["default"] |= {
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": DATABASES["default"].get("OPTIONS", {})
    | {
        # A lock that is held is waited for five seconds; then the caller tries its transaction again.
        "options": "-c lock_timeout=5s -c idle_in_transaction_session_timeout=60s",
        "pool": {"min_size": 1, "max_size": env.int("STELLWERK_DB_POOL", default=10), "timeout": 10},
    },
}
# The role that the portal runs as where `migrate` runs as another, the owner of the tables (teams/audit/grants.py).
DATABASE_APP_ROLE = env.str("STELLWERK_DB_APP_ROLE", default="")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _celery_url(url: str) -> str:
    """Celery spells a Unix socket `redis+socket://…?virtual_host=0`, redis-py `unix://…?db=0`."""
    if not url.startswith("unix://"):
        return url
    parts = urlsplit(url)
    number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={number}"


REDIS_URL = env.str("REDIS_URL", default="redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "portal.cache.ForgivingCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "stellwerk",
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600

# With a token, /metrics answers who shows it (Authorization: Bearer …); without one there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

CELERY_BROKER_URL = _celery_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    # A publish is only a hint: it may not hold a web request (fault 12).
    "retry_policy": {"timeout": 1.0},
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
SWEEP_SECONDS = env.float("STELLWERK_SWEEP_SECONDS", default=5.0)

AUTH_USER_MODEL = "teams.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "job_list"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_ADAPTER = "teams.accounts.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "10/m/ip,5/5m/key"}
# nginx sets exactly one X-Forwarded-For entry (the peer's address).
ALLAUTH_TRUSTED_PROXY_COUNT = 1
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

LANGUAGE_CODE = "en"
TIME_ZONE = env.str("TZ", default="UTC").lstrip(":") or "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STELLWERK_STATIC_ROOT", default="") or HOME / "static")
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": HOME / "files"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = HOME / "files"
FILE_UPLOAD_TEMP_DIR = env.str("STELLWERK_UPLOAD_TEMP_DIR", default="") or None
FILE_UPLOAD_HANDLERS = ["jobs.uploads.handler.HashingUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FILES = 5000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12000
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
# Files go out through nginx (X-Accel-Redirect) where it stands in front.
SEND_FILES_BY_ACCEL = env.bool("STELLWERK_ACCEL", default=False)

KIB, MIB, GIB = 1024, 1024**2, 1024**3
UPLOAD_MAX_FILES = env.int("UPLOAD_MAX_FILES", default=2000)
UPLOAD_MAX_FILE_BYTES = env.int("UPLOAD_MAX_FILE_BYTES", default=4 * GIB)
UPLOAD_MAX_TOTAL_BYTES = env.int("UPLOAD_MAX_TOTAL_BYTES", default=8 * GIB)
UPLOAD_MAX_ARCHIVE_ENTRIES = env.int("UPLOAD_MAX_ARCHIVE_ENTRIES", default=5000)
UPLOAD_MAX_ARCHIVE_RATIO = env.int("UPLOAD_MAX_ARCHIVE_RATIO", default=200)
UPLOAD_MAX_PATH_LENGTH = env.int("UPLOAD_MAX_PATH_LENGTH", default=240)
# Unsent forms that nobody touched for so long are forgotten with their files.
DRAFT_DAYS = env.int("DRAFT_DAYS", default=14)
# How long the database may lag behind the stored output (jobs/output/growth.py); the intake process has its own.
OUTPUT_SIZE_SECONDS = 0.0
OUTPUT_MAX_BYTES = env.int("OUTPUT_MAX_BYTES", default=256 * MIB)
RESULT_MAX_BYTES = env.int("RESULT_MAX_BYTES", default=16 * GIB)
RESULT_MAX_FILES = env.int("RESULT_MAX_FILES", default=5000)
# S3-compatible storage for results; without a bucket they stay on the disk (jobs/store.py).
RESULT_STORE_BUCKET = env.str("RESULT_STORE_BUCKET", default="")
RESULT_STORE_ENDPOINT = env.str("RESULT_STORE_ENDPOINT", default="")
RESULT_STORE_REGION = env.str("RESULT_STORE_REGION", default="us-east-1")
RESULT_STORE_KEY_ID = env.str("RESULT_STORE_KEY_ID", default="")
RESULT_STORE_SECRET = env.str("RESULT_STORE_SECRET", default="")
# Under which address browsers and jobs reach the storage themselves; "": through the portal.
RESULT_STORE_FOR_PEOPLE = env.str("RESULT_STORE_FOR_PEOPLE", default="")
RESULT_STORE_FOR_JOBS = env.str("RESULT_STORE_FOR_JOBS", default="")
# How long a job's results wait for room on the portal's disk, or for the portal.
RESULT_WAIT_SECONDS = env.int("RESULT_WAIT_SECONDS", default=3600)
# What new jobs leave out of their results unless their form says otherwise.
RESULT_EXCLUDE = env.list("RESULT_EXCLUDE", default=["*.tmp", "*.part", ".git/", ".venv/", "node_modules/"])
# Below this much free space no upload is accepted and no job is started.
STORAGE_RESERVE_BYTES = env.int("STORAGE_RESERVE_BYTES", default=200 * MIB)
JOB_TIME_LIMIT_SECONDS = env.int("JOB_TIME_LIMIT_SECONDS", default=24 * 3600)
JOB_GRACE_SECONDS = env.int("JOB_GRACE_SECONDS", default=30)
LOCAL_JOB_UID_BASE = env.int("LOCAL_JOB_UID_BASE", default=100_000)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'"],
    }
}
CSRF_FAILURE_VIEW = "teams.views.accounts.csrf_failure"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
SESSION_COOKIE_HTTPONLY = True
# Where browsers are only expected over TLS, what they are given travels over nothing else.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(CSRF_TRUSTED_ORIGINS) and all(
    origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.logs.line_formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("STELLWERK_LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.worker.request": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
os.umask(0o027)
