"""What a gateway may do by itself while the centre is away: its sirens, and when they sound."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from district.fields import PositiveDuration, Slug, Spec

AlarmLevel = Literal["blue", "yellow", "orange", "red"]


class SirenSpec(Spec):
    """A siren behind a relay: a coil of a Modbus unit on one of the gateway's buses."""

    bus: Slug
    unit: int = Field(ge=0, le=255)
    coil: int = Field(ge=0, le=65535, description="The coil's address, counted from 0.")
    most_on: PositiveDuration = Field(
        default=timedelta(minutes=3),
        validate_default=True,
        description="It never sounds longer than this at a stretch.",
    )


class AloneSpec(Spec):
    """What is done at which level of an alarm while the centre is away."""

    levels: list[AlarmLevel] = Field(min_length=1, description="Of rules with `at: edge`.")
    sound: list[Slug] = Field(min_length=1, description="Sirens of this gateway.")
