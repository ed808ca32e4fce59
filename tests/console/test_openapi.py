"""Whatever is asked, no answer is a fault of the server's and none lies outside its own description."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console.roles import Role
from rules.transition import Level
from tests.alerting.samples import transition
from tests.console.houses import levels, open_house

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ENDLESS = "/api/v1/events"
AWAY = 503  # documented: no broker runs beside this console
SOAK = os.environ.get("TOCSIN_SOAK") == "1"
EXAMPLES = 100 if SOAK else 3


def ask_everything(url: str, headers: Mapping[str, str]) -> int:
    """Ask each operation what its description allows and what it does not; how many there are."""
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    schema.config.generation.update(with_security_parameters=False)  # who asks is said below
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # an Err has no `ok`, and this test fails by it
        signs_out = operation.method.upper() == "DELETE" and operation.path == "/api/v1/session"
        if operation.path == ENDLESS or signs_out:
            continue
        count += 1

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any) -> None:
            response = case.call(headers=dict(headers), timeout=30)
            checks = [check for check in CHECKS if response.status_code != AWAY or check is not CHECKS[0]]
            case.validate_response(response, checks=checks)

        ask()
    return count


@pytest.mark.parametrize("role", [Role.APPROVER, Role.SECURITY] if SOAK else [Role.APPROVER])
async def test_every_endpoint_answers_as_it_is_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    monkeypatch.setattr("console.asking._PATIENCE_S", 0.05)
    async with open_house(tmp_path, samples=levels(20)) as house:
        house.office.hears(transition(Level.ORANGE))
        await house.knows()
        visitor = await house.visitor(role)
        cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        headers = {"cookie": cookies, "x-csrf": visitor.headers["x-csrf"]}

        count = await asyncio.to_thread(ask_everything, house.url, headers)

    assert count > 40
