# One image for all of the portal's processes: `docker run … stellwerk web`. How it is run: docs/deployment.md.

FROM python:3.11-slim-bookworm AS wanted
COPY pyproject.toml portal/container/requirements.py /
RUN python3 requirements.py pyproject.toml > /requirements.txt

FROM python:3.11-slim-bookworm AS build
ENV PATH=/opt/stellwerk/venv/bin:$PATH STELLWERK_STATIC_ROOT=/opt/stellwerk/static
WORKDIR /opt/stellwerk/app
# Only what these two files say decides whether the packages are installed anew.
COPY constraints.txt /build/
COPY --from=wanted /requirements.txt /build/
RUN python3 -m venv /opt/stellwerk/venv \
    && pip install --no-cache-dir --no-compile --disable-pip-version-check --progress-bar off -q \
        -r /build/requirements.txt -c /build/constraints.txt \
    && pip uninstall -q -y setuptools pip \
    && python -m compileall -q -j 0 /opt/stellwerk/venv/lib \
    && chmod -R a+rX,go-w /opt/stellwerk/venv
# Compiled and collected now: at run time nothing of it is written, by nobody.
COPY . .
RUN python -m compileall -q -j 0 . \
    && python manage.py collectstatic --no-input --verbosity 0 \
    && chmod -R a+rX,go-w /opt/stellwerk/app /opt/stellwerk/static

FROM python:3.11-slim-bookworm
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Stellwerk" \
      org.opencontainers.image.description="Run on cluster: scripts from the desk to the team's cluster, results back" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# /data: files and keys, shared by all processes. /run/stellwerk: the sockets of web, intake and live, shared with front.
# A new volume takes its owner from here.
RUN groupadd --gid 10001 stellwerk \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin stellwerk \
    && install -d -o 10001 -g 10001 -m 0711 /data && install -d -o 10001 -g 10001 -m 0700 /run/stellwerk
ENV PATH=/opt/stellwerk/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    STELLWERK_HOME=/data \
    STELLWERK_STATIC_ROOT=/opt/stellwerk/static \
    STELLWERK_BIND=0.0.0.0:8000 \
    STELLWERK_ACCEL=1 \
    STELLWERK_LOCAL_CLUSTER=false
COPY --from=build /opt/stellwerk/venv /opt/stellwerk/venv
COPY --from=build /opt/stellwerk/static /opt/stellwerk/static
COPY --from=build /opt/stellwerk/app /opt/stellwerk/app
WORKDIR /opt/stellwerk/app
USER 10001:10001
VOLUME ["/data"]
HEALTHCHECK --interval=15s --timeout=20s --start-period=180s --retries=3 CMD ["python", "-m", "portal.container", "health"]
ENTRYPOINT ["python", "-m", "portal.container"]
CMD ["front"]
