from pathlib import Path
from typing import ClassVar

from django.db import migrations, models

from chat import migrations as present

_LAST = max(path.stem for path in Path(present.__path__[0]).glob("0*.py"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("chat", _LAST)]
    operations: ClassVar = [
        migrations.AddField("visit", "rating", models.SmallIntegerField(null=True)),
        migrations.AddConstraint(
            "visit",
            models.CheckConstraint(
                condition=models.Q(rating__range=(1, 5)), name="visit_rating_range"
            ),
        ),
        migrations.AddIndex("visit", models.Index(fields=["rating"], name="visit_rating_idx")),
    ]
