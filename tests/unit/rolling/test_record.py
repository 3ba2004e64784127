# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change record: outcomes, outages, what is due, and the page that shows it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.record import Record
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.report import render
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.scrub import scrub
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.summary import summary
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.times import duration, iso
from ansible_collections.mailops.exchange.tests.unit.rolling.support import HOTFIX, SP2, World, two_nodes

BEGIN = "2026-11-22T21:00:00.000Z"
EPOCH = 1795381200.0


def at(minutes: float) -> str:
    return iso(EPOCH + 60 * minutes, "")


def result_of(step: dict[str, Any], minute: float, **more: Any) -> dict[str, Any]:
    """What an action returns for a step that took half a minute."""
    return {
        "step": step,
        "changed": step["changed"],
        "started": at(minute),
        "ended": at(minute + 0.5),
        "before": step["before"],
        "after": step["after"],
        **more,
    }


def rolled(
    world: World, update: dict[str, Any] | None = None, *, steps: int | None = None, check_mode: bool = False
) -> Record:
    """A record into which the first ``steps`` steps of a plan have gone, a minute each."""
    plan = make_plan(world.estate(), [update or SP2], {})
    record = Record(BEGIN, run_id="run", check_mode=check_mode, ansible_version="2.21")
    record.plan_made(plan, runbook(plan))
    for name, entry in world.hosts.items():
        record.host_seen(name, entry["exchange"])
    for step in plan["steps"][:steps]:
        record.step_done(step["host"], result_of(step, step["index"]), BEGIN)
    return record


def ended(record: Record) -> dict[str, Any]:
    record.finished(at(200))
    found = record.to_dict()
    assert json.loads(json.dumps(found)) == found
    return found


def test_done() -> None:
    found = ended(rolled(two_nodes()))
    assert (found["outcome"], found["update"], found["problems"]) == ("done", "exchange2003-sp2", [])
    assert {"index", "host", "cluster", "step", "object", "changed", "started", "ended", "phase", "status"} <= set(
        found["steps"][0]
    )
    assert found["hosts"]["n1"]["before"]["service_pack"] == 1
    assert found["hosts"]["n1"]["after"]["service_pack"] == 2
    assert set(found["hosts"]["n1"]["after"]) == {"product", "version", "service_pack", "build", "hotfixes"}
    assert found["due"] == [
        "mail/EVS1 (on n1, n2): full backup due of all Exchange databases. Exchange Server 2003 Service Pack 2 was"
        " installed; backups from before it cannot be restored any more."
    ]


def test_nothing_is_due_after_a_hotfix() -> None:
    found = ended(rolled(two_nodes(), HOTFIX))
    assert (found["outcome"], found["due"]) == ("done", [])


def test_outages_from_the_times_of_the_steps() -> None:
    """Without events: from the beginning of the offline step to the end of the online step; a move counts too."""
    server = ended(rolled(two_nodes()))["virtual_servers"]["mail/EVS1"]
    plan = make_plan(two_nodes().estate(), [SP2], {})
    index = {step["step"]: step["index"] for step in plan["steps"] if step["object"] == "EVS1"}
    assert server["moves"] == 2
    assert [(outage["from"], outage["to"], outage["phase"]) for outage in server["outages"]] == [
        (at(index["take_offline"]), at(index["bring_online"] + 0.5), "bring_over"),
        (at(index["failover_test"]), at(index["failover_test"] + 0.5), "finish"),
    ]


def test_outages_from_events() -> None:
    record = rolled(two_nodes(), steps=0)
    move = next(step for step in record.plan["steps"] if step["step"] == "failover_test")
    events = [
        {"virtual_server": "EVS1", "event": "offline", "at": EPOCH},
        {"virtual_server": "EVS1", "event": "moved", "at": EPOCH + 10},
        {"virtual_server": "Cluster Group", "event": "offline", "at": EPOCH},
        {"virtual_server": "EVS1", "event": "online", "at": EPOCH + 42.5},
    ]
    record.step_done("n1", result_of(move, 5, events=events), BEGIN)
    assert record.to_dict()["virtual_servers"] == {
        "mail/EVS1": {"outages": [{"from": at(0), "to": iso(EPOCH + 42.5, ""), "phase": "finish"}], "moves": 1}
    }


def test_a_move_that_tells_no_times() -> None:
    """The time of the step is taken, and the move is counted once."""
    record = rolled(two_nodes(), steps=0)
    move = next(step for step in record.plan["steps"] if step["step"] == "failover_test")
    events = [{"virtual_server": "EVS1", "event": "moved", "at": EPOCH + 10}]
    record.step_done("n1", result_of(move, 5, events=events), BEGIN)
    server = record.to_dict()["virtual_servers"]["mail/EVS1"]
    assert server == {"outages": [{"from": at(5), "to": at(5.5), "phase": "finish"}], "moves": 1}


