"""The ways to connect a cluster: for each a form that becomes plain values, with every mistake at its field."""

import base64
import os
import re
from pathlib import Path
from typing import Any, ClassVar

from django import forms

from clusters.connecting import outside
from clusters.connecting.fields import Lines, SecretField, Typed
from clusters.connecting.given import Given, from_connection
from clusters.kubernetes.connection import Connection, ConnectionInvalid
from clusters.kubernetes.kubeconfig import EksFound, Kubeconfig, KubeconfigRefused, read_kubeconfig
from clusters.models import Authentication

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
ROLE = re.compile(r"arn:aws[-a-z]*:iam::\d{12}:role/[\w+=,.@/-]{1,200}", re.ASCII)
EKS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
AWS_KEY = re.compile(r"[A-Z0-9]{16,128}")


class WayForm(forms.Form):
    """What all ways share: `given` once the form is valid. `secret_names` are fields that are kept, never shown."""

    secret_names: ClassVar[tuple[str, ...]] = ()

    def given(self) -> Given:
        """The values. Only of a valid form."""
        raise NotImplementedError

    def refuse(self, field: str, sentence: str) -> None:
        """At the field of this name, or above the form."""
        self.add_error(field if field in self.fields else None, sentence)


class KubeconfigForm(WayForm):
    """A kubeconfig, pasted or as a file; with several contexts one of them is chosen."""

    secret_names = ("kubeconfig",)

    file = forms.FileField(
        required=False, label="File", widget=forms.FileInput(attrs={"class": "form-control"})
    )
    kubeconfig = SecretField(
        rows=7, label="Kubeconfig", placeholder="apiVersion: v1\nkind: Config\nclusters: …"
    )
    context = forms.CharField(required=False, label="Context")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.read: Kubeconfig | None = None
        self.connection: Connection | None = None
        self.uploaded = ""
        # What fills the form for Amazon EKS, where the kubeconfig is one of EKS.
        self.eks: dict[str, str] = {}

    @property
    def contexts(self) -> tuple[str, ...]:
        """To choose from; empty where there is nothing to choose."""
        return self.read.contexts if self.read and len(self.read.contexts) > 1 else ()

    def clean_kubeconfig(self) -> str:
        """The file comes before what is in the text area."""
        file = self.cleaned_data.get("file")
        text: str = self.cleaned_data["kubeconfig"]
        if file:
            text = self.uploaded = file.read().decode("utf-8", "replace")
        if not text.strip():
            raise forms.ValidationError("Choose the kubeconfig's file, or paste what is in it.")
        try:
            self.read = read_kubeconfig(text)
        except KubeconfigRefused as refused:
            raise forms.ValidationError(str(refused)) from None
        return text

    def clean(self) -> dict[str, Any]:
        """One context, taken apart."""
        if self.read is None:
            return self.cleaned_data
        chosen = self.cleaned_data.get("context", "")
        if len(self.read.contexts) == 1:
            chosen = self.read.contexts[0]
        if chosen not in self.read.contexts:
            self.add_error("context", f"This kubeconfig has {len(self.read.contexts)} contexts. Choose one.")
            return self.cleaned_data
        try:
            self.connection = self.read.connection(chosen)
            self.connection.check()
            outside.check_address(self.connection.server)
        except KubeconfigRefused as refused:
            self.eks = refused.values if isinstance(refused, EksFound) else {}
            self.add_error("context" if self.contexts else "kubeconfig", str(refused))
        except ConnectionInvalid as invalid:
            self.refuse(invalid.field, invalid.sentence)
        return self.cleaned_data

    def refuse(self, field: str, sentence: str) -> None:
        """All of it is in the kubeconfig: the sentence names the place."""
        places = {
            "server": "cluster.server",
            "ca": "cluster.certificate-authority-data",
            "token": "user.token",
            "client_certificate": "user.client-certificate-data",
            "client_key": "user.client-key-data",
        }
        self.add_error("kubeconfig", f"{places.get(field, field)}: {sentence}")

    def given(self) -> Given:
        """The plain data of the chosen context."""
        assert self.connection is not None  # noqa: S101 (the form is valid)
        return from_connection(self.connection)


