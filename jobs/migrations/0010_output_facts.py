from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0009_forecast'),
    ]

    operations = [
        migrations.AddField(
            model_name='attempt',
            name='end_message',
            field=models.TextField(blank=True, db_default='', default='', help_text='Why the command did not start, as a shell would say it.'),
        ),
    ]
