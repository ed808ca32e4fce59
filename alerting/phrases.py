"""The words of warnings: hazards, levels, units, and what to do, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from district.findings import Text
from rules.transition import Level

LEVELS: Mapping[Level, Text] = {
    Level.NORMAL: Text("normal", "正常"),
    Level.BLUE: Text("blue", "蓝色"),
    Level.YELLOW: Text("yellow", "黄色"),
    Level.ORANGE: Text("orange", "橙色"),
    Level.RED: Text("red", "红色"),
}

_OVER = Text("All clear, {event}: {place}", "{place}解除{event}预警")
_RELIEF = Text(
    "Return to normal duty; check the site before people go back, and report damage.",
    "恢复正常值守；人员返回前请先检查现场，发现损毁及时上报。",
)
_RELIEF_BESIDE = Text(
    "Stay on duty: what the warnings that still stand ask for goes on.",
    "继续值守：其他仍然有效的预警，其措施照常执行。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """What threatens: its name, its CAP category, what to do at each level, and what its end means."""

    name: Text
    category: str
    blue: Text
    yellow: Text
    orange: Text
    red: Text
    responses: tuple[str, str, str, str]  # CAP responseType for blue, yellow, orange, red
    over: Text = _OVER  # headline of its all-clear
    relief: Text = _RELIEF  # what to do then,
    relief_beside: Text = _RELIEF_BESIDE  # and while other warnings stand

    def instruction(self, level: Level) -> Text:
        """What to do at a level above normal."""
        return (self.blue, self.yellow, self.orange, self.red)[level - 1]

    def response(self, level: Level) -> str:
        """The same as CAP's machines understand it."""
        return self.responses[level - 1]