@pytest.mark.parametrize("events", [None, [{"virtual_server": "EVS1", "event": "online", "at": EPOCH + 600}]])
def test_offline_when_the_run_began(events: Any) -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=2)
    world.evs("mail", "EVS1", "n1", service_pack=1)
    world.park("mail", "EVS1")
    record = rolled(world, steps=0)
    online = next(step for step in record.plan["steps"] if step["step"] == "bring_online")
    record.step_done("n1", result_of(online, 9.5, events=events), BEGIN)
    outages = record.to_dict()["virtual_servers"]["mail/EVS1"]["outages"]
    assert outages == [{"from": BEGIN, "to": at(10), "phase": "bring_over"}]


def parked_on_the_old_node(*, but: str = "") -> World:
    """A run was cut off: n2 has the service pack, EVS1 is offline on n1, ``but`` the resource of that name."""
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    world.evs("mail", "EVS1", "n1", preferred=["n1"])
    world.hosts["n2"]["exchange"].update(SP2["result"])
    note = {"owners": {"EVS1": "N1", "Cluster Group": "N1"}, "possible_owners": {"EVS1": ["N1", "N2"]}}
    for name in ("n1", "n2"):
        world.hosts[name]["note"] = note
    world.park("mail", "EVS1", but=but)
    return world


def test_offline_when_the_run_began_and_moved_before_it_came_online_is_one_outage() -> None:
    record = rolled(parked_on_the_old_node(), steps=0)
    steps = {step["step"]: step for step in record.plan["steps"] if step["phase"] == "bring_over"}
    record.step_done("n2", result_of(steps["move_group"], 5), BEGIN)
    record.step_done("n2", result_of(steps["bring_online"], 9.5), BEGIN)
    server = record.to_dict()["virtual_servers"]["mail/EVS1"]
    assert server == {"outages": [{"from": BEGIN, "to": at(10), "phase": "bring_over"}], "moves": 1}


def test_taking_offline_what_is_half_offline_is_a_change() -> None:
    """The state has one word before and after; resources go offline all the same."""
    plan = rolled(parked_on_the_old_node(but="System Attendant"), steps=0).plan
    step = next(step for step in plan["steps"] if step["step"] == "take_offline")
    assert (step["before"], step["after"], step["changed"]) == ({"state": "partially_online"},) * 2 + (True,)


def test_an_outage_that_lasts_and_one_that_is_put_back() -> None:
    record = rolled(two_nodes(), steps=0)
    down = next(step for step in record.plan["steps"] if step["step"] == "take_offline")
    so_far = {"events": [{"virtual_server": "EVS1", "event": "offline", "at": EPOCH + 300}]}
    record.step_done("n2", result_of(down, 5, details=so_far), BEGIN, status="failed")
    assert record.to_dict()["virtual_servers"]["mail/EVS1"]["outages"][0]["from"] == at(5)
    assert record.to_dict()["virtual_servers"]["mail/EVS1"]["outages"][0]["to"] is None
    assert any("STILL OFFLINE" in line for line in summary(record.to_dict(), "x"))
    assert "still offline" in render(record.to_dict())
    back = {"changed": True, "events": [{"virtual_server": "EVS1", "event": "online", "at": EPOCH + 900}]}
    record.step_done("n2", back, BEGIN)
    assert record.to_dict()["virtual_servers"]["mail/EVS1"]["outages"][0]["to"] == at(15)


def test_steps_are_in_the_order_of_the_plan() -> None:
    record = rolled(two_nodes(), steps=0)
    for step in reversed(record.plan["steps"]):
        record.step_done(step["host"], result_of(step, 100 - step["index"]), BEGIN)
    record.step_done("n1", {"step": {"step": "verify_host"}, "changed": False}, BEGIN)
    indices = [step.get("index") for step in record.to_dict()["steps"]]
    assert indices == [*range(len(record.plan["steps"])), None]


@pytest.mark.parametrize(
    ("steps", "check_mode", "fail", "refusal", "outcome"),
    [
        (None, False, False, False, "done"),
        (None, True, False, False, "planned"),
        (0, False, False, False, "planned"),
        (9, False, False, False, "stopped"),
        (0, False, True, False, "refused"),
        (0, False, True, True, "refused"),
        (1, False, True, True, "refused"),
        (1, False, True, False, "stopped"),
        (9, False, True, True, "stopped"),
        (9, True, True, False, "refused"),
    ],
)
def test_outcomes(steps: int | None, check_mode: bool, fail: bool, refusal: bool, outcome: str) -> None:
    record = rolled(two_nodes(), steps=steps, check_mode=check_mode)
    if fail:
        record.failed("n2", "It broke.", "Mend it.", refusal=refusal)
    found = ended(record)
    assert found["outcome"] == outcome
    assert bool(found["problems"]) == (outcome in ("stopped", "refused"))


