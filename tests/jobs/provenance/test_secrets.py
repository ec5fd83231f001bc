"""What is taken for a secret, and what a data scientist may go on seeing."""

import time

import pytest

from jobs.provenance.secrets import arguments_of, has_secret, looks_secret, parted

BY_NAME = """
    AUTHORIZATION=x        Proxy-Authorization=x  DBPASS=x         PGPASS=x          DB_PASS=12345
    APITOKEN=x             ACCESSTOKEN=x          HFTOKEN=x        HF_TOKEN=777123   JWT=x
    MY_JWT=x               PASSCODE=x             PIN=1234         SIM_PIN=0         MYSQL_PWD=x
    DBPWD=x                db.password=x          +db.password=x   trainer/api-key=x storageAccountKey=x
    SIGNING_KEYS=a,b       API_KEYS=a,b           API_TOKENS=a,b   KENNWORT=x        GROUP_TOKEN=x
    MAX_TOKENS_API_KEY=x   DB_PASSWORD=48151623   SESSION_ID=ab1   access_key_id=x   PASSWORD=none-of-it
    SESSION_ID=8391        URL_SAS=x              PASSWD=x         PASSPHRASE=x      PASSKEY=x
    CLIENT_SECRETS=x       aws.credentials=x      AUTH=x           BEARER=x          MAIL_PW=x
    GIT_CREDS=x            COOKIE=x               SENTRY_DSN=x     MY_PAT=x          KEY=x
    ACCESSKEYS=x           privateKeys=x          ACCOUNTKEYS=x    SSHKEYS=x         ENCRYPTION_KEYS=x
"""

BY_VALUE = [
    "Bearer x",
    "curl -H 'Bearer: no' Bearer abcdef123",
    "basic aHVudGVyOng",
    "Basic dXNlcjpwYXNzd29yZA==",
    "Authorization: Bearer x",
    "X-Api-Key: x",
    "Cookie: session=x",
    "DefaultEndpointsProtocol=https;AccountName=data;AccountKey=x;EndpointSuffix=core.windows.net",
    "Driver={ODBC Driver 18};Server=db;Uid=me;Pwd=x",
    "host=db password=x",
    "host = db password = 'x'",
    "mysql://u:pa/ss@h",
    "redis://:geheim@h/0",
    "https://me@example.org:geheim@h/",
    "https://0123456789abcdef0123456789abcdef@o1.example.org/2",
    "https://hooks.slack.com/services/T0/B0/x",
    "https://h/d?token=x",
    "https://h/d?a=1&sig=x",
    "https://h/d?X-Amz-Expires=60&X-Amz-Signature=x",
    "https://h/d#access_token=x",
    "--password=x",
    "_token=x",
    "--lr 0.1 --password x",
    '{"db": {"user": "me", "password": "x"}}',
    "{user:me,password:x}",
    "user: me\npassword: x",
    "https://outlook.webhook.office.com/x",
    "https://discord.com/api/webhooks/1/x",
    "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "sk-proj-abcdefgh1234567890",
    "glpat-abcdefghij1234567890",
    "AKIAABCDEFGHIJKLMNOP",
    "dapi0123456789abcdef0123456789abcdef",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.abc",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
]

HARMLESS = """
    MAX_TOKENS=512         max_new_tokens=128     n_tokens=7          image_tokens=256      pad_token=<pad>
    eos_token_id=2         token_dropout=0.1      token_type=bpe      TOKENIZER=bert        NUM_TOKENS=128k
    TOKENIZERS_PARALLELISM=false                  PASSES=3            n_pass=2              lowpass=0.5
    BYPASS_CACHE=1         pass_rate=0.9          PIN_MEMORY=true     PINNED=1              KEYS=a,b
    PRIMARY_KEY=id         key_dim=64             sort_key=date       prng_key=0            monkey=x
    KEYBOARD=de            SEED=1                 session=2           USE_AUTH_TOKEN=true   TOKEN=
    AUTHOR=Ann             MODE=task-2            X=sk-learn-pipeline-v1                    X=hf_transformers
    URL=https://host/a:b@c URL=https://h/?page=2&sort=up              URL=http://h:8080/a@b URL=s3://data/a.csv
    X=http://h:5000/i@sha256:ab                   X=http://h:8080,g:81/x@y                  X=a/key.csv
    X=ssh://git@h:22/a@v1  X=mongodb://h1:27017,h2:27017/d            X=max_tokens=5        MONKEY=key
    X=https://www.example.org?m=me@x.org           X=https://h?at=12:30&m=a@b     token_classifier.lr=1
    bos_token=<s>          unk_token=<u>          mask_token=<m>      sep_token=<x>         special_tokens=<a>
    foreign_key=id         join_key=id            group_key=id        key_columns=a,b       --partition-key=day
    COMPASS=n              OVERPASS_URL=http://h/ single_pass=x       forward_pass=x        max_tokens=128k
    SECOND_PASS=true-ish   x=note:key             lr=1e-3              MODEL=hf_transformers_base_cased
"""


