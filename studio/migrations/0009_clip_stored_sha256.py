from django.db import migrations, models
from django.db.models import F


def fill(apps, schema_editor):
    """An imported clip was stored as it was hashed; what a browser sent may have been written anew, and stays unknown."""
    apps.get_model("studio", "Clip").objects.filter(source="import").update(stored_sha256=F("sha256"))


class Migration(migrations.Migration):
    dependencies = [
        ("studio", "0008_erasure"),
    ]

    operations = [
        migrations.AddField(
            model_name="clip",
            name="stored_sha256",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