def test_a_run_that_waits_in_vain_for_an_installer_of_an_earlier_one_has_stopped() -> None:
    record = rolled(two_nodes(), steps=0)
    install = next(step for step in record.plan["steps"] if step["step"] == "install_update")
    record.step_done("n2", {"step": install, "changed": False}, BEGIN, status="failed")
    record.failed("n2", "waited 120 min in vain", "See what it waits for.")
    assert ended(record)["outcome"] == "stopped"


@pytest.mark.parametrize(("refusal", "outcome"), [(False, "stopped"), (True, "refused")])
def test_a_roll_under_way_that_a_run_does_not_take_further(refusal: bool, outcome: str) -> None:
    """The window was over: the roll has stopped. A closed gate refuses the run also then."""
    world = two_nodes()
    for step in make_plan(world.estate(), [SP2], {})["steps"][:9]:
        world.do(step)
    record = Record(BEGIN)
    record.plan_made(make_plan(world.estate(), [SP2], {}))
    record.failed("n1", "The maintenance window ended.", "Start again.", refusal=refusal)
    assert ended(record)["outcome"] == outcome


def test_while_it_runs_the_record_says_stopped() -> None:
    found = rolled(two_nodes(), steps=3).to_dict()
    assert (found["outcome"], found["ended"]) == ("stopped", None)
    assert found["problems"][0]["what"] == "The run was ended before it was complete."
    failing = rolled(two_nodes(), steps=0)
    failing.failed("n1", "x")
    assert failing.to_dict()["outcome"] == "stopped"


def test_a_run_that_ends_early_says_which_step_is_missing() -> None:
    record = rolled(two_nodes(), steps=7)
    found = ended(record)
    assert "the first is start_cluster_service N2 on n2." in found["problems"][0]["what"]
    assert "goes on from what it finds" in found["problems"][0]["remedy"]


def test_the_same_plan_told_twice_is_one_plan() -> None:
    record = rolled(two_nodes())
    record.plan_made(make_plan(two_nodes().estate(), [SP2], {}))
    assert ended(record)["outcome"] == "done"


def test_a_step_that_failed_is_not_taken() -> None:
    record = rolled(two_nodes(), steps=-1)
    last = record.plan["steps"][-1]
    record.step_done(last["host"], result_of(last, 50, msg="denied"), BEGIN, status="ignored")
    found = ended(record)
    assert found["outcome"] == "stopped"
    assert found["steps"][-1]["msg"] == "denied"


def test_problems_are_told_once() -> None:
    record = rolled(two_nodes(), steps=0)
    record.failed("n1", "It broke.")
    record.failed("n1", "The turn of n1 failed: It broke.")
    record.failed("n2", "", problems=[{"host": "x", "what": "y", "remedy": "z"}])
    problems = record.to_dict()["problems"]
    assert [(problem["host"], problem["what"]) for problem in problems] == [("n1", "It broke."), ("x", "y")]


def test_forgotten_problems() -> None:
    record = rolled(two_nodes())
    record.forget(record.failed("n1", "It broke."))
    assert ended(record)["outcome"] == "done"


def test_check_mode_predicts_and_changes_nothing() -> None:
    found = ended(rolled(two_nodes(), check_mode=True))
    host = found["hosts"]["n1"]
    assert (host["before"]["service_pack"], host["after"]["service_pack"], host["predicted"]["service_pack"]) == (
        1,
        1,
        2,
    )
    assert found["virtual_servers"] == {"mail/EVS1": {"outages": [], "moves": 0}}
    assert [step["step"] for step in found["steps"] if step.get("unpredictable")] == ["restart_host", "restart_host"]


def test_only_known_keys_get_into_the_record() -> None:
    record = rolled(two_nodes(), steps=0)
    step = {**record.plan["steps"][0], "note": "hunter2"}
    record.step_done("n1", {**result_of(step, 1), "password": "hunter2", "invocation": {"x": "hunter2"}}, BEGIN)
    record.failed("n1", 'The command schtasks /create /rp "hunter2" ended with 1; password: hunter2')
    record.owed(["Change the password=hunter2"])
    assert "hunter2" not in json.dumps(record.to_dict())


def test_scrub() -> None:
    assert scrub({"account_password": "x", "n": 1, "ok": True}) == {"account_password": "********", "n": 1, "ok": True}
    assert scrub("net use /user:a pwd=b c") == "net use /user:a pwd=******** c"
    assert scrub("The password of the account has expired.") == "The password of the account has expired."