class AddressForm(WayForm):
    """The API's address, its CA, and a token or a client certificate."""

    secret_names = ("token", "client_certificate", "client_key")

    server = Typed(
        required=False,
        label="API address",
        placeholder="https://10.0.0.1:6443",
        help_text="kubectl cluster-info prints it: https://, a host and perhaps a port.",
    )
    ca = Lines(
        required=False,
        label="CA certificate",
        placeholder="-----BEGIN CERTIFICATE-----",
        help_text="As PEM text, or in base64 as a kubeconfig has it. It proves that the portal speaks to your cluster"
        " and to nobody else. Leave it empty only where a public authority signed the API server's certificate.",
    )
    kind = forms.ChoiceField(
        label="The portal shows who it is with",
        choices=[("token", "A token"), ("certificate", "A client certificate")],
        initial="token",
        required=False,
    )
    token = SecretField(label="Token", help_text="One long word.")
    client_certificate = SecretField(
        rows=3, label="Client certificate", placeholder="-----BEGIN CERTIFICATE-----"
    )
    client_key = SecretField(rows=3, label="Private key", placeholder="-----BEGIN PRIVATE KEY-----")
    tls_server_name = Typed(
        required=False,
        max_length=253,
        label="Name in the server's certificate",
        help_text="Only where it differs from the host in the address.",
    )

    def clean_server(self) -> str:
        """By the connection's own rules, and by what the portal may call."""
        return server_checked(self.cleaned_data["server"])

    def clean_ca(self) -> str:
        """PEM text; without one the system's authorities are trusted, where the connection's rules allow it."""
        text: str = self.cleaned_data["ca"].strip()
        if not text or text.startswith("-----BEGIN"):
            return certificate_checked(text) if text else ""
        return certificate_checked(_decoded(text) or text)

    def clean(self) -> dict[str, Any]:
        """Only the chosen kind of credentials counts."""
        values = self.cleaned_data
        if values.get("kind") == "certificate":
            self._judge_certificate(values)
        elif not values.get("token"):
            self.add_error("token", "Give the token of the portal's account.")
        elif any(character.isspace() or not character.isprintable() for character in values["token"]):
            self.add_error("token", "A token is one word without spaces or line breaks.")
        if not self.errors:
            try:
                _connection(self.given()).check()
            except ConnectionInvalid as invalid:
                self.refuse(invalid.field, invalid.sentence)
        return values

    def _judge_certificate(self, values: dict[str, Any]) -> None:
        try:
            certificate_checked(values.get("client_certificate", ""))
        except forms.ValidationError as error:
            self.add_error("client_certificate", error)
        if "PRIVATE KEY-----" not in values.get("client_key", ""):
            self.add_error("client_key", "Give the private key of the certificate, as PEM text.")

    def given(self) -> Given:
        """The chosen kind's values only."""
        values = self.cleaned_data
        by_certificate = values.get("kind") == "certificate"
        return Given(
            authentication=Authentication.CERTIFICATE if by_certificate else Authentication.TOKEN,
            server=values["server"],
            ca=values["ca"],
            token="" if by_certificate else values["token"],
            client_certificate=values["client_certificate"] if by_certificate else "",
            client_key=values["client_key"] if by_certificate else "",
            tls_server_name=values["tls_server_name"],
        )


class InsideForm(WayForm):
    """The cluster that the portal itself runs in, with its pod's account: nothing to type."""

    @staticmethod
    def is_possible() -> bool:
        """Kubernetes tells every pod where its API is."""
        return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))

    @staticmethod
    def own_namespace() -> str:
        """Where the portal's pod is; "" where that is not known."""
        try:
            return (SERVICE_ACCOUNT / "namespace").read_text().strip()
        except OSError:
            return ""

    def clean(self) -> dict[str, Any]:
        """The pod's account must be mounted."""
        if not self.is_possible():
            raise forms.ValidationError("The portal does not run in a cluster. Choose another way.")
        try:
            self.given()
        except OSError:
            raise forms.ValidationError(
                "The portal's pod has no service account: set automountServiceAccountToken to true in its pod spec,"
                " or choose another way."
            ) from None
        return self.cleaned_data

    def given(self) -> Given:
        """The address from the environment, the CA from the pod; the token is read anew by whoever calls."""
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        (SERVICE_ACCOUNT / "token").stat()
        return Given(
            authentication=Authentication.IN_CLUSTER,
            server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            ca=(SERVICE_ACCOUNT / "ca.crt").read_text("ascii"),
        )


