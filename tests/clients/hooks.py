"""What the OpenAPI document cannot say to Schemathesis."""

import os
import re
from typing import Any

import schemathesis

OWN_ID = os.environ["PORTCULLIS_OWN_ID"]

# Repeated, it has any length.
PASSPHRASE = "anvil basket copper dolphin ember fjord glacier harbour island jigsaw kettle lantern "


@schemathesis.hook
def filter_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> bool:
    """Keeps the caller from giving up its role or deleting itself, after which everything would be 401 or 403.

    Changing oneself also needs the current password, which a schema cannot express. The clients and the server's
    own tests cover both.
    """
    method = context.operation.method.upper() if context.operation else ""
    user_id = str((path_parameters or {}).get("user_id", ""))
    return method not in {"PATCH", "DELETE"} or user_id.lower() != OWN_ID


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Replaces a password that the policy may refuse by another of the same length.

    The policy refuses passwords of few different characters and those made of the e-mail address.
    """
    valid = case.meta is not None and case.meta.generation.mode.is_positive
    if not valid or not isinstance(case.body, dict):
        return
    password, email = case.body.get("password"), case.body.get("email")
    if not isinstance(password, str):
        return
    words = [word for word in re.split(r"[\W_]+", str(email).lower()) if len(word) >= 4]
    if len(set(password)) < 8 or any(word in password.lower() for word in words):
        length = len(password)
        case.body["password"] = (PASSPHRASE * (length // len(PASSPHRASE) + 1))[:length]