def test_times() -> None:
    assert iso(0, "") == "1970-01-01T00:00:00.000Z"
    assert iso("2026-11-22T22:00:00+01:00", "") == BEGIN
    assert [iso(value, "d") for value in (None, "soon", True, 1e300)] == ["d"] * 4
    assert [duration(value) for value in (0.4, 59, 60, 90, 3600, 7500)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 min 30 s",
        "1 h 00 min",
        "2 h 05 min",
    ]


class Outline(HTMLParser):
    """Collects what a page refers to, and whether its tags are closed in order."""

    VOID = ("meta", "line", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.links += [str(value) for key, value in attrs if key in ("src", "href", "xlink:href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(record: dict[str, Any]) -> str:
    page = render(record)
    outline = Outline()
    outline.feed(page)
    assert (outline.open, outline.links) == ([], [])
    assert "<script" not in page
    assert "url(" not in page
    drawn = re.search(r"<svg.*?</svg>", page, re.DOTALL)
    if drawn:
        ElementTree.fromstring(drawn.group().replace("&ndash;", "-"))
    return page


def test_page_of_a_complete_roll() -> None:
    found = ended(rolled(two_nodes()))
    page = page_of(found)
    for text in ("Exchange Server 2003 Service Pack 2", ">done<", "Turn of n2", "mail/EVS1", found["digest"], "<svg"):
        assert text in page
    assert page.count('class="k-outage') == 3, "two bars and the legend"


def test_page_tells_the_change_of_a_group_in_short() -> None:
    record = rolled(two_nodes(), steps=0)
    step = next(step for step in record.plan["steps"] if step["step"] == "take_offline")
    more = {
        "before": {"state": "online", "resources": {"a": "online"}},
        "after": {"state": "partially_online", "resources": {"a": "offline"}},
    }
    record.step_done("n2", {**result_of(step, 5), **more}, BEGIN)
    assert "<td>online → partially online</td>" in page_of(ended(record))


@pytest.mark.parametrize("check_mode", [True, False])
def test_page_without_outages_or_steps(check_mode: bool) -> None:
    record = rolled(two_nodes(), steps=0, check_mode=check_mode)
    assert "<svg" not in page_of(ended(record))
    assert "No plan was made" in page_of(ended(Record(BEGIN)))


def test_a_record_without_a_plan_names_the_updates() -> None:
    record = Record(BEGIN)
    record.asked_for(["exchange2003-sp1", "exchange2003-sp2"])
    record.failed("n1", "It broke.")
    found = ended(record)
    assert (found["update"], found["title"]) == (["exchange2003-sp1", "exchange2003-sp2"], None)
    assert "exchange2003-sp1, exchange2003-sp2: refused" in "\n".join(summary(found, "x"))
    assert "<h1>exchange2003-sp1, exchange2003-sp2</h1>" in page_of(found)
    record.asked_for(["exchange2003-sp2"], "Exchange Server 2003 Service Pack 2")
    record.asked_for(["exchange2003-sp2"])
    assert "<h1>Exchange Server 2003 Service Pack 2</h1>" in page_of(ended(record))


def test_page_escapes_what_others_wrote() -> None:
    record = rolled(two_nodes(), steps=2)
    record.failed("n1", "<script>alert(1)</script>", "<b>")
    page = page_of(ended(record))
    assert "&lt;script&gt;" in page


def test_page_of_many_servers_with_long_names() -> None:
    world = World()
    world.cluster(
        "verwaltung",
        ["a-node-with-a-very-long-name-1", "a-node-with-a-very-long-name-2"],
        "a-node-with-a-very-long-name-1",
    )
    world.evs("verwaltung", "Büro & Außendienst (Köln), Postfächer der Leitung", "a-node-with-a-very-long-name-1")
    for number in range(48):
        world.server(f"mbx{number:02d}.a-long-domain.contoso.example")
    page = page_of(ended(rolled(world)))
    labels = re.findall(r'<text x="6"[^>]*>([^<]*)<title>', page)
    assert len(labels) == 51
    assert len(set(labels)) == 51
    assert all(len(label.replace("&amp;", "&")) <= 27 for label in labels)
    for x, width in re.findall(r'<rect class="k-[^"]*" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', page):
        assert 190 <= float(x) <= 1000 - float(width)


def test_summary_on_the_terminal() -> None:
    record = rolled(two_nodes())
    record.failed("n1", "It broke.", "Mend it.")
    text = "\n".join(summary(ended(record), "/x/record.html"))
    for words in (
        "stopped",
        "mail/EVS1: offline",
        "in the failover test",
        "n1: It broke.",
        "Mend it.",
        "backup",
        "/x/record.html",
    ):
        assert words in text
    planned = "\n".join(summary(ended(rolled(two_nodes(), check_mode=True)), "x"))
    assert "would be offline 2 times" in planned
