# The image of cqlproxy: `docker build -t cqlproxy:0.1.0 .`
#
# All that is installed is locked, with the hashes of its files (bootstrap/locks). Give the base by its digest for a
# build that can be repeated to the byte: --build-arg BASE=python@sha256:...
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY bootstrap/locks/build.txt bootstrap/locks/image.txt ./locks/
# Two environments: one that builds, and one without pip, which is all that the image takes from here.
RUN python -m venv /opt/build \
    && python -m venv --without-pip /opt/cqlproxy \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: -r locks/build.txt \
    && /opt/build/bin/pip --python /opt/cqlproxy/bin/python install --require-hashes --only-binary :all: -r locks/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY frame_codec ./frame_codec
COPY filters ./filters
COPY cqlproxy ./cqlproxy
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/build/bin/pip --python /opt/cqlproxy/bin/python install --no-deps --no-index --find-links /wheel cqlproxy

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="cqlproxy" \
      org.opencontainers.image.description="A transparent proxy for CQL that copies writes to a second cluster" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/cqlproxy /opt/cqlproxy
# Journal and state: the one place that is written to.
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/cqlproxy
ENV PATH=/opt/cqlproxy/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/cqlproxy
VOLUME ["/var/lib/cqlproxy"]
EXPOSE 9042 8080
# Twice would end it at once: see docs/clients.md, "How it ends".
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --start-interval=1s --retries=3 \
    CMD ["cqlproxy", "ready", "-c", "/etc/cqlproxy/config/proxy.yaml"]
ENTRYPOINT ["cqlproxy"]
CMD ["serve", "-c", "/etc/cqlproxy/config/proxy.yaml"]
