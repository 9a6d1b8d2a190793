"""Who asks: the organization's owner, a member, or somebody who did not sign in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from jwt_auth.auth import TokenAuthenticationPhaseout
from rest_framework.exceptions import APIException
from rest_framework.request import Request

if TYPE_CHECKING:
    from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in: ``user`` is Label Studio's model of them."""

    user: Any
    is_owner: bool

    @property
    def id(self) -> int:
        """The user's id."""
        return int(self.user.pk)

    @property
    def organization_id(self) -> int | None:
        """The organization that the person works for now."""
        return self.user.active_organization_id  # type: ignore[no-any-return]


def who_asks(request: HttpRequest) -> Person | None:
    """Return who asks as Label Studio's views will see it; None for somebody who did not sign in.

    A member who was removed from the organization counts as not signed in.
    """
    user: Any = _legacy_token_user(request) if _has_legacy_token(request) else request.user
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    if user.is_superuser or _has_made_the_organization(user):
        return Person(user, is_owner=True)
    member = apps.get_model("organizations", "OrganizationMember")._default_manager
    if not member.filter(
        user=user, organization_id=user.active_organization_id, deleted_at__isnull=True
    ).exists():
        return None
    return Person(user, is_owner=False)


def _has_made_the_organization(user: Any) -> bool:
    organizations = apps.get_model("organizations", "Organization")._default_manager
    return bool(organizations.filter(pk=user.active_organization_id, created_by=user).exists())


def _has_legacy_token(request: HttpRequest) -> bool:
    return str(request.META.get("HTTP_AUTHORIZATION", "")).lower().startswith("token")


def _legacy_token_user(request: HttpRequest) -> Any:
    try:
        found = TokenAuthenticationPhaseout().authenticate(Request(request))
    except APIException:  # the view will say so as well
        return None
    return found[0] if found else request.user
