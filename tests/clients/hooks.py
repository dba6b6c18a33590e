"""What the OpenAPI document cannot say to Schemathesis."""

import os
from typing import Any
from uuid import UUID

import schemathesis

OWN_ID = os.environ["PORTCULLIS_OWN_ID"]
ABSENT_ID = str(UUID(int=0))

# Repeated, it has any length.
PASSPHRASE = "anvil basket copper dolphin ember fjord glacier harbour island jigsaw kettle lantern "


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    keep_oneself(case)
    if case.meta and case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        choose_an_uncommon_password(case.body)


def keep_oneself(case: schemathesis.Case) -> None:
    """Keeps the caller from giving up its role or deleting itself, after which everything would be 401 or 403.

    Changing oneself also needs the current password, which a schema cannot express. The clients and the server's own
    tests cover both.
    """
    user_id = str(case.path_parameters.get("user_id", ""))
    if case.method.upper() in {"PATCH", "DELETE"} and user_id.lower() == OWN_ID:
        case.path_parameters["user_id"] = ABSENT_ID


def choose_an_uncommon_password(body: dict[str, Any]) -> None:
    """Replaces a password such as `000000000000000`, which the policy may refuse, by another of the same length."""
    password = body.get("password")
    if isinstance(password, str) and len(set(password)) < 8:
        length = len(password)
        body["password"] = (PASSPHRASE * (length // len(PASSPHRASE) + 1))[:length]