HAZARDS: Mapping[str, Hazard] = {
    "flood": Hazard(
        name=Text("Flood", "洪水"),
        category="Met",
        blue=Text(
            "Watch the water level; check pumps, gates and sandbags.",
            "密切关注水位；检查水泵、闸门和沙袋。",
        ),
        yellow=Text(
            "Patrol the banks; keep people away from the water; make ready to move those who live low.",
            "加强堤岸巡查，劝离临水人员，做好低洼处群众转移准备。",
        ),
        orange=Text(
            "Move people out of low-lying places; close riverside roads and footbridges; report every hour.",
            "转移低洼地带群众，封闭沿河道路和便桥，每小时上报一次。",
        ),
        red=Text(
            "Evacuate everybody below the danger line now; go on foot to higher ground; enter no water.",
            "立即撤离危险线以下全部人员，步行前往高处，切勿涉水。",
        ),
        responses=("Monitor", "Prepare", "Evacuate", "Evacuate"),
    ),
    "rainstorm": Hazard(
        name=Text("Rainstorm", "暴雨"),
        category="Met",
        blue=Text("Watch the rain; clear drains and gullies.", "关注雨情，清理排水口和边沟。"),
        yellow=Text(
            "Patrol slopes, underpasses and basements; stop work outdoors.",
            "巡查边坡、下穿通道和地下室，停止户外作业。",
        ),
        orange=Text(
            "Close underpasses; move people from slopes and gullies; stop school and outdoor events.",
            "封闭下穿通道，转移山坡沟谷群众，停课并停止户外活动。",
        ),
        red=Text(
            "Stay in strong buildings on high ground; evacuate slopes, gullies and basements now.",
            "留在高处坚固建筑内，立即撤离山坡、沟谷和地下空间。",
        ),
        responses=("Monitor", "Prepare", "Evacuate", "Shelter"),
    ),
    "waterlogging": Hazard(
        name=Text("Waterlogging", "积水内涝"),
        category="Met",
        blue=Text(
            "Clear gullies and pump sumps; send somebody to look.", "清理雨水口和泵站前池，派员到现场查看。"
        ),
        yellow=Text(
            "Close the road or underpass to cars; start the pumps; post somebody at each end.",
            "禁止小型车辆通行，启动排涝泵，两端派人值守。",
        ),
        orange=Text(
            "Close it to everybody; take people out of vehicles and basements nearby.",
            "全面封闭，疏散被困车辆和附近地下空间人员。",
        ),
        red=Text(
            "Let nobody in; search for people in vehicles and basements; cut the power there.",
            "严禁任何人进入，搜救被困车辆和地下空间人员，切断现场电源。",
        ),
        responses=("Assess", "Avoid", "Evacuate", "Evacuate"),
    ),
    "gas": Hazard(
        name=Text("Gas leak", "燃气泄漏"),
        category="Safety",
        blue=Text("Check the detector and the valves nearby.", "检查探测器及附近阀门。"),
        yellow=Text(
            "Ventilate; allow no flame and no switch; look for the leak with a portable detector.",
            "加强通风，禁止明火和开关电器，用便携检测仪查找漏点。",
        ),
        orange=Text(
            "Close the valves; keep everybody 50 m away; call the gas company.",
            "关闭阀门，人员撤至五十米以外，通知燃气公司抢修。",
        ),
        red=Text(
            "Leave at once against the wind; touch no switch; call fire and gas emergency from outside.",
            "立即逆风撤离，勿碰任何开关，到室外拨打火警和燃气抢险电话。",
        ),
        responses=("Assess", "Prepare", "Evacuate", "Evacuate"),
    ),
    "pipeline": Hazard(
        name=Text("Pipeline fault", "管线异常"),
        category="Infra",
        blue=Text("Compare pressure and flow with the plan.", "核对压力、流量与调度计划。"),
        yellow=Text("Send a patrol along the section.", "派员沿线巡查。"),
        orange=Text(
            "Reduce pressure; isolate the section if a leak shows.", "降压运行，发现泄漏即隔离管段。"
        ),
        red=Text(
            "Isolate the section now; keep people away; call the repair crew.",
            "立即隔离管段，疏散周边人员，通知抢修队伍。",
        ),
        responses=("Monitor", "Assess", "Execute", "Execute"),
    ),
    "air": Hazard(
        name=Text("Air pollution", "空气污染"),
        category="Env",
        blue=Text("Sensitive people should do less outdoors.", "敏感人群减少户外活动。"),
        yellow=Text("Children and the sick stay in; sprinkle roads.", "儿童和病人留在室内，道路加强洒水。"),
        orange=Text(
            "Stop dusty work and outdoor lessons; limit traffic.", "停止扬尘作业和户外课程，限制车辆通行。"
        ),
        red=Text(
            "Stay in with windows closed; stop dusty work and heavy emitters.",
            "留在室内关闭门窗，停止扬尘作业和重点排放源。",
        ),
        responses=("Monitor", "Shelter", "Shelter", "Shelter"),
    ),
    "dust": Hazard(
        name=Text("Construction dust", "施工扬尘"),
        category="Env",
        blue=Text("Sprinkle and cover bare soil.", "洒水降尘，覆盖裸土。"),
        yellow=Text(
            "Stop earthworks until mist cannon and washing run.", "开启雾炮和冲洗设施前停止土方作业。"
        ),
        orange=Text("Stop earthworks and demolition.", "停止土方和拆除作业。"),
        red=Text("Stop all work on the site; expect an inspection.", "工地全面停工，等候检查。"),
        responses=("Assess", "Execute", "Execute", "Execute"),
    ),
    "noise": Hazard(
        name=Text("Construction noise", "施工噪声"),
        category="Env",
        blue=Text("Check which machine is too loud.", "排查超标机械。"),
        yellow=Text("Screen or slow the loud machine.", "对超标机械采取隔声或降速措施。"),
        orange=Text("Stop the loud machine.", "停用超标机械。"),
        red=Text("Stop noisy work now; expect an inspection.", "立即停止高噪声作业，等候检查。"),
        responses=("Assess", "Execute", "Execute", "Execute"),
    ),
    "crane": Hazard(
        name=Text("Tower crane danger", "塔吊险情"),
        category="Safety",
        blue=Text("Tell the driver; watch wind and load.", "提醒司机，关注风速和载荷。"),
        yellow=Text("Lift nothing heavier; clear the ground below.", "不得继续加载，清空吊臂下方人员。"),
        orange=Text(
            "Stop lifting; lower the load; let the jib swing free.", "停止吊装，放下吊物，回转放松。"
        ),
        red=Text("Stop the crane now; everybody out of its reach.", "塔吊立即停机，所有人员撤出回转半径。"),
        responses=("Monitor", "Prepare", "Execute", "Evacuate"),
    ),
    "equipment": Hazard(
        name=Text("Monitoring fault", "监测设备异常"),
        category="Infra",
        blue=Text("{check}", "{check}"),
        yellow=Text(
            "Go there and, from a safe place, {by_hand} and report; mend the instrument. {check}",
            "派员在安全处{by_hand}并上报，同时抢修设备。{check}",
        ),
        orange=Text(
            "Keep somebody at the place who reads by eye until the instrument is mended.",
            "安排专人现场值守、人工观测，直至设备修复。",
        ),
        red=Text(
            "Assume the worst at this place; keep somebody there at a safe distance.",
            "按最不利情况处置，安排专人在安全处值守观察。",
        ),
        responses=("Assess", "Assess", "Assess", "Assess"),
        over=Text("Monitoring works again: {place}", "{place}监测恢复正常"),
        relief=Text(
            "Nobody need read by eye any more; note what was wrong and what mended it.",
            "可停止人工观测；记录故障原因和处理情况。",
        ),
        relief_beside=Text(
            "Nobody need read by eye any more; what the warnings that still stand ask for goes on.",
            "可停止人工观测；其他仍然有效的预警，其措施照常执行。",
        ),
    ),
}


def hazard_of(name: str) -> Hazard:
    """A hazard's words; general ones for a hazard that only this district knows."""
    return HAZARDS.get(name) or Hazard(
        name=Text(f"Danger ({name})", f"险情（{name}）"),
        category="Safety",
        blue=Text("Watch closely and report changes.", "密切关注，及时上报变化。"),
        yellow=Text("Go and see; make ready to act.", "派员查看，做好处置准备。"),
        orange=Text("Keep people away; act by the plan.", "疏散周边人员，按预案处置。"),
        red=Text("Get everybody out of danger now.", "立即撤离危险区域全部人员。"),
        responses=("Monitor", "Prepare", "Execute", "Evacuate"),
    )
