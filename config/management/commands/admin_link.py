"""`manage.py admin_link`: a one-time sign-in link for an admin; the first admin is made when there is none."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import preparation


class Command(BaseCommand):
    help = "관리자의 로그인 링크를 만들어요(한 번만 쓸 수 있어요). · Make a one-time sign-in link for an admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="admin", help="관리자 이름 · name of the admin (admin)")
        parser.add_argument(
            "--url", default="http://127.0.0.1:8000", help="사이트 주소 · address of the site (http://127.0.0.1:8000)"
        )

    def handle(self, *args: object, name: str = "", url: str = "", **options: object) -> None:
        try:
            admin = User.objects.get(username=name)
        except User.DoesNotExist:
            if User.objects.filter(is_staff=True).exists():
                known = ", ".join(User.objects.filter(is_staff=True).values_list("username", flat=True))
                raise CommandError(f"{name}: 그런 관리자가 없어요({known}) · There is no such admin.") from None
            admin = preparation.admin_create(name)
        if not (admin.is_staff and admin.is_active):
            raise CommandError(f"{name}: 관리자가 아니에요 · This person is not an admin.")
        self.stdout.write(preparation.sign_in_address(admin, url))
