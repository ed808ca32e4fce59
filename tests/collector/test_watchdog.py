"""Who has gone quiet, and whose clock is off, as those who run the servers see it."""

from pathlib import Path

from structlog.testing import capture_logs

from collector.block import Block
from collector.watchdog import Watchdog
from district.load import load_district
from transport.beat import Beat

DEMO = Path(__file__).parents[2]
NOON_S = 1_800_000_000.0


class Day:
    """The two clocks of a test, which run alike."""

    def __init__(self) -> None:
        self.now_s = NOON_S
        self.dog = Watchdog(
            load_district(DEMO), wall_s=lambda: self.now_s, now_ms=lambda: int(self.now_s * 1000)
        )

    def hear(self, gateway: str = "gw-qingshan", device: str = "river-01-level") -> None:
        self.dog.heard(gateway, [Block(device, ["level"], [int(self.now_s * 1000)], [[1.0]])])

    def figures(self, name: str) -> dict[str, float]:
        found = (figure for figure in self.dog.figures() if figure.name == name)
        return {next(iter(figure.labels.values()), ""): figure.value for figure in found}

    def look(self) -> list[tuple[str, str]]:
        with capture_logs() as logs:
            self.dog.look()
        return [(entry["event"], entry.get("who") or entry["gateway"]) for entry in logs]


def test_a_gateway_that_goes_quiet_is_told_of_once_and_so_is_its_return() -> None:
    day = Day()
    day.hear()
    assert day.look() == []

    day.now_s += 61
    quiet = [("gone-quiet", f"gateway gw-{name}") for name in ("chengdong", "city", "qingshan")]
    assert [told for told in day.look() if "gateway" in told[1]] == quiet
    assert [told for told in day.look() if "gateway" in told[1]] == []

    day.hear()
    assert ("heard-again", "gateway gw-qingshan") in day.look()
    assert day.figures("quiet_gateways") == {"": 2}


def test_a_device_is_quiet_after_its_own_time_even_if_its_gateway_speaks() -> None:
    day = Day()
    day.hear()
    stale_s = load_district(DEMO).devices["river-01-level"].stale_after.total_seconds()

    day.now_s += stale_s + 1
    day.hear(device="res-01-level")

    told = day.look()
    assert ("gone-quiet", "device river-01-level") in told
    assert ("gone-quiet", "device res-01-level") not in told
    assert day.figures("device_age_s")["river-01-level"] == stale_s + 1


def test_values_that_hold_are_no_silence() -> None:
    day = Day()
    day.hear()
    day.now_s += 100_000
    day.dog.vouched({"river-01-level": int(day.now_s * 1000)})

    assert ("gone-quiet", "device river-01-level") not in day.look()


def test_a_clock_that_is_off_is_told_of_once() -> None:
    day = Day()
    day.dog.beat("gw-city", Beat(service="gw-city", state="up", wall_s=day.now_s - 3600))
    day.dog.beat("rules", Beat(service="rules", state="up", wall_s=1.0))  # no gateway

    assert day.look() == [("clock-off", "gw-city")]
    assert day.look() == []
    assert day.figures("gateway_clock_s") == {"gw-city": -3600}
