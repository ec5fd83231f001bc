# One image for all of the portal's processes: `docker run … stellwerk web`. How it is run: docs/deployment.md.

FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
COPY constraints.txt pyproject.toml portal/container/requirements.py ./
# Only what these three files say decides whether the packages are installed anew.
RUN python3 -m venv /opt/stellwerk/venv \
    && python3 requirements.py pyproject.toml > requirements.txt \
    && /opt/stellwerk/venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --progress-bar off -q \
        -r requirements.txt -c constraints.txt \
    && rm -rf /opt/stellwerk/venv/lib/python3*/site-packages/pip /opt/stellwerk/venv/lib/python3*/site-packages/pip-*

FROM python:3.11-slim-bookworm
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Stellwerk" \
      org.opencontainers.image.description="Run on cluster: scripts from the desk to the team's cluster, results back" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# /data: files and keys, shared by all processes. /run/stellwerk: the sockets of web and live, shared with front.
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
COPY --from=packages /opt/stellwerk/venv /opt/stellwerk/venv
WORKDIR /opt/stellwerk/app
COPY . .
# Compiled and collected now: at run time nothing here is written, by nobody.
RUN python -m compileall -q /opt/stellwerk/venv/lib . \
    && python manage.py collectstatic --no-input --verbosity 0 \
    && chmod -R a+rX,go-w /opt/stellwerk
USER 10001:10001
EXPOSE 8000
VOLUME ["/data"]
HEALTHCHECK --interval=10s --timeout=8s --start-period=90s --retries=3 CMD ["python", "-m", "portal.container", "health"]
ENTRYPOINT ["python", "-m", "portal.container"]
CMD ["front"]
