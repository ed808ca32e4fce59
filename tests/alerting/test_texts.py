"""What messages say: each as whoever is woken by it at three in the morning reads it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from alerting.cap import read_xml
from alerting.channels.channel import Texts
from alerting.phrases import HAZARDS
from rules.spec import Hazard
from rules.transition import Cause, Level, Measured, Transition
from tests.alerting.oasis import Judge
from tests.alerting.offices import Office, open_office
from tests.alerting.samples import MINUTE_MS, NOON_MS, transition
from transport.measurement import Quality

HOUR_MS = 3_600_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """At 12:26:40."""
    with open_office(tmp_path) as office:
        yield office


def words(office: Office, language: str = "en", *, back: int = 1) -> Texts:
    """What the newest message says, or an earlier one."""
    info = read_xml(office.warnings[-back].cap_xml.encode()).info(language)
    return Texts(info.headline, info.description, info.instruction)


def tell(office: Office, one: Transition, *, after_min: int = 0, **changes: Any) -> Texts:
    """What is said of a change, so long after it."""
    office.now_ms = one.at_ms + after_min * MINUTE_MS
    office.hears(msgspec.structs.replace(one, **changes))
    return words(office)


def level(
    to: Level,
    before: Level = Level.NORMAL,
    *,
    minute: int = 0,
    value: float = 1.3,
    site: str = "river-01",
    **changes: Any,
) -> Transition:
    """A change of the water level of a site."""
    rule = {"river-01": "river-level", "res-01": "reservoir-level"}[site]
    one = transition(
        to, before, minute=minute, rule=rule, site=site, subject=f"{site}-level:level", value=value
    )
    return msgspec.structs.replace(one, **changes)


def rise(to: Level, before: Level = Level.NORMAL, *, value: float, **changes: Any) -> Transition:
    """A change of the river's rate of rise."""
    one = transition(to, before, rule="river-rise", value=value)
    rate = {"unit": "m/h", "measured": Measured.CHANGE, "over_ms": HOUR_MS, "limit": 0.5} | changes
    return msgspec.structs.replace(one, **rate)


def silence(
    to: Level = Level.BLUE,
    before: Level = Level.NORMAL,
    *,
    minute: int = 30,
    sampled_minute: int | None = 8,
    subject: str = "river-01-level",
    site: str = "river-01",
    **changes: Any,
) -> Transition:
    """A device that is missed, or heard again."""
    one = transition(
        to,
        before,
        minute=minute,
        rule="silence",
        subject=subject,
        site=site,
        hazard="equipment",
        cause=Cause.SILENCE,
        value=1.085 if sampled_minute is not None else None,
    )
    sampled_ms = None if sampled_minute is None else NOON_MS + sampled_minute * MINUTE_MS
    told = {"sampled_ms": sampled_ms, "limit": None, "point": "level"} | changes
    return msgspec.structs.replace(one, **told)


# what was measured


def test_a_level_is_told_at_its_own_time_with_the_limit_that_it_reached(office: Office) -> None:
    said = tell(office, level(Level.ORANGE), after_min=7)

    assert said.description == (
        "12:26 (7 min ago), Xiaxi bridge level (River level): level 1.3 m; "
        "the orange limit of 1.2 m is reached."
    )
    assert words(office, "zh").description == (
        "12:26（7分钟前），下溪桥水位（河道水位超限）：水位1.3米，达到橙色限值（1.2米）。"
    )


def test_what_has_been_measured_just_now_is_not_nought_minutes_old(office: Office) -> None:
    tell(office, level(Level.ORANGE))

    assert "12:26 (just now)" in words(office).description
    assert "12:26（刚刚）" in words(office, "zh").description


def test_a_level_left_is_told_with_the_value_at_which_it_ends(office: Office) -> None:
    office.hears(level(Level.BLUE))
    tell(office, level(Level.NORMAL, Level.BLUE, minute=60, value=0.48, limit=0.6, cleared=0.5))

    assert "level 0.48 m; below 0.5 m, where the blue level ends." in words(office).description
    assert "水位0.48米，已低于蓝色解除值（0.5米）。" in words(office, "zh").description


