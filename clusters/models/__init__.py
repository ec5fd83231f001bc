"""Where jobs run: clusters and how they are reached, what they offer, and how they are."""

from clusters.models.cluster import Cluster, DriverKind
from clusters.models.connection import Authentication, KubernetesConnection, SpaceMode
from clusters.models.health import ClusterHealth, DoctorRun
from clusters.models.offers import Image, Profile
from clusters.models.space import TeamSpace

__all__ = [
    "Authentication",
    "Cluster",
    "ClusterHealth",
    "DoctorRun",
    "DriverKind",
    "Image",
    "KubernetesConnection",
    "Profile",
    "SpaceMode",
    "TeamSpace",
]
