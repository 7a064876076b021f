# `make run`: the whole studio on this machine.   `make test`: every check.   Needs Python 3.11 or newer and make.
.POSIX:
.SUFFIXES:
.PHONY: run install test lint bench messages requirements clean help

PORT = 8000
VENV = .venv
BENCH =
PYTHON = $(VENV)/bin/python

run: $(VENV)/ready
	@$(PYTHON) -c '' 2>/dev/null || { echo '.venv가 망가졌어요: make clean run · .venv is broken: make clean run' >&2; exit 1; }
	@exec $(PYTHON) manage.py up --port $(PORT)

install: $(VENV)/ready

test: $(VENV)/ready-dev
	@$(PYTHON) tools/check.py

lint: $(VENV)/ready-dev
	@$(PYTHON) tools/check.py lint

bench: $(VENV)/ready-dev
	@$(PYTHON) bench/all.py $(BENCH)

messages: $(VENV)/ready-dev
	@$(PYTHON) manage.py makemessages --locale en --no-location --no-wrap --ignore '.venv*' --ignore var
	@$(PYTHON) manage.py compilemessages --locale en --locale ko --ignore '.venv*' --ignore var

requirements:
	@sh tools/environment.sh .venv-pin
	@.venv-pin/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@PATH="$$PWD/.venv-pin/bin:$$PATH" .venv-pin/bin/python tools/pin.py

clean:
	rm -rf $(VENV) .venv-pin .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

help:
	@echo 'make run [PORT=8001]   모두 켜기 · run everything'
	@echo 'make test              모든 검사 · every check'
	@echo 'make install lint bench messages requirements clean'

$(VENV)/ready: requirements.txt requirements-cuda.txt tools/install.py tools/environment.sh
	@sh tools/environment.sh $(VENV)
	@echo '라이브러리를 설치해요(처음엔 몇 분 걸려요) · Installing libraries (a few minutes the first time) …'
	@PIP_NO_COMPILE=1 $(PYTHON) tools/install.py
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt tools/system.sh
	@sh tools/system.sh
	@PIP_NO_COMPILE=1 $(PYTHON) tools/install.py --dev
	@touch $@
