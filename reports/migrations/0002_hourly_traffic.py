from django.db import migrations, models

METRICS = [("chats", "Chats"), ("visits", "Visits"), ("leads", "Leads")]


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_indexes")]
    operations = [
        migrations.CreateModel(
            name="HourlyTraffic",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("metric", models.CharField(choices=METRICS, max_length=8)),
                ("start", models.DateTimeField()),
                ("phase", models.CharField(max_length=10)),
                ("count", models.PositiveIntegerField()),
            ],
            options={
                "verbose_name_plural": "hourly traffic",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("metric", "start", "phase"),
                        include=("count",),
                        name="hourly_traffic_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RollUp",
            fields=[
                ("metric", models.CharField(choices=METRICS, max_length=8, primary_key=True, serialize=False)),
                ("until", models.DateTimeField(null=True)),
                ("zone", models.CharField(blank=True, max_length=64)),
            ],
        ),
    ]
