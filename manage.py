#!/usr/bin/env python3
"""Django's command line for this project."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit(
            "설치가 아직이에요: `make install`(또는 `make run`)을 실행하고 .venv/bin/python을 써 주세요. · "
            "The environment is not there yet: run `make install` (or `make run`) and use .venv/bin/python."
        )
    try:
        execute_from_command_line(sys.argv)
    except OSError as error:  # a disk that is full or closed can show as early as the settings
        from config.problems import explain

        problem = explain(error, os.environ.get("MOKSORI_DATA") or "var")
        if problem is None:
            raise
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
