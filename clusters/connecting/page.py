"""The pages that take credentials: what is in the fields, what is wrong with it, what is kept unseen."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import QueryDict

from clusters.connecting import outside
from clusters.connecting.kept import Kept
from clusters.connecting.place import PlaceForm
from clusters.connecting.ways import FORMS, LABELS, InsideForm, KubeconfigForm
from clusters.models import Authentication, KubernetesConnection, SpaceMode
from clusters.names import LABEL
from teams.access import SignedInRequest

WAY_OF = {Authentication.EKS: "eks", Authentication.IN_CLUSTER: "inside"}


class WayPart:
    """The form of one way, bound to what was sent or to what was kept of an earlier try under `name`.

    `stored` are secrets that an empty field stands for besides the kept ones; `initial` is what it begins with.
    """

    def __init__(
        self,
        request: SignedInRequest,
        name: str,
        way: str,
        stored: Mapping[str, str] | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.way = way
        self.is_sent = request.method == "POST"
        self._name = name
        self._kept = Kept(request.session, request.user.pk, f"{name}/{way}")
        secrets = self._kept.secrets
        data = request.POST.copy() if self.is_sent else query(self._kept.values)
        self._own = {
            key: str(data.get(key, "")).strip() and str(data[key]) for key in FORMS[way].secret_names
        }
        self._own |= {key: text for key, text in secrets.items() if not self._own.get(key)}
        for key, text in {**(stored or {}), **{k: v for k, v in self._own.items() if v}}.items():
            data[key] = text
        is_bound = self.is_sent or bool(self._kept.values or secrets)
        self.form = FORMS[way](
            data if is_bound else None, request.FILES if self.is_sent else None, initial=dict(initial or {})
        )
        if not self.is_sent:
            only_filled(self.form)

    @property
    def own_secrets(self) -> dict[str, str]:
        """Typed now or kept, by field; what came in a file counts as typed."""
        found = dict(self._own)
        if isinstance(self.form, KubeconfigForm) and self.form.is_bound and self.form.is_valid() is not None:
            found["kubeconfig"] = self.form.uploaded or found["kubeconfig"]
        return found

    @property
    def kept_names(self) -> set[str]:
        """Secret fields with something in them that the page does not show."""
        return {name for name, text in self.own_secrets.items() if text}

    def keep(self) -> None:
        """What was sent, for the next look at the page. Raises NoKey."""
        shown = [name for name in self.form.fields if name not in (*self.form.secret_names, "file")]
        self._kept.keep({name: str(self.form.data.get(name, "")) for name in shown}, self.own_secrets)
        if isinstance(self.form, KubeconfigForm) and self.form.is_bound and not self.form.is_valid():
            self._fill_eks(self.form.eks)

    def _fill_eks(self, found: Mapping[str, str]) -> None:
        """Into the form for Amazon EKS, what the kubeconfig says; what it does not say stays."""
        if not found:
            return
        kept = self._kept.other(f"{self._name}/eks")
        said = {name: text for name, text in found.items() if text}
        kept.keep({"kind": "own"} | kept.values | said, kept.secrets)

    def forget(self) -> None:
        """What was kept of every way."""
        for way in FORMS:
            self._kept.other(f"{self._name}/{way}").forget()

    @property
    def tabs(self) -> list[dict[str, Any]]:
        """The ways, each with an address of its own."""
        return [{"way": way, "label": label, "is_here": way == self.way} for way, label in LABELS.items()]

    @property
    def is_inside_possible(self) -> bool:
        """Whether the portal runs in a cluster."""
        return InsideForm.is_possible()

    @property
    def errors(self) -> list[dict[str, str]]:
        """For the summary above a form that was sent."""
        return list(errors_of(self.form)) if self.is_sent else []


class ConnectPage(WayPart):
    """A way, and where in the cluster jobs run: the second part is the same for all ways."""

    def __init__(self, request: SignedInRequest, way: str) -> None:
        super().__init__(request, "connect", way)
        self._place_kept = self._kept.other("connect/place")
        place = request.POST if self.is_sent else query(self._place_kept.values)
        own = InsideForm.own_namespace() if way == "inside" else ""
        self._place_data = place
        self.place = PlaceForm(place or None, initial={"namespace": own} if own else {})
        if not self.is_sent:
            only_filled(self.place)

    @property
    def is_valid(self) -> bool:
        """Both parts are asked, so that every mistake shows at once."""
        is_form, is_place = self.form.is_valid(), self.place.is_valid()
        return is_form and is_place

    def keep(self) -> None:
        """Both parts."""
        super().keep()
        names = (*self.place.fields, "with_nodes")
        self._place_kept.keep({name: str(self.place.data.get(name, "")) for name in names}, {})

    def forget(self) -> None:
        """Both parts."""
        super().forget()
        self._place_kept.forget()

    @property
    def errors(self) -> list[dict[str, str]]:
        """Of both parts."""
        return [*super().errors, *errors_of(self.place)] if self.is_sent else []

    @property
    def paste(self) -> "Paste":
        """What to paste where there are no credentials yet."""
        namespace, mode = self.place["namespace"].value(), self.place["space_mode"].value()
        return Paste(
            str(namespace or ""), str(mode or ""), with_nodes=bool(self._place_data.get("with_nodes"))
        )


class CredentialsPage(WayPart):
    """New credentials for a cluster that is connected. What it has stays in use where the address stays the same."""

    def __init__(self, request: SignedInRequest, row: KubernetesConnection, way: str) -> None:
        typed = request.POST.get("server", "").strip()
        is_same_place = request.method == "POST" and typed == row.server
        stored = row.secrets if is_same_place and way in ("address", "eks") else {}
        names = FORMS[way].secret_names
        initial: dict[str, Any] = {name: getattr(row, name, "") for name in FORMS[way].base_fields}
        if way == "eks":
            initial["kind"] = "key" if row.aws_access_key_id else "own"
        else:
            initial["kind"] = "certificate" if row.authentication == Authentication.CERTIFICATE else "token"
        super().__init__(
            request,
            f"credentials/{row.cluster_id}",
            way,
            {name: text for name, text in stored.items() if name in names},
            {name: value for name, value in initial.items() if name not in names},
        )


class Paste:
    """The YAML and the command for a namespace and a mode; what cannot be one is replaced by the usual."""

    def __init__(self, namespace: str, mode: str, *, with_nodes: bool = False) -> None:
        self.namespace = namespace if LABEL.fullmatch(namespace) else "stellwerk"
        self.mode = mode if mode in SpaceMode.values else SpaceMode.ONE.value
        self.with_nodes = with_nodes

    @property
    def yaml(self) -> str:
        """For `kubectl apply -f -`."""
        return outside.paste(self.namespace, self.mode, with_nodes=self.with_nodes)

    @property
    def command(self) -> str:
        """Prints the token."""
        return outside.token_command(self.namespace)


def way_of(row: KubernetesConnection) -> str:
    """The way by which the cluster's credentials are replaced when no other is asked for."""
    return WAY_OF.get(Authentication(row.authentication), "address")


def only_filled(form: Any) -> None:
    """Before a form is sent only what was filled in can be wrong."""
    for name in [name for name in form.errors if not str(form.data.get(name, "")).strip()]:
        del form.errors[name]


def errors_of(form: Any) -> Iterator[dict[str, str]]:
    """Each field's first sentence with the id to jump to."""
    for name, sentences in form.errors.items():
        yield {"id": "form-errors" if name == "__all__" else f"id_{name}", "sentence": str(sentences[0])}


def query(values: Mapping[str, str]) -> QueryDict:
    """As if they had been sent."""
    data = QueryDict(mutable=True)
    for name, text in values.items():
        data[name] = text
    return data