class EksForm(WayForm):
    """An Amazon EKS cluster: the portal makes its tokens itself, from a role, a key or its own AWS identity."""

    secret_names = ("aws_secret_access_key",)

    eks_cluster = Typed(required=False, label="Cluster name in AWS", placeholder="research")
    eks_region = Typed(required=False, label="Region", placeholder="eu-central-1")
    server = Typed(
        required=False,
        label="API server endpoint",
        placeholder="https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com",
    )
    ca = Lines(
        required=False, label="Certificate authority", help_text="As AWS shows it (base64), or as PEM text."
    )
    eks_role = Typed(
        required=False,
        label="Role to assume",
        placeholder="arn:aws:iam::123456789012:role/stellwerk",
        help_text="Its ARN. Leave it empty to act without a role.",
    )
    kind = forms.ChoiceField(
        label="The portal speaks to AWS with",
        choices=[("own", "The portal's own AWS identity"), ("key", "An access key")],
        initial="own",
        required=False,
    )
    aws_access_key_id = Typed(required=False, label="Access key ID", placeholder="AKIA…")
    aws_secret_access_key = SecretField(label="Secret access key")

    def clean_server(self) -> str:
        """By the connection's own rules, and by what the portal may call."""
        return server_checked(self.cleaned_data["server"])

    def clean_ca(self) -> str:
        """PEM text, also from AWS' base64."""
        text: str = self.cleaned_data["ca"].strip()
        if not text or text.startswith("-----BEGIN"):
            return certificate_checked(text)
        if decoded := _decoded(text):
            return certificate_checked(decoded)
        raise forms.ValidationError(
            "This is neither base64 as AWS shows it nor PEM text. Copy certificateAuthority.data as a whole."
        )

    def clean(self) -> dict[str, Any]:
        """Each field's own form, then the key's two halves."""
        values = self.cleaned_data
        wanted = {
            "eks_cluster": (
                EKS_NAME,
                "Give the cluster's name in AWS: letters, digits, dashes and underscores.",
            ),
            "eks_region": (REGION, "Give the region, such as eu-central-1."),
        }
        for name, (pattern, sentence) in wanted.items():
            if name in values and not pattern.fullmatch(values[name]):
                self.add_error(name, sentence)
        if values.get("eks_role") and not ROLE.fullmatch(values["eks_role"]):
            self.add_error(
                "eks_role", "Write the role's ARN, such as arn:aws:iam::123456789012:role/stellwerk."
            )
        self._judge_key(values)
        return values

    def _judge_key(self, values: dict[str, Any]) -> None:
        if values.get("kind") != "key":
            values["aws_access_key_id"] = values["aws_secret_access_key"] = ""
            return
        if not AWS_KEY.fullmatch(values.get("aws_access_key_id", "")):
            self.add_error(
                "aws_access_key_id", "Give the key's ID: capital letters and digits only, such as AKIA…."
            )
        if not values.get("aws_secret_access_key"):
            self.add_error("aws_secret_access_key", "Give the secret that belongs to this access key ID.")

    def given(self) -> Given:
        """As typed."""
        values = {name: text for name, text in self.cleaned_data.items() if name != "kind"}
        return Given(authentication=Authentication.EKS, **values)


def server_checked(text: str) -> str:
    """An API address. Raises ValidationError."""
    if not text:
        raise forms.ValidationError("Give the address of the cluster's API, such as https://10.0.0.1:6443.")
    try:
        Connection(text, "", "a-token").check()
    except ConnectionInvalid as invalid:
        if invalid.field == "server":
            raise forms.ValidationError(invalid.sentence) from None
    try:
        outside.check_address(text)
    except ConnectionInvalid as invalid:
        raise forms.ValidationError(invalid.sentence) from None
    return text


def certificate_checked(text: str) -> str:
    """A certificate as PEM text. Raises ValidationError."""
    if not text.strip():
        raise forms.ValidationError(
            "Give the certificate: text that begins with -----BEGIN CERTIFICATE-----."
        )
    try:
        Connection("https://localhost", text, "a-token").check()
    except ConnectionInvalid as invalid:
        raise forms.ValidationError(invalid.sentence) from None
    return text


def _decoded(text: str) -> str:
    """PEM text from base64, as kubeconfigs and AWS have it; "" for anything else."""
    try:
        pem = base64.b64decode("".join(text.split()), validate=True).decode("ascii")
    except (ValueError, UnicodeError):
        return ""
    return pem if pem.startswith("-----BEGIN") else ""


def _connection(given: Given) -> Connection:
    return Connection(
        given.server,
        given.ca,
        given.token,
        given.client_certificate,
        given.client_key,
        given.tls_server_name,
    )


FORMS: dict[str, type[WayForm]] = {
    "kubeconfig": KubeconfigForm,
    "address": AddressForm,
    "inside": InsideForm,
    "eks": EksForm,
}
LABELS = {
    "kubeconfig": "Kubeconfig",
    "address": "Address and token",
    "inside": "The cluster I run in",
    "eks": "Amazon EKS",
}
