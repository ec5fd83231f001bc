from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clusters", "0003_cluster_offers_and_health")]

    operations = [
        migrations.AddField(
            model_name="cluster",
            name="removed_at",
            field=models.DateTimeField(
                blank=True,
                help_text="It is kept for the jobs that ran there, and for nothing else.",
                null=True,
            ),
        ),
    ]
