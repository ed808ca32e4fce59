"""Secrets stay out of files: these name where they are."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from district.findings import SpecError, Text

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _variable(value: Any) -> Any:
    if not (isinstance(value, str) and _VARIABLE.fullmatch(value)):
        raise SpecError(  # the value is never shown: it may be the secret itself
            Text("no name of an environment variable", "不是环境变量名"),
            Text(
                "write the variable's name; the secret itself stays out of this file",
                "请写变量名；密码本身不要写进文件",
            ),
        )
    return value


EnvName = Annotated[
    str,
    BeforeValidator(_variable),
    WithJsonSchema({"type": "string", "pattern": f"^{_VARIABLE.pattern}$"}),
    Field(description="Name of the environment variable that holds the secret."),
]
