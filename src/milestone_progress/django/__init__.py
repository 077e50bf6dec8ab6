"""Progress in a Django project: an app with the model, a store, views, the admin and a command.

Put ``"milestone_progress.django"`` into ``INSTALLED_APPS``, and say in ``MILESTONE_PROGRESS`` which
media there are. Everything happens in the host's database, and in its transactions.
"""