def test_a_low_pressure_that_is_over_is_above_what_ends_it(office: Office) -> None:
    pipe: dict[str, Any] = {
        "rule": "pipeline-pressure",
        "subject": "pipe-12-rtu:pressure",
        "site": "pipe-12",
        "unit": "MPa",
    }
    office.hears(msgspec.structs.replace(level(Level.YELLOW), **pipe))
    fall = level(Level.NORMAL, Level.YELLOW, minute=60, value=0.23, cleared=0.22)
    tell(office, msgspec.structs.replace(fall, **pipe))

    assert "pressure 0.23 MPa; above 0.22 MPa, where the yellow level ends." in words(office).description
    assert "压力0.23兆帕，已高于黄色解除值（0.22兆帕）。" in words(office, "zh").description


def test_no_limit_is_left_by_a_value_that_is_still_beyond_it(office: Office) -> None:
    office.hears(level(Level.ORANGE))
    tell(office, level(Level.YELLOW, Level.ORANGE, minute=60, value=1.3, cause=Cause.LATE))

    assert "level 1.3 m. Lowered from orange to yellow." in words(office).description
    assert "水位1.3米。由橙色降级为黄色。" in words(office, "zh").description


def test_a_rate_is_told_as_a_rise_with_the_level_it_led_to(office: Office) -> None:
    tell(office, rise(Level.YELLOW, value=0.524, reading=0.745))

    assert (
        "level rose by 0.524 m in the last hour, to 0.745 m; the yellow limit of 0.5 m in 1 h is reached."
        in words(office).description
    )
    assert (
        "水位过去1小时上升0.524米，现为0.745米，达到黄色限值（1小时0.5米）。"
        in words(office, "zh").description
    )


def test_a_falling_rate_is_told_as_a_fall(office: Office) -> None:
    office.hears(rise(Level.YELLOW, value=0.524))
    fall = rise(Level.NORMAL, Level.YELLOW, value=-0.214, reading=0.5, cleared=0.4, at_ms=NOON_MS + HOUR_MS)
    tell(office, fall)

    assert "level fell by 0.214 m in the last hour, to 0.5 m; below 0.4 m in 1 h" in words(office).description
    assert "水位过去1小时下降0.214米，现为0.5米" in words(office, "zh").description


def test_a_sum_is_told_with_its_window(office: Office) -> None:
    rain: dict[str, Any] = {
        "rule": "rainstorm",
        "subject": "rain-02-gauge:rain",
        "site": "rain-02",
        "hazard": "rainstorm",
    }
    one = level(Level.ORANGE, value=52.0, limit=50, unit="mm", measured=Measured.SUM, over_ms=3 * HOUR_MS)
    tell(office, one, **rain)

    assert (
        "rain 52 mm in the last 3 h; the orange limit of 50 mm in 3 h is reached."
        in words(office).description
    )
    assert "过去3小时雨量52毫米，达到橙色限值（3小时50毫米）。" in words(office, "zh").description


def test_no_more_figures_are_told_than_instruments_give(office: Office) -> None:
    tell(office, level(Level.ORANGE, value=1.2999999523162842))

    assert "level 1.3 m;" in words(office).description


def test_a_small_value_is_not_nought(office: Office) -> None:
    one = level(Level.RED, value=0.0004, limit=0.1, unit="MPa")
    tell(
        office,
        one,
        rule="pipeline-pressure",
        subject="pipe-12-rtu:pressure",
        site="pipe-12",
        hazard="pipeline",
    )

    assert "pressure 0.0004 MPa" in words(office).description
    assert "压力0.0004兆帕" in words(office, "zh").description


