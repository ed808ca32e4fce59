"""A warning as channels get it, made by hand: what channels do depends on nothing that issues warnings."""

from datetime import datetime, timedelta, timezone

from alerting.cap import CapAlert, CapArea, CapInfo, write_xml
from alerting.channels.channel import Texts, WarningMessage
from rules.transition import Level

SENT = datetime(2018, 6, 3, 12, 26, 40, tzinfo=timezone(timedelta(hours=8)))
TEXTS = {
    "zh": Texts(
        "下溪发布洪水橙色预警",
        "下溪水位 1.198 米，达到橙色限值 1.2 米。最新数据为 1 分钟前（12:26）。",
        "转移低洼地带群众，封闭沿河道路和便桥，每小时上报一次。",
    ),
    "en": Texts(
        "Orange flood warning for the Xiaxi",
        "River level 1.198 m, limit 1.2 m. Newest reading 1 minute old (12:26).",
        "Move people out of low places; close riverside roads and footbridges.",
    ),
}


def sample_warning(
    level: Level = Level.ORANGE, identifier: str = "33019911000100_20180603122640_1"
) -> WarningMessage:
    cap = CapAlert(
        identifier=identifier,
        sender="warning@linjiang.example",
        sent=SENT,
        status="Actual",
        msg_type="Alert",
        scope="Public",
        incidents="flood.river-01",
        infos=tuple(_info(language, texts) for language, texts in TEXTS.items()),
    )
    return WarningMessage(
        cap=cap,
        cap_xml=write_xml(cap),
        thread="flood.river-01",
        level=level,
        texts={"zh": TEXTS["zh"], "en": TEXTS["en"]},
    )


def _info(language: str, texts: Texts) -> CapInfo:
    return CapInfo(
        language={"zh": "zh-CN", "en": "en-US"}[language],
        category="Met",
        event="洪水" if language == "zh" else "Flood",
        response_type="Evacuate",
        urgency="Immediate",
        severity="Severe",
        certainty="Observed",
        effective=SENT,
        expires=SENT + timedelta(hours=24),
        sender_name="临江区预警信息发布中心",
        headline=texts.headline,
        description=texts.description,
        instruction=texts.instruction,
        areas=(CapArea(area_desc="下溪村"),),
    )
