from itertools import count

from django.db import migrations, models


def tell_apart(apps, schema_editor):
    """Bases of one name and kind get a number behind it, the oldest excepted: voices and runs hold on to the rows."""
    bases = (
        apps.get_model("training", "Checkpoint").objects.filter(run=None).exclude(name="").order_by("created_at", "id")
    )
    taken = set(bases.values_list("name", "kind"))
    seen = set()
    for base in bases:
        if (base.name, base.kind) in seen:
            free = (f"{base.name[:110]} {number}" for number in count(2))
            base.name = next(name for name in free if (name, base.kind) not in taken)
            taken.add((base.name, base.kind))
            base.save(update_fields=["name"])
        seen.add((base.name, base.kind))


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0002_checkpoint_front_end"),
    ]

    operations = [
        migrations.RunPython(tell_apart, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="checkpoint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("run__isnull", True), models.Q(("name", ""), _negated=True)),
                fields=("name", "kind"),
                name="one_base_per_name",
            ),
        ),
    ]