@pytest.mark.parametrize("typed", BY_NAME.split())
def test_a_name_gives_a_secret_away(typed):
    name, _, value = typed.partition("=")
    assert looks_secret(name, value)


@pytest.mark.parametrize("value", BY_VALUE)
def test_a_value_gives_itself_away(value):
    assert looks_secret("X", value)


@pytest.mark.parametrize("typed", HARMLESS.split())
def test_the_rest_stays_to_be_seen(typed):
    name, _, value = typed.partition("=")
    assert not looks_secret(name, value)


@pytest.mark.parametrize(
    "value", ["Basic training", "Answer with a sort key: value", "note: key, lock", "a = b"]
)
def test_words_are_no_secret(value):
    assert not looks_secret("PROMPT", value)


def test_variables_are_parted():
    environment = {"EXTRA": "--password=x", "JWT": "x", "MAX_TOKENS": "512"}
    assert parted(environment) == ({"MAX_TOKENS": "512"}, ["EXTRA", "JWT"])


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--token", "x"], ["--token (hidden)"]),
        (["--token=x"], ["--token=(hidden)"]),
        (["-token", "x"], ["-token (hidden)"]),
        (["-token=x"], ["-token=(hidden)"]),
        (["--token", "a", "--token", "b"], ["--token (hidden)", "--token (hidden)"]),
        (["password=x"], ["password=(hidden)"]),
        (["+db.password=x"], ["+db.password=(hidden)"]),
        (["db={user:me,password:x}"], ["db=(hidden)"]),
        (["url=mysql://u:p@h"], ["url=(hidden)"]),
        (["mysql://u:p@h/?a=1"], ["(hidden)"]),
        (["ghp_0123456789abcdef=="], ["(hidden)"]),
        (["-p", "ghp_0123456789abcdef"], ["-p (hidden)"]),
        (["--header", "Authorization: Bearer x"], ["--header (hidden)"]),
        (["-H", "Authorization: Bearer x"], ["-H (hidden)"]),
        (["-HAuthorization: Bearer x", "a.csv"], ["(hidden)", "a.csv"]),
        (["-e", "PASSWORD=x"], ["-e (hidden)"]),
        (["--extra=--password=x"], ["--extra=(hidden)"]),
        (["--url", "https://h/?sig=x"], ["--url (hidden)"]),
    ],
)
def test_an_argument_is_shown_without_its_secret_and_warned_of(arguments, shown):
    assert [argument.shown for argument in arguments_of(arguments)] == shown
    assert has_secret(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        *[["-p", "8080"], ["-p", "x"], ["--max-tokens", "512"], ["model.max_tokens=512"], ["--pin-memory"]],
        *[["--use-auth-token"], ["--token="], ["data/key.csv"], ["--lr", "-1e-3"], ["--", "token"], ["a b", "c"]],
    ],
)  # fmt: skip
def test_other_arguments_are_shown_as_they_were_typed(arguments):
    found = list(arguments_of(arguments))
    assert [word for argument in found for word in argument.words] == arguments
    assert "(hidden)" not in " ".join(argument.shown for argument in found)
    assert not has_secret(arguments)


@pytest.mark.parametrize(
    "part",
    ["://a:", "-eyJ", "eyJaaaaaaaaaa.", "-sk-", "sk-a-", "a ", "\n", " ", "-", "a=", "token", "A", "{", "bearer ", "1"],
)  # fmt: skip
def test_the_longest_value_is_judged_at_once(part):
    # A page may show twenty jobs with five of them each.
    value = (part * 100_000)[: 100 * 1024 - 1] + "!"
    began = time.process_time()
    looks_secret(value, value)
    assert time.process_time() - began < 2
