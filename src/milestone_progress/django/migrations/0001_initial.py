"""The table as it was first."""

from django.db import migrations, models

import milestone_progress.django.models


class Migration(migrations.Migration):
    """Creates the table."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Progress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("namespace", milestone_progress.django.models.IdentifierField(max_length=200)),
                ("viewer", milestone_progress.django.models.IdentifierField(max_length=200)),
                ("media", milestone_progress.django.models.IdentifierField(max_length=200)),
                ("position", models.FloatField(help_text="Seconds of media.")),
                ("duration", models.FloatField(help_text="Seconds of media.", null=True)),
                ("milestone", models.FloatField(help_text="Percent.")),
                ("furthest", models.FloatField(help_text="Seconds of media.")),
                ("completed", models.BooleanField()),
                ("completed_at", models.FloatField(help_text="Unix seconds.", null=True)),
                ("played", models.TextField(help_text="Ranges of whole seconds.")),
                ("updated_at", models.FloatField(help_text="Unix seconds.")),
                ("revision", models.BigIntegerField()),
                ("generation", models.BigIntegerField()),
            ],
            options={
                "verbose_name_plural": "progress",
                "indexes": [
                    models.Index(
                        fields=["namespace", "viewer", "-updated_at", "media"],
                        name="milestone_progress_of_viewer",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("namespace", "viewer", "media"), name="milestone_progress_of_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("position__gte", 0), ("position__lte", 1000000000000.0)
                        ),
                        name="milestone_progress_position",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("duration__gt", 0), ("duration__lte", 1000000000000.0)),
                        name="milestone_progress_duration",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("milestone__gte", 0), ("milestone__lte", 100)),
                        name="milestone_progress_milestone",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("furthest__gte", 0), ("furthest__lte", 1000000000000.0)
                        ),
                        name="milestone_progress_furthest",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("completed_at__gte", 0), ("completed_at__lte", 1000000000000.0)
                        ),
                        name="milestone_progress_completed_at",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("updated_at__gte", 0), ("updated_at__lte", 1000000000000.0)
                        ),
                        name="milestone_progress_updated_at",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("revision__gte", 1), ("revision__lte", 9007199254740991)
                        ),
                        name="milestone_progress_revision",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("generation__gte", 0), ("generation__lte", 9007199254740991)
                        ),
                        name="milestone_progress_generation",
                    ),
                ],
            },
        ),
    ]
