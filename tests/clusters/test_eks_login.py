"""What a kubeconfig for Amazon EKS says of the cluster in the command that it would run."""

import pytest

from clusters.kubernetes.eks_login import EksLogin, eks_login

SERVER = "https://ABC.gr7.eu-central-1.eks.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/stellwerk"


@pytest.mark.parametrize(
    ("command", "server", "found"),
    [
        (
            {
                "command": "aws",
                "args": ["--region", "us-east-1", "eks", "get-token", "--cluster-name", "lab"],
            },
            SERVER,
            EksLogin("lab", "us-east-1"),
        ),
        (
            {
                "command": "/usr/bin/aws",
                "args": ["eks", "get-token", "--cluster-name=lab", f"--role-arn={ROLE}"],
            },
            SERVER,
            EksLogin("lab", "eu-central-1", ROLE),
        ),
        (
            {
                "command": "C:\\Program Files\\aws.exe",
                "args": ["eks", "get-token", "--cluster-id", "lab"],
                "env": [{"name": "AWS_PROFILE", "value": "x"}, {"name": "AWS_REGION", "value": "eu-west-3"}],
            },
            SERVER,
            EksLogin("lab", "eu-west-3"),
        ),
        (
            {"command": "aws-iam-authenticator", "args": ["token", "-i", "lab", "-r", ROLE]},
            "https://10.0.0.1",
            EksLogin("lab", "", ROLE),
        ),
        ({"command": "aws", "args": ["eks", "get-token", "--cluster-name"]}, None, EksLogin()),
        ({"command": "aws-iam-authenticator", "args": 7, "env": 7}, "https://[::1", EksLogin()),
        (
            {
                "command": "aws",
                "args": ["eks", "get-token"],
                "env": [{"name": ["a"], "value": "b"}, {"name": "x"}],
            },
            None,
            EksLogin(),
        ),
    ],
)
def test_name_region_and_role_are_read_where_they_stand(command, server, found):
    assert eks_login(command, server) == found


@pytest.mark.parametrize(
    "command",
    [
        None,
        "aws eks get-token",
        {},
        {"command": 7},
        {"command": "aws", "args": ["sts", "get-caller-identity"]},
        {"command": "gke-gcloud-auth-plugin", "args": ["eks", "get-token"]},
    ],
)
def test_any_other_command_is_none_of_eks(command):
    assert eks_login(command, SERVER) is None