@pytest.mark.parametrize(
    ("measured", "unit", "value", "said"),
    [
        (
            Measured.FAULTS,
            "%",
            62.0,
            (
                "62% of its level readings in the last 2 h were unusable; the blue limit of 50% is reached.",
                "过去2小时的水位读数有62%不可用，达到蓝色限值（50%）。",
            ),
        ),
        (
            Measured.STILL,
            "h",
            50.5,
            (
                "level has not moved for 50.5 h; the blue limit of 50 h is reached.",
                "水位已50.5小时没有变化，达到蓝色限值（50小时）。",
            ),
        ),
    ],
)
def test_the_health_of_an_instrument_is_told_with_its_quantity(
    office: Office, measured: Measured, unit: str, value: float, said: tuple[str, str]
) -> None:
    one = level(Level.BLUE, value=value, limit=50, unit=unit, measured=measured, over_ms=2 * HOUR_MS)
    tell(office, one, rule="level-faults", hazard="equipment")

    assert words(office).description.endswith(said[0])
    assert words(office, "zh").description.endswith(said[1])
    assert words(office).instruction.startswith("Check the instrument itself")


def test_an_alarm_about_other_alarms_has_no_value_to_tell(office: Office) -> None:
    one = msgspec.structs.replace(level(Level.RED), value=None, limit=None, rule="both", subject="xiaxi-1")
    tell(office, one)

    assert words(office).description == (
        "12:26 (just now), Xiaxi cell 1: what makes it red has come together."
    )
    assert words(office, "zh").description == "12:26（刚刚），下溪一网格：满足红色级别的条件。"


# since when


def test_the_onset_of_a_value_is_not_that_of_the_warning(office: Office) -> None:
    office.hears(level(Level.YELLOW))
    later = level(Level.ORANGE, Level.YELLOW, minute=200)
    tell(office, later, onset_ms=later.at_ms - 5 * MINUTE_MS)

    assert "Above 1.2 m since 15:41; flood warning since 12:26." in words(office).description
    assert "自15:41起高于1.2米；洪水预警自12:26起生效。" in words(office, "zh").description


def test_a_new_episode_has_a_beginning_of_its_own(office: Office) -> None:
    for minute, to, before in (
        (0, Level.YELLOW, Level.NORMAL),
        (60, Level.NORMAL, Level.YELLOW),
        (120, Level.YELLOW, Level.NORMAL),
        (180, Level.ORANGE, Level.YELLOW),
    ):
        tell(office, level(to, before, minute=minute))

    assert "Flood warning since 14:26." in words(office).description


def test_a_peak_that_is_over_lasts_since_nothing(office: Office) -> None:
    peak = level(Level.RED, minute=10, value=1.7, limit=1.6, superseded=True, onset_ms=NOON_MS)
    office.hears(peak)
    tell(office, level(Level.YELLOW, minute=40, cause=Cause.LATE))

    said = words(office)
    assert said.headline == "Late report, flood had reached red: Xiaxi Stream"
    assert "12:36 (30 min ago), Xiaxi bridge level (River level): level 1.7 m" in said.description
    assert "since" not in said.description
    assert said.instruction.startswith("Find out what has happened")


# silence


def test_a_silence_is_told_with_the_time_of_its_last_value(office: Office) -> None:
    tell(office, silence(trend=0.6), after_min=0)

    assert words(office).description == (
        "Xiaxi bridge level: no usable level reading since 12:34 (22 min ago); it was then 1.085 m, "
        "having risen by 0.6 m within the hour. Nothing is heard from it."
    )
    assert words(office, "zh").description == (
        "下溪桥水位：12:34（22分钟前）之后没有可用的水位读数，当时为1.085米，此前一小时上升0.6米。"
        "目前收不到它的任何数据。"
    )
    assert words(office).instruction == "Check power, cable and radio of the instrument."


def test_a_device_that_never_spoke_has_no_last_value(office: Office) -> None:
    tell(office, silence(sampled_minute=None))

    assert "no usable level reading has come yet." in words(office).description
    assert "尚未收到可用的水位读数。" in words(office, "zh").description


