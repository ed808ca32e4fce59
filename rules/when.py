"""Rules about other rules: all, any or none of their levels, or k of n within a time; as written."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from district.fields import Duration, Slug, Spec

Scope = Literal["site", "asset", "village", "town", "district"]
_FORMS = ("all", "any", "not")


class HoldsSpec(Spec):
    """Holds while so many alarms of a rule stand at a level or above."""

    rule: Slug
    level: Literal["blue", "yellow", "orange", "red"] = "blue"
    count: int = Field(default=1, ge=1, description="So many subjects of the rule at once.")
    within: Duration | None = Field(
        default=None, description="An alarm counts for so long after it has fallen again."
    )


class AllSpec(Spec):
    """Holds while all of these do."""

    each: "list[ConditionSpec]" = Field(alias="all", min_length=1)


class AnySpec(Spec):
    """Holds while any of these does."""

    each: "list[ConditionSpec]" = Field(alias="any", min_length=1)


class NotSpec(Spec):
    """Holds while this does not."""

    condition: "ConditionSpec" = Field(alias="not")


def _form(value: Any) -> str:
    if isinstance(value, dict):
        return next((form for form in _FORMS if form in value), "holds")
    made: dict[type, str] = {AllSpec: "all", AnySpec: "any", NotSpec: "not"}
    return made.get(type(value), "holds")


ConditionSpec = Annotated[
    Annotated[AllSpec, Tag("all")]
    | Annotated[AnySpec, Tag("any")]
    | Annotated[NotSpec, Tag("not")]
    | Annotated[HoldsSpec, Tag("holds")],
    Discriminator(_form),
]

for _model in (AllSpec, AnySpec, NotSpec):
    _model.model_rebuild()


def terms(condition: ConditionSpec) -> Iterator[HoldsSpec]:
    """Every rule and level that a condition asks for."""
    if isinstance(condition, HoldsSpec):
        yield condition
    elif isinstance(condition, NotSpec):
        yield from terms(condition.condition)
    else:
        for each in condition.each:
            yield from terms(each)
