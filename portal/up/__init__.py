"""`make up`: one supervisor that starts, watches and stops every process of the portal.

Nothing here imports Django: the supervisor stays small and starts at once.
"""