def test_a_silence_says_which_of_many_quantities_is_missed(office: Office) -> None:
    tell(office, silence(subject="air-03-station", site="air-03", point="pm25", value=31.7, unit="ug/m3"))

    assert (
        "no usable PM2.5 reading since 12:34 (22 min ago); it was then 31.7 µg/m³"
        in words(office).description
    )
    assert "没有可用的PM2.5浓度读数，当时为31.7微克/立方米" in words(office, "zh").description


@pytest.mark.parametrize(
    ("fault", "said", "check"),
    [
        (Quality.FLAG, "It marks its own values as faulty.", "Check the instrument itself"),
        (
            Quality.EXCEPTION,
            "It answers with a fault in the place of a value.",
            "Check the instrument itself",
        ),
        (Quality.TIMEOUT, "It does not answer.", "Check power and cable"),
    ],
)
def test_an_instrument_that_reports_a_fault_is_not_called_silent(
    office: Office, fault: Quality, said: str, check: str
) -> None:
    tell(office, silence(fault=fault))

    assert said in words(office).description
    assert "Nothing is heard" not in words(office).description
    assert words(office).instruction.startswith(check)


def test_every_fault_has_words(office: Office) -> None:
    for number, fault in enumerate(each for each in Quality if each.is_bad):
        before = Level(number % 2)
        tell(office, silence(Level(1 - before), before, minute=30 + number, fault=fault))
        assert "{" not in "".join((*words(office), *words(office, "zh")))


def test_a_blindness_names_the_alarm_because_of_which_it_matters(office: Office) -> None:
    office.hears(level(Level.RED))
    tell(office, silence(Level.YELLOW, blind=True))

    said, chinese = words(office), words(office, "zh")
    assert (
        "It matters because of the red flood warning for Xiaxi Stream: the danger may be growing unseen."
        in said.description
    )
    assert "下溪洪水红色预警正在生效，险情可能正在发展而无法看到。" in chinese.description
    assert "read the staff gauge and report" in said.instruction
    assert "读取水尺并上报" in chinese.instruction


def test_a_blindness_names_a_danger_that_comes_down_the_water(office: Office) -> None:
    office.hears(level(Level.ORANGE, site="res-01"))
    tell(office, silence(Level.YELLOW, blind=True))

    assert "the orange flood warning for Qingshan Reservoir upstream" in words(office).description
    assert "上游青山水库洪水橙色预警正在生效" in words(office, "zh").description


@pytest.mark.parametrize(
    ("subject", "point", "english", "chinese"),
    [
        ("pipe-12-rtu", "ch4", "measure with a portable gas detector", "用便携式气体检测仪测量"),
        ("pipe-12-rtu", "pressure", "read the pressure gauge on the pipe", "读取现场压力表"),
        ("air-03-station", "pm25", "measure with a portable instrument", "用便携仪器测量"),
        ("rain-02-gauge", "", "see how things stand", "查看现场情况"),
    ],
)
def test_a_staff_gauge_is_read_only_in_water(
    office: Office, subject: str, point: str, english: str, chinese: str
) -> None:
    site = subject.rpartition("-")[0]
    tell(office, silence(Level.YELLOW, blind=True, subject=subject, site=site, point=point))

    assert english in words(office).instruction
    assert chinese in words(office, "zh").instruction
    assert "It matters because an alarm is active here or along the water" in words(office).description


# all clear


def test_a_gauge_that_is_heard_again_is_no_end_of_the_flood(office: Office) -> None:
    office.hears(level(Level.YELLOW), silence(minute=30))
    heard = silence(Level.NORMAL, Level.BLUE, minute=60, sampled_minute=60, value=1.21)
    tell(office, heard, onset_ms=heard.at_ms - 10 * MINUTE_MS)

    said, chinese = words(office), words(office, "zh")
    assert said.headline == (
        "Monitoring works again: Xiaxi Stream; the yellow flood warning for Xiaxi Stream still stands"
    )
    assert said.description == (
        "Xiaxi bridge level gives readings again since 13:16: level 1.21 m at 13:26 (just now). "
        "The yellow flood warning for Xiaxi Stream still stands."
    )
    assert said.instruction == (
        "Nobody need read by eye any more; what the warnings that still stand ask for goes on."
    )
    assert chinese.headline == "下溪监测恢复正常；下溪洪水黄色预警仍然有效"
    assert chinese.description == (
        "下溪桥水位自13:16起恢复监测：13:26（刚刚）水位1.21米。下溪洪水黄色预警仍然有效。"
    )
    assert chinese.instruction == "可停止人工观测；其他仍然有效的预警，其措施照常执行。"


