"""The portal's processes in containers: one image, `python -m portal.container <role>`.

Each role checks what it was given, waits for its servers, and becomes its process. Nothing here imports Django.
"""
