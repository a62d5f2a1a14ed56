# The product without its stand-ins: `docker build -t onephone .`, then one container each for
# `api` (the default), `worker` and, before a new release starts, `migrate`. Settings come from the environment;
# DATABASE_OWNER_URL is given to `migrate` alone, so that no serving container can rewrite history.

FROM python:3.11-slim AS packages
# An environment of its own can be copied whole into the next stage, without pip's traces.
RUN python -m venv /packages
COPY requirements-base.lock /
RUN /packages/bin/python -m pip install --no-cache-dir --require-hashes -r /requirements-base.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home onephone
ENV PATH=/packages/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 API_HOST=0.0.0.0 API_PORT=8000
COPY --from=packages /packages /packages
WORKDIR /onephone
COPY . .
USER 10001
EXPOSE 8000
# A worker has no port to ask, so it passes; whether it works shows in the age of the oldest waiting job.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", "import os, urllib.request; b'api' in open('/proc/1/cmdline', 'rb').read() and urllib.request.urlopen('http://127.0.0.1:' + os.environ['API_PORT'] + '/health/live', timeout=2)"]
ENTRYPOINT ["python", "-m", "onephone"]
CMD ["api"]
