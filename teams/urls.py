"""Every address of teams, members and people. View, URL name, template and test file share one name."""

from django.urls import path

from teams.views import audit, invitations, members, people, teams

urlpatterns = [
    path("audit/", audit.audit_list, name="audit_list"),
    path("audit/audit.csv", audit.audit_export, name="audit_export"),
    path("teams/", teams.team_list, name="team_list"),
    # "add" is no team's slug (membership.py)
    path("teams/add/", teams.team_add, name="team_add"),
    path("teams/<slug:slug>/", teams.team_detail, name="team_detail"),
    path("teams/<slug:slug>/edit/", teams.team_edit, name="team_edit"),
    path("teams/<slug:slug>/disable/", teams.team_disable, name="team_disable"),
    path("teams/<slug:slug>/enable/", teams.team_enable, name="team_enable"),
    path("teams/<slug:slug>/members/add/", members.member_add, name="member_add"),
    path("teams/<slug:slug>/members/<int:user_id>/", members.member_edit, name="member_edit"),
    path("teams/<slug:slug>/members/<int:user_id>/remove/", members.member_remove, name="member_remove"),
    path("people/", people.person_list, name="person_list"),
    path("people/invite/", invitations.person_invite, name="person_invite"),
    path("people/<int:user_id>/", people.person_detail, name="person_detail"),
    path("people/<int:user_id>/edit/", people.person_edit, name="person_edit"),
    path("people/<int:user_id>/disable/", people.person_disable, name="person_disable"),
    path("people/<int:user_id>/enable/", people.person_enable, name="person_enable"),
    path("people/<int:user_id>/sign-out/", people.person_sign_out, name="person_sign_out"),
    path("people/<int:user_id>/link/", invitations.invitation_renew, name="invitation_renew"),
    path("people/<int:user_id>/link/revoke/", invitations.invitation_revoke, name="invitation_revoke"),
    path("invitation/", invitations.invitation_accept, name="invitation_accept"),
    path("invitation/<str:token>/", invitations.invitation_open, name="invitation_open"),
]
