"""Signs in, and creates, reads, lists, changes and deletes users, through the client of openapi-python-client.

Usage: crud.py URL USERNAME PASSWORD. The generated package is `python_client`.
"""

import sys
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID, uuid4

from python_client import AuthenticatedClient, Client
from python_client.api.default import (
    alive_healthz_get,
    create_user_users_post,
    delete_user_users_user_id_delete,
    login_for_access_token_token_post,
    read_agent_agent_get,
    read_me_users_me_get,
    read_settings_settings_get,
    read_user_users_user_id_get,
    read_users_users_get,
    ready_readyz_get,
    root_get,
    update_user_users_user_id_patch,
)
from python_client.models import (
    Agent,
    BodyLoginForAccessTokenTokenPost,
    Error,
    HTTPValidationError,
    Message,
    Settings,
    Status,
    Token,
    TokenError,
    User,
    UserCreate,
    UserCreateRoleType0,
    UserUpdate,
    UserUpdateRoleType0,
)
from python_client.types import Response

PASSWORD = "a long pass phrase of mine"

T = TypeVar("T")


def expect(kind: type[T], status: HTTPStatus, response: Response[Any]) -> T:
    """Returns the parsed body, which must be of this status and model."""
    body = response.parsed
    assert response.status_code is status, (response.status_code, response.content)
    assert isinstance(body, kind), (type(body), response.content)
    return body


def sign_in(client: Client, username: str, password: str) -> Response[Error | Token | TokenError]:
    form = BodyLoginForAccessTokenTokenPost(username=username, password=password)
    return login_for_access_token_token_post.sync_detailed(client=client, body=form)


def refusals(client: Client, username: str) -> None:
    """Reads the errors of a sign-in, and of a request without a good token."""
    wrong = sign_in(client, username, "wrong")
    error = expect(TokenError, HTTPStatus.UNAUTHORIZED, wrong)
    assert error.error == "invalid_grant" and error.detail == error.error_description
    assert wrong.headers["WWW-Authenticate"] == "Bearer"
    error = expect(TokenError, HTTPStatus.UNPROCESSABLE_ENTITY, sign_in(client, username, ""))
    assert error.error == "invalid_request" and isinstance(error.detail, list)
    assert [(problem.type_, problem.loc) for problem in error.detail] == [("missing", ["body", "password"])]

    stranger = AuthenticatedClient(base_url=client._base_url, token="none", raise_on_unexpected_status=True)
    response = read_users_users_get.sync_detailed(client=stranger)
    assert expect(Error, HTTPStatus.UNAUTHORIZED, response).detail == "Could not validate credentials"


def facts(client: Client) -> None:
    """Reads the public routes."""
    assert expect(Message, HTTPStatus.OK, root_get.sync_detailed(client=client)).message
    expect(Status, HTTPStatus.OK, alive_healthz_get.sync_detailed(client=client))
    expect(Status, HTTPStatus.OK, ready_readyz_get.sync_detailed(client=client))
    settings = expect(Settings, HTTPStatus.OK, read_settings_settings_get.sync_detailed(client=client))
    assert settings.password.min_length <= len(PASSWORD) <= settings.password.max_length


def users(client: Client, admin: AuthenticatedClient) -> None:
    me = expect(User, HTTPStatus.OK, read_me_users_me_get.sync_detailed(client=admin))
    agent = expect(Agent, HTTPStatus.OK, read_agent_agent_get.sync_detailed(client=admin))
    assert agent.id == me.id and isinstance(me.id, UUID)

    email = f"{uuid4()}@example.com"
    new = UserCreate(email=email, password=PASSWORD, role=UserCreateRoleType0.MEMBER)
    created = create_user_users_post.sync_detailed(client=admin, body=new)
    user = expect(User, HTTPStatus.CREATED, created)
    assert (user.email, user.role, user.tenant_id) == (email, "member", me.tenant_id)
    assert created.headers["Location"] == f"/users/{user.id}"
    again = create_user_users_post.sync_detailed(client=admin, body=new)
    assert expect(Error, HTTPStatus.CONFLICT, again).detail == "A user with this email already exists"
    short = UserCreate(email=f"{uuid4()}@example.com", password="short")
    refused = create_user_users_post.sync_detailed(client=admin, body=short)
    detail = expect(HTTPValidationError, HTTPStatus.UNPROCESSABLE_ENTITY, refused).detail
    assert isinstance(detail, list)
    assert [(problem.type_, problem.loc) for problem in detail] == [("string_too_short", ["body", "password"])]

    read = read_user_users_user_id_get.sync_detailed(user.id, client=admin)
    assert expect(User, HTTPStatus.OK, read) == user
    listed = read_users_users_get.sync_detailed(client=admin, limit=1000, offset=0)
    assert user in expect(list, HTTPStatus.OK, listed)
    assert int(listed.headers["X-Total-Count"]) >= 2

    member = signed_in(client, email, PASSWORD)
    forbidden = read_users_users_get.sync_detailed(client=member)
    assert expect(Error, HTTPStatus.FORBIDDEN, forbidden).detail == "Not enough permissions"
    moved = f"{uuid4()}@example.com"
    change = UserUpdate(email=moved)
    unproven = update_user_users_user_id_patch.sync_detailed(user.id, client=member, body=change)
    detail = expect(HTTPValidationError, HTTPStatus.UNPROCESSABLE_ENTITY, unproven).detail
    assert isinstance(detail, list) and detail[0].loc == ["body", "current_password"]
    changes = UserUpdate(email=moved, current_password=PASSWORD)
    changed = update_user_users_user_id_patch.sync_detailed(user.id, client=member, body=changes)
    assert expect(User, HTTPStatus.OK, changed).email == moved
    promotion = UserUpdate(role=UserUpdateRoleType0.ADMIN)
    promoted = update_user_users_user_id_patch.sync_detailed(user.id, client=admin, body=promotion)
    assert expect(User, HTTPStatus.OK, promoted).role == "admin"
    demoted = update_user_users_user_id_patch.sync_detailed(user.id, client=admin, body=UserUpdate(role=None))
    assert expect(User, HTTPStatus.OK, demoted).role is None

    deleted = delete_user_users_user_id_delete.sync_detailed(user.id, client=admin)
    assert expect(Message, HTTPStatus.OK, deleted).message == "User deleted successfully"
    gone = read_user_users_user_id_get.sync_detailed(user.id, client=admin)
    assert expect(Error, HTTPStatus.NOT_FOUND, gone).detail == "User not found"


def signed_in(client: Client, username: str, password: str) -> AuthenticatedClient:
    token = expect(Token, HTTPStatus.OK, sign_in(client, username, password))
    assert token.token_type == "bearer" and token.expires_in > 0
    return AuthenticatedClient(
        base_url=client._base_url, token=token.access_token, raise_on_unexpected_status=True
    )


def main(url: str, username: str, password: str) -> None:
    client = Client(base_url=url, raise_on_unexpected_status=True)
    facts(client)
    refusals(client, username)
    users(client, signed_in(client, username, password))


if __name__ == "__main__":
    main(*sys.argv[1:])
