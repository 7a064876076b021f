"""The settings of a test session: the project's own, in a data folder of their own that goes away afterwards.

pytest-django reads settings before any conftest.py, so the environment is set here. A child process (a Celery worker,
`manage.py`) inherits it, and thereby works on the same database, files and Redis as the test that started it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_FOLDER = "MOKSORI_TESTS_FOLDER"
_FOREIGN = ("MOKSORI_", "DATABASE_URL", "REDIS_URL", "S3_", "AWS_")

if _FOLDER not in os.environ:  # the first process of the session; workers of pytest-xdist inherit the variable
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="moksori-")
    atexit.register(shutil.rmtree, os.environ[_FOLDER], ignore_errors=True)

_data = Path(os.environ[_FOLDER]) / os.environ.get("PYTEST_XDIST_WORKER", "main")
(_data / "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns when it is not there
if os.environ.get("MOKSORI_DATA") != str(_data):
    for _name in list(os.environ):
        if _name.startswith(_FOREIGN) and _name not in {_FOLDER, "MOKSORI_LMY"}:
            del os.environ[_name]
    os.environ["MOKSORI_DATA"] = str(_data)
    os.environ["MOKSORI_SECRET_KEY"] = "a key for tests only, long enough for Django's own check of its length"
    os.environ["REDIS_URL"] = f"unix://{_data}/redis/redis.sock"

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file and not Django's in-memory default: threads and worker processes have to see the same rows.
    DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}
