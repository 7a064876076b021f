"""The files for many machines. There is no container engine here: what can be wrong without one is looked for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_every_part_of_the_studio_is_a_service() -> None:
    assert {"proxy", "web", "worker-train", "worker-speak", "postgres", "redis", "storage"} <= SERVICES.keys()


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"setup"}))
def test_every_service_that_stays_tells_how_it_is(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_has_a_version(name: str) -> None:
    assert re.search(r":\d+\.\d+[\w.-]*$", SERVICES[name]["image"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_services_wait_for_services_that_exist_and_volumes_are_declared(name: str) -> None:
    assert SERVICES[name].get("depends_on", {}).keys() <= SERVICES.keys()
    volumes = {volume.split(":")[0] for volume in SERVICES[name].get("volumes", [])}
    assert {volume for volume in volumes if not volume.startswith(".")} <= COMPOSE["volumes"].keys()


def test_only_the_proxy_is_open_to_the_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert [name for name, service in SERVICES.items() if "outside" in service["networks"]] == ["proxy"]


def test_workers_share_no_folder_with_the_web_process() -> None:
    folders = [service["volumes"][0] for service in OURS.values()]
    assert len(set(folders)) == len(folders)


def test_redis_keeps_an_append_only_file() -> None:
    assert "--appendonly yes" in " ".join(SERVICES["redis"]["command"])


def test_every_secret_comes_from_the_environment_and_stands_in_the_example() -> None:
    named = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    example = dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named <= example.keys()
    assert not any(value for name, value in example.items() if name.endswith(("PASSWORD", "KEY", "KEY_ID")))


def test_the_image_runs_as_nobody_in_particular_and_tells_how_it_is() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    users = re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)
    assert users and users[-1] not in {"root", "0"}
    assert "HEALTHCHECK" in dockerfile
    assert all(re.search(r":\d+\.\d+\.\d+", line) for line in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))


def test_everything_that_the_image_copies_is_let_through_and_there() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for package in ("config", "speech", "studio", "synthesis", "training", "templates", "static", "prompts"):
        assert package in allowed
        assert (ROOT / package).is_dir()
    assert "requirements*.txt" in allowed


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed (apt-get install nginx-light)")
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    answer = subprocess.run(["nginx", "-t", "-c", file, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_the_proxy_lets_takes_and_sockets_through() -> None:
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    assert "client_max_body_size 8m;" in text
    assert "proxy_set_header Upgrade $http_upgrade;" in text
    assert "proxy_read_timeout 75s;" in text
