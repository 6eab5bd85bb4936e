# One recipe for every image of the system: docker build --build-arg SERVICE=discovery .
# SERVICE: discovery, ftps, mqtt, proxy, control, or cli (the `vprinter` command).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG SERVICE
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/build.txt requirements/${SERVICE}.txt requirements/
# pip and setuptools stay in /build; the result has its own environment without them.
RUN python -m venv /build \
 && /build/bin/pip install --quiet --require-hashes -r requirements/build.txt \
 && python -m venv --without-pip /opt/vprinter \
 && /build/bin/pip --python /opt/vprinter install --quiet --only-binary :all: --require-hashes -r requirements/${SERVICE}.txt
COPY libs libs
COPY services services
COPY tools/vprinter_cli services/cli
RUN /build/bin/pip wheel --quiet --no-build-isolation --no-deps --no-index --wheel-dir /wheels ./libs/common ./services/${SERVICE} \
 && /build/bin/pip --python /opt/vprinter install --quiet --no-deps --no-index /wheels/*
# Named volumes begin as copies of these, so that they belong to the ordinary user.
RUN mkdir -p /data/blobs /data/outbox /data/virtual_printer/certs /data/nats && chmod -R 700 /data

FROM ${PYTHON_IMAGE}
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vprinter-${SERVICE}" \
      org.opencontainers.image.description="Virtual Printer: ${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm"
COPY --from=build /opt/vprinter /opt/vprinter
COPY --from=build --chown=65532:65532 /data /data
COPY --chmod=755 deploy/docker/start /usr/local/bin/vprinter-start
ENV PATH=/opt/vprinter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SERVICE=${SERVICE} \
    VPRINTER_DATA_DIR=/data
USER 65532:65532
WORKDIR /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "vprinter_common.runtime.healthcheck"]
ENTRYPOINT ["vprinter-start"]
