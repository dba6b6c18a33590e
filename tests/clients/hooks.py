"""What the OpenAPI document cannot say to Schemathesis."""

import os
import re
from typing import Any

import schemathesis

OWN_ID = os.environ["PORTCULLIS_OWN_ID"]

# Repeated, it has any length.
PASSPHRASE = "anvil basket copper dolphin ember fjord glacier harbour island jigsaw kettle lantern "


@schemathesis.hook
def filter_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, Any] | None) -> bool:
    """Keeps the caller from giving up its role or deleting itself, after which everything would be 401 or 403.

    Changing oneself also needs the current password, which a schema cannot express. The clients and the server's own
    tests cover both.
    """
    writes = context.operation is not None and context.operation.method.upper() in {"PATCH", "DELETE"}
    user_id = str((path_parameters or {}).get("user_id", ""))
    return not (writes and user_id.lower() == OWN_ID)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Replaces a password that the policy may refuse by another of the same length: one of few different characters,
    or made of the e-mail address.
    """
    if not case.meta or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    password, email = case.body.get("password"), case.body.get("email")
    if not isinstance(password, str):
        return
    words = [word for word in re.split(r"[\W_]+", str(email).lower()) if len(word) >= 4]
    if len(set(password)) < 8 or any(word in password.lower() for word in words):
        length = len(password)
        case.body["password"] = (PASSPHRASE * (length // len(PASSPHRASE) + 1))[:length]
