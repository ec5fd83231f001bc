"""The cluster's own fence for a portal that makes namespaces: an admission policy that an admin pastes.

Rights alone cannot say "only in your own namespaces". The policy holds the portal's account to namespaces with its
label, which it can put on new ones only, and to bindings of itself. Needs Kubernetes 1.30.
"""

from typing import Any

from clusters.kubernetes.fences import POD_SECURITY, head
from clusters.kubernetes.names import ACCOUNT, LABEL_ACCOUNT, SPACE_ROLE, cluster_wide

VERSION = "admissionregistration.k8s.io/v1"
_REVIEWS = "['authorization.k8s.io', 'authentication.k8s.io']"
_ENFORCE = "pod-security.kubernetes.io/enforce"


def fence(namespace: str) -> list[dict[str, Any]]:
    """The policy and its binding for the account of `namespace`."""
    name = cluster_wide(namespace)
    policy = {
        **head(VERSION, "ValidatingAdmissionPolicy", name),
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["*"],
                        "apiVersions": ["*"],
                        "resources": ["*/*"],
                        "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"],
                    }
                ]
            },
            "matchConditions": _conditions(namespace),
            "validations": _validations(namespace),
        },
    }
    binding = {
        **head(VERSION, "ValidatingAdmissionPolicyBinding", name),
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return [policy, binding]


def _conditions(namespace: str) -> list[dict[str, str]]:
    user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
    return [
        {"name": "the-portal", "expression": f"request.userInfo.username == '{user}'"},
        # It may ask who it is and what it may do.
        {"name": "no-review", "expression": f"!(request.resource.group in {_REVIEWS})"},
    ]


def _validations(namespace: str) -> list[dict[str, str]]:
    is_namespace = "(request.resource.group == '' && request.resource.resource == 'namespaces')"
    is_binding = "request.resource.resource == 'rolebindings'"
    itself = f"s.kind == 'ServiceAccount' && s.name == '{ACCOUNT}' && s.namespace == '{namespace}'"
    return [
        {
            "expression": f"{is_namespace} || (namespaceObject != null && {_is_own('namespaceObject', namespace)})",
            "message": f"The portal may act only in namespaces with the label {LABEL_ACCOUNT}: {namespace}.",
        },
        {
            "expression": f"!{is_namespace} || oldObject == null || {_is_own('oldObject', namespace)}",
            "message": "The portal may change only namespaces that it made.",
        },
        {
            "expression": (
                f"!{is_namespace} || (object != null && {_is_own('object', namespace)} && "
                f"object.metadata.?labels[?'{_ENFORCE}'].orValue('') == '{POD_SECURITY}' && "
                f"(object.metadata.name == '{namespace}' || object.metadata.name.startsWith('{namespace}-')))"
            ),
            "message": f"The portal's namespaces are called {namespace}-… and keep label and Pod Security.",
        },
        {
            "expression": (
                f"!({is_binding}) || (object != null && object.roleRef.kind == 'ClusterRole' && "
                f"object.roleRef.name == '{SPACE_ROLE}' && "
                f"object.?subjects.orValue([]).all(s, {itself}))"
            ),
            "message": "The portal may bind itself only, and only to the rights that it was given.",
        },
    ]


def _is_own(what: str, namespace: str) -> str:
    return f"{what}.metadata.?labels[?'{LABEL_ACCOUNT}'].orValue('') == '{namespace}'"
