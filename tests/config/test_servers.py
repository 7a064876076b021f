"""The servers that the other tests lean on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import get_user_model

from tests.servers import ROOT, S3Server


def test_tests_work_in_a_data_folder_of_their_own() -> None:
    assert Path(settings.DATA_DIR) != ROOT / "var"
    assert os.environ["MOKSORI_DATA"] == str(settings.DATA_DIR)


def test_the_channel_layer_reaches_the_redis_of_the_tests(redis_url: str) -> None:
    layer = get_channel_layer()

    async def there_and_back() -> dict[str, str]:
        name = await layer.new_channel()
        await layer.send(name, {"type": "greeting", "text": "안녕하세요"})
        answer: dict[str, str] = await layer.receive(name)
        await layer.close_pools()
        return answer

    assert async_to_sync(there_and_back)()["text"] == "안녕하세요"
    assert redis.Redis.from_url(redis_url).config_get("port") == {"port": "0"}


@pytest.mark.django_db(transaction=True)
def test_a_child_process_sees_the_rows_of_the_test() -> None:
    get_user_model().objects.create_user("seen-from-a-child")
    code = "import django; django.setup(); from django.contrib.auth.models import User; print(User.objects.get())"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert answer.stdout.strip() == "seen-from-a-child", answer.stderr


@pytest.mark.servers
def test_postgresql_answers(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.servers
def test_the_s3_server_keeps_what_it_is_given(s3: S3Server) -> None:
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3.endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.put_object(Bucket=s3.bucket, Key="한글.txt", Body=b"kept")
    assert client.get_object(Bucket=s3.bucket, Key="한글.txt")["Body"].read() == b"kept"
    client.close()
