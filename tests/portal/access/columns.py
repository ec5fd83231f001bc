"""What the cells of the access matrix are made of.

Columns: a stranger without account, Alice (owner), Bob (her team), Charlie (another team), Maria (manages Alice's),
Manfred (manages Charlie's), Otto (auditor), Dana (admin). 302 for the first one is always the sign-in page.
"""

COLUMNS = ("stranger", "alice", "bob", "charlie", "maria", "manfred", "otto", "dana")

PAGE = "302 200 200 200 200 200 200 200"
OF_A_TEAM = "302 200 200 404 200 404 200 200"
READERS = "302 404 404 404 404 404 200 200"
ADMINS = "302 404 404 404 404 404 403 200"
ADMINS_SEND = "302 404 404 404 404 404 403 302"
ADMINS_ASK = (ADMINS, ADMINS)  # an empty form is answered with what is missing
ADMINS_GO = (ADMINS, ADMINS_SEND)
# Only a button, and only a page: whatever an auditor sends is refused before anything looks at it.
NO_PAGE = "302 405 405 405 405 405 405 405"
NO_BUTTON = "302 405 405 405 405 405 403 405"
NEVER = "405 405 405 405 405 405 403 405"
# What the runner talks to knows no people.
NO_TOKEN = "401 401 401 401 401 401 401 401"  # noqa: S105
NOT_THERE = "405 405 405 405 405 405 405 405"
EVERYBODY = "302 302 302 302 302 302 302 302"
