from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("synthesis", "0003_voice_withheld"),
    ]

    operations = [
        migrations.AddField(
            model_name="utterance",
            name="plan",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
