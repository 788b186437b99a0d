# The image of worker, serve and the command line. Tags may move: to pin by content, append `@sha256:...`, which
# `docker buildx imagetools inspect python:3.13.7-slim-bookworm` prints.
FROM python:3.13.7-slim-bookworm AS build
WORKDIR /source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv /opt/argosy && \
    /opt/argosy/bin/pip install --require-hashes --only-binary :all: -r requirements/run.txt && \
    python -m venv /opt/build && \
    /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt
# What .dockerignore lets in, which is the sources and nothing else.
COPY . .
RUN /opt/build/bin/python -m hatchling build -t wheel -d /tmp/wheel && \
    /opt/argosy/bin/pip install --no-deps /tmp/wheel/*.whl && \
    /opt/argosy/bin/python -m compileall -q /opt/argosy/lib

FROM python:3.13.7-slim-bookworm
LABEL org.opencontainers.image.title="Argosy" org.opencontainers.image.licenses="Apache-2.0"
# A fixed number, so that volumes and security policies can name it; nothing in the image belongs to it.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin argosy
COPY --from=build /opt/argosy /opt/argosy
ENV PATH=/opt/argosy/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
ENTRYPOINT ["argosy"]
CMD ["worker", "run"]