def test_nobody_returns_to_normal_below_a_dam_in_alarm(office: Office) -> None:
    office.hears(level(Level.YELLOW), level(Level.YELLOW, site="res-01"))
    tell(office, level(Level.NORMAL, Level.YELLOW, minute=60, value=0.4, limit=0.9, cleared=0.8))

    said, chinese = words(office), words(office, "zh")
    assert said.headline == (
        "All clear, flood: Xiaxi Stream; "
        "the yellow flood warning for Qingshan Reservoir upstream still stands"
    )
    assert said.description.endswith("The yellow flood warning for Qingshan Reservoir upstream still stands.")
    assert said.instruction == "Stay on duty: what the warnings that still stand ask for goes on."
    assert chinese.headline == "下溪解除洪水预警；上游青山水库洪水黄色预警仍然有效"
    assert chinese.instruction == "继续值守：其他仍然有效的预警，其措施照常执行。"


def test_a_warning_that_has_ended_stands_in_nobodys_way(office: Office) -> None:
    office.hears(level(Level.YELLOW), level(Level.YELLOW, site="res-01"))
    office.hears(level(Level.NORMAL, Level.YELLOW, minute=30, site="res-01"))
    tell(office, level(Level.NORMAL, Level.YELLOW, minute=60))

    assert words(office).headline == "All clear, flood: Xiaxi Stream"
    assert words(office).instruction.startswith("Return to normal duty")
    assert words(office, "zh").instruction.startswith("恢复正常值守")


def test_what_stands_downstream_keeps_no_dam_from_its_all_clear(office: Office) -> None:
    office.hears(level(Level.YELLOW), level(Level.YELLOW, site="res-01"))
    tell(office, level(Level.NORMAL, Level.YELLOW, minute=30, site="res-01"))

    assert words(office).headline == "All clear, flood: Qingshan Reservoir"


def test_a_warning_whose_limits_have_changed_still_stands(office: Office) -> None:
    office.hears(level(Level.YELLOW), silence(minute=30))
    office.hears(level(Level.NORMAL, Level.YELLOW, minute=40, cause=Cause.LIMITS))
    tell(office, silence(Level.NORMAL, Level.BLUE, minute=60, sampled_minute=60))

    assert words(office).description.endswith("The flood warning for Xiaxi Stream still stands.")


def test_a_changed_limit_sends_nobody_back_to_normal(office: Office) -> None:
    office.hears(level(Level.YELLOW))
    tell(office, level(Level.NORMAL, Level.YELLOW, minute=40, cause=Cause.LIMITS))

    assert words(office).instruction.startswith("Check that the new limit is meant")
    assert words(office, "zh").instruction.startswith("请核实阈值调整")


def test_messages_of_every_kind_are_right_by_the_standard(office: Office, shared_data: Path) -> None:
    office.hears(level(Level.RED, site="res-01"), level(Level.YELLOW), rise(Level.ORANGE, value=1.02))
    office.hears(silence(Level.YELLOW, blind=True), silence(Level.NORMAL, Level.YELLOW, minute=50))
    office.hears(rise(Level.NORMAL, Level.ORANGE, value=0.1, at_ms=NOON_MS + 60 * MINUTE_MS))
    office.hears(level(Level.NORMAL, Level.YELLOW, minute=70))

    judge = Judge(shared_data)
    for warning in office.warnings:
        judge.check(warning.cap_xml.encode())


def test_every_hazard_that_a_rule_can_name_has_words() -> None:
    assert set(get_args(Hazard)) == set(HAZARDS)
