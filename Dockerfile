# One image for every part of the studio: web, training worker, speaking worker, reconciler, setup.
#   docker build -t moksori .                       CPU
#   docker build -t moksori --build-arg TORCH=cuda .   NVIDIA GPUs (5 GB more)
FROM python:3.12.14-slim-bookworm AS libraries
ARG TORCH=cpu
ENV PIP_NO_CACHE_DIR=1 TORCH=$TORCH
WORKDIR /app
RUN python -m venv .venv
COPY requirements.txt requirements-cuda.txt ./
COPY tools/install.py tools/
RUN .venv/bin/python tools/install.py

FROM python:3.12.14-slim-bookworm
ARG TORCH=cpu
# Triton, which makes the kernels for a GPU, compiles what starts them, and loads it: /tmp is no place for programs.
RUN if [ "$TORCH" = cuda ]; then apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*; fi
ENV PYTHONUNBUFFERED=1 PATH=/app/.venv/bin:$PATH MPLCONFIGDIR=/tmp NUMBA_CACHE_DIR=/tmp TRITON_CACHE_DIR=/data/triton \
    DJANGO_SETTINGS_MODULE=config.settings MOKSORI_DATA=/data MOKSORI_STATIC=/app/static-collected
RUN useradd --system --uid 10001 --create-home --home-dir /home/moksori moksori \
    && install -d -o moksori -g moksori /data /app/static-collected
WORKDIR /app
COPY --from=libraries /app/.venv .venv
COPY . .
RUN python -m compileall -q config speech studio synthesis training
USER moksori
# Hashed and compressed static files belong to the image: every web process serves the same ones at once.
RUN MOKSORI_SECRET_KEY=only-for-collecting-static-files python manage.py collectstatic --no-input --verbosity 0
VOLUME /data
EXPOSE 8000
# The web's check; workers have their own in docker-compose.yml.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "config.web", "--host", "0.0.0.0", "--port", "8000"]
