"""What a user may choose for a new job: teams, environments and profiles of the clusters that are switched on."""

from dataclasses import dataclass, replace

from clusters.models import Image, Profile
from jobs.uploads.entry import known_suffix
from teams.models import Team, User
from teams.policy import teams_to_send_to


@dataclass(frozen=True)
class Offer:
    """Everything in the order in which it is shown; images and profiles know their cluster."""

    teams: list[Team]
    images: list[Image]
    profiles: list[Profile]

    @property
    def commands(self) -> dict[str, list[str]]:
        """Every suffix that some environment starts; the first environment's command for it."""
        found: dict[str, list[str]] = {}
        for image in self.images:
            for suffix, command in image.entry_commands.items():
                found.setdefault(suffix, command)
        return found

    def team(self, key: str) -> Team | None:
        """The team with this id, as it was typed."""
        return next((team for team in self.teams if str(team.pk) == key), None)

    def image(self, key: str) -> Image | None:
        """The environment with this id, as it was typed."""
        return next((image for image in self.images if str(image.pk) == key), None)

    def profile(self, key: str) -> Profile | None:
        """The profile with this id, as it was typed."""
        return next((profile for profile in self.profiles if str(profile.pk) == key), None)

    def images_for(self, team: Team | None) -> list[Image]:
        """The environments that the team may use; all, while no team is chosen."""
        return [image for image in self.images if team is None or is_open_to(image, team)]

    def image_for(self, suffix: str, team: Team | None = None) -> Image | None:
        """The team's first environment that starts such a file, else its first of all."""
        images = self.images_for(team)
        fitting = (image for image in images if known_suffix(suffix, image.entry_commands))
        return next(fitting, images[0] if images else None)

    def teams_for(self, image: Image) -> list[Team]:
        """The user's teams that may use the environment."""
        return [team for team in self.teams if is_open_to(image, team)]

    def profiles_on(self, cluster_id: int) -> list[Profile]:
        """The profiles of one cluster, smallest first."""
        return [profile for profile in self.profiles if profile.cluster_id == cluster_id]


def is_open_to(image: Image, team: Team) -> bool:
    """Whether the team may use the environment: all may, unless an admin named some."""
    named = {each.pk for each in image.teams.all()}
    return not named or team.pk in named


def offer_for(user: User) -> Offer:
    """What `user` may choose now; an admin's own teams come before the others."""
    own = set(user.memberships.values_list("team_id", flat=True))
    teams = sorted(teams_to_send_to(user), key=lambda team: (team.pk not in own, team.name))
    images = Image.objects.filter(is_enabled=True, cluster__is_enabled=True)
    images = images.select_related("cluster").prefetch_related("teams")
    profiles = Profile.objects.filter(is_enabled=True, cluster__is_enabled=True).select_related("cluster")
    offer = Offer(teams, list(images), list(profiles))
    # Somebody without a team sees what there is, and is told what is missing.
    return replace(offer, images=[image for image in offer.images if not teams or offer.teams_for(image)])
