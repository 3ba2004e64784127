# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates: what is accepted, which defaults are filled in, and what is said about a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ansible_collections.mailops.exchange.lab import estate as estates
from ansible_collections.mailops.exchange.lab.estate import EstateError, load_estate, load_faults
from ansible_collections.mailops.exchange.lab.world import World

LAB = Path(estates.__file__).parent
SHIPPED = sorted((LAB / "estates").glob("*.yml"))

CLUSTER = """
hosts:
  n1: {cluster: mail}
  n2: {cluster: mail}
clusters:
  mail: {virtual_servers: {EVS1: }}
"""

FROM_THE_FORMAT = """
update: exchange2003-sp2
seed: 7
speed: 600
language: en
domain: contoso.example
controllers: {dc1: {}}
directory_connector: {host: fe1, custom_maps: true}
backups: {databases: 6, system_state: 6, controllers: null}
operator: {reacts_after: 60, upgrades_virtual_servers: true, runs_setup: true}
hosts:
  fe1:
    os: server2003
    os_service_pack: 2
    channel: winrm
    product: "2003"
    edition: standard
    service_pack: 1
    hotfixes: [KB831464]
    role: front_end
    load_balanced: web
    services: {SNMP: running, TrendServer: running}
    processes: [xcopy.exe]
    setup: {exit_code: 3010, minutes: 12}
  n1: {os: server2003, product: "2003", edition: enterprise, service_pack: 1, cluster: mail}
  n2: {os: server2003, product: "2003", edition: enterprise, service_pack: 1, cluster: mail}
clusters:
  mail:
    nodes: [n1, n2]
    quorum: {group: Cluster Group, owner: n1}
    virtual_servers:
      EVS1: {owner: n1, possible_owners: [n1, n2], preferred_owners: [n1]}
    other_groups: {File Share: {owner: n1}}
organizations:
  contoso: [fe1, n1, n2]
"""


def load(folder: Path, text: str) -> dict[str, Any]:
    """Read an estate from a text."""
    path = folder / "my.yml"
    path.write_text(text, encoding="utf-8")
    return load_estate(path)


def mistakes(folder: Path, text: str) -> list[str]:
    """What is said about a wrong estate, without the folder."""
    with pytest.raises(EstateError) as caught:
        load(folder, text)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_estates_are_good(path: Path) -> None:
    """Every estate that comes with the lab loads, and a world can be built of it."""
    estate = load_estate(path)
    assert set(World.from_estate(estate).hosts) == set(estate["hosts"])


def test_schemas_are_schemas_and_closed() -> None:
    """The published schemas are valid, describe every property and let no unknown key through."""
    for name in ("estate.schema.json", "faults.schema.json"):
        schema = json.loads((LAB / name).read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        waiting = [schema]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                if "properties" in part:
                    assert part["additionalProperties"] is False
                    for prop in part["properties"].values():
                        assert "description" in prop or "$ref" in prop
                waiting += part.values()
            elif isinstance(part, list):
                waiting += part


def test_the_format_as_it_is_documented(tmp_path: Path) -> None:
    """Each key of the documented example is taken over."""
    estate = load(tmp_path, FROM_THE_FORMAT)
    assert estate["updates"] == ["exchange2003-sp2"]
    assert (estate["seed"], estate["speed"]) == (7, 600)
    assert estate["backups"] == {"databases": 6, "system_state": 6, "controllers": None}
    front = estate["hosts"]["fe1"]
    assert front["setup"] == {"exit_code": 3010, "minutes": 12}
    assert front["services"] == {"SNMP": "running", "TrendServer": "running"}
    assert front["organization"] == "contoso"
    assert estate["clusters"]["mail"]["virtual_servers"]["EVS1"]["service_pack"] == 1


def test_a_host_without_settings_is_complete(tmp_path: Path) -> None:
    """One name is an estate."""
    estate = load(tmp_path, "hosts:\n  mbx1:\n")
    host = estate["hosts"]["mbx1"]
    assert (host["os"], host["os_service_pack"], host["product"]) == ("server2003", 2, "2003")
    assert (host["edition"], host["service_pack"], host["channel"], host["role"]) == (
        "standard",
        1,
        "winrm",
        "back_end",
    )
    assert host["setup"] == {"exit_code": 0, "minutes": 10}
    assert estate["update"] == "exchange2003-sp2"
    assert list(estate["controllers"]) == ["dc1"]
    assert estate["backups"] == {"databases": 6, "system_state": 6, "controllers": 6}
    assert estate["operator"] == {
        "reacts_after": 60,
        "upgrades_virtual_servers": True,
        "runs_setup": True,
        "read_release_notes": True,
        "takes_backups_after": None,
    }
    assert estate["organizations"] == {"contoso": ["mbx1"]}
    assert (estate["domain"], estate["language"], estate["speed"]) == ("contoso.example", "en", 60)


@pytest.mark.parametrize(
    ("written", "os", "product", "channel", "update"),
    [
        ("{os: nt4}", "nt4", "5.5", "rpc", "exchange55-sp4"),
        ("{os: 2000}", "2000", "2000", "rpc", "exchange2000-sp3"),
        ("{product: 5.5}", "nt4", "5.5", "rpc", "exchange55-sp4"),
        ("{product: '2000'}", "2000", "2000", "rpc", "exchange2000-sp3"),
        ("{product: 2003, os: '2000'}", "2000", "2003", "rpc", "exchange2003-sp2"),
    ],
)
def test_windows_and_product_fit(
    tmp_path: Path, written: str, os: str, product: str, channel: str, update: str
) -> None:
    """Either names the other; numbers are taken for what they mean."""
    estate = load(tmp_path, f"hosts: {{h: {written}}}")
    host = estate["hosts"]["h"]
    assert (host["os"], host["product"], host["channel"], estate["update"]) == (os, product, channel, update)


def test_cluster_defaults(tmp_path: Path) -> None:
    """Nodes, quorum, owners, names and editions fill themselves in."""
    cluster = load(tmp_path, CLUSTER)["clusters"]["mail"]
    assert cluster["nodes"] == ["n1", "n2"]
    assert cluster["quorum"] == {"group": "Cluster Group", "owner": "n1", "found": True}
    server = cluster["virtual_servers"]["EVS1"]
    assert (server["owner"], server["possible_owners"], server["preferred_owners"]) == ("n1", ["n1", "n2"], ["n1"])
    assert (server["network_name"], server["service_pack"], server["state"]) == ("EVS1", 1, None)
    assert load(tmp_path, CLUSTER)["hosts"]["n1"]["edition"] == "enterprise"


def test_nodes_name_the_cluster_of_hosts(tmp_path: Path) -> None:
    """It is enough to list the nodes."""
    estate = load(tmp_path, "hosts: {a: , b: , c: }\nclusters: {k: {nodes: [b, a]}}")
    assert [estate["hosts"][name]["cluster"] for name in "abc"] == ["k", "k", None]
    assert estate["clusters"]["k"]["quorum"]["owner"] == "b"


def test_network_names_fit_netbios_and_differ(tmp_path: Path) -> None:
    """Names made from group names are valid and taken once, also against computers."""
    text = """
hosts: {evs: , n1: , n2: , n3: }
clusters:
  a:
    nodes: [n1, n2, n3]
    virtual_servers: {EVS: , Ärzte & Pfleger (Haus eins): }
"""
    servers = load(tmp_path, text)["clusters"]["a"]["virtual_servers"]
    assert [server["network_name"] for server in servers.values()] == ["EVS2", "RZTEPFLEGERHAUS"]


def test_default_names_follow_the_language(tmp_path: Path) -> None:
    """A German cluster has a German core group."""
    assert load(tmp_path, "language: de\n" + CLUSTER)["clusters"]["mail"]["quorum"]["group"] == "Clustergruppe"


def test_several_updates_and_nobody_by_hand(tmp_path: Path) -> None:
    """A list keeps its order; null means nobody."""
    estate = load(tmp_path, "update: [exchange2003-sp1, exchange2003-sp2]\noperator: null\nhosts: {a: }")
    assert estate["updates"] == ["exchange2003-sp1", "exchange2003-sp2"]
    assert estate["operator"] is None


MISTAKES = [
    ("hosts: {}", "my.yml:1: hosts: is empty; expected at least one entry"),
    ("speed: 1\n", "my.yml:1: hosts is missing; expected it here"),
    ("- a\n", "my.yml:1: found a list, expected a mapping"),
    ("hosts:\n  a: {prodct: '2003'}", "my.yml:2: hosts.a.prodct: is unknown; expected one of"),
    ("hosts:\n  a: {prodct: '2003'}", "(did you mean product?)"),
    ("hosts:\n  a: {product: '2010'}", 'my.yml:2: hosts.a.product: found "2010", expected one of 5.5, 2000, 2003'),
    ("hosts:\n  a: {service_pack: two}", 'my.yml:2: hosts.a.service_pack: found "two", expected a whole number'),
    ("hosts:\n  a: {hotfixes: [831464]}", "hosts.a.hotfixes[0]: found 831464, expected a text in quotes"),
    ("hosts:\n  bad name: {}", 'my.yml:2: hosts["bad name"]: found "bad name", expected a computer\'s name'),
    ("hosts:\n  12345: {}", "hosts.12345: found"),
    ("hosts:\n  a: {}\n  a: {}", "my.yml:3: hosts.a: is written twice (first in line 2); expected each name once"),
    ("hosts:\n  a: {}\n  A: {}", 'my.yml:3: hosts.A: "A" is a computer\'s name twice'),
    ("hosts:\n  dc1: {}", 'hosts.dc1: "dc1" is a computer\'s name twice'),
    ("hosts: {a: {}\nx: [", "is not valid YAML"),
    ("speed: -1\nhosts: {a: }", "my.yml:1: speed: found -1, expected at least 0"),
    ("domain: contoso\nhosts: {a: }", 'domain: found "contoso", expected DNS name of the Windows domain'),
    ("update: exchange2003-sp7\nhosts: {a: }", "(did you mean exchange2003-sp"),
    ("update: [exchange2003-sp1, nope]\nhosts: {a: }", 'update[1]: found "nope", expected the key of an update'),
    ("update: [exchange2003-sp1, exchange2003-sp1]\nhosts: {a: }", 'names "exchange2003-sp1" twice'),
    ("hosts:\n  a: {service_pack: 3}", "Exchange 2003 has no service pack 3; expected 0 to 2"),
    ("hosts:\n  a: {os_service_pack: 4}", "Windows Server 2003 has no service pack 4; expected 0 to 2"),
    ("hosts:\n  a: {os: nt4, product: '2003'}", "hosts.a.os: Exchange 2003 does not run on Windows NT 4.0"),
    ("hosts:\n  a: {os: server2003, product: '2000'}", "hosts.a.os: Exchange 2000 does not run on Windows Server 2003"),
    ("hosts:\n  a: {os: '2000', channel: winrm}", "hosts.a.channel: Windows 2000 has no WinRM; expected rpc"),
    ("hosts:\n  a: {edition: conferencing}", "hosts.a.edition: Exchange 2003 has no edition conferencing"),
    ("hosts:\n  a: {product: '5.5', role: front_end}", "hosts.a.role: Exchange 5.5 has no front-ends"),
    ("directory_connector: {host: b}\nhosts: {a: }", 'directory_connector.host: found "b", expected a host: a'),
    ("organizations: {o: [a]}\nhosts: {a: , b: }", "organizations: b is in none"),
    ("organizations: {o: [a], p: [a]}\nhosts: {a: }", "organizations.p[0]: a is also in o"),
    ("hosts: {a: &x {processes: [1]}}", "hosts.a.processes[0]: found 1, expected a text in quotes"),
    ("hosts: &h {a: *h}", "contains itself"),
    ("speed: .nan\nhosts: {a: }", "my.yml:1: speed: found nan, expected a finite number"),
    ("hosts:\n  a: {setup: {minutes: .inf}}", "my.yml:2: hosts.a.setup.minutes: found inf, expected a finite number"),
    ("backups: {databases: -.inf}\nhosts: {a: }", "backups.databases: found -inf, expected a finite number"),
    ("hosts: {a: {node_state: paused}}", "hosts.a.node_state: a is no node of a cluster"),
    ("hosts: {a: }\ncontrollers: {a: }", "is a computer's name twice"),
    (
        "hosts: {a: }\ncontrollers: {dc1: {os: nt4, channel: winrm}}",
        "controllers.dc1.channel: Windows NT 4.0 has no WinRM",
    ),
    ("hosts: {a: }\ncontrollers: {dc1: {os_service_pack: 9}}", "Windows Server 2003 has no service pack 9"),
    ("hosts: {a: }\nprerequisites: [kb1]", 'prerequisites[0]: found "kb1", expected the key of an update'),
    ("hosts: {a: {os: nt4}}\ndirectory_connector: {host: a}", "Exchange 5.5 brings no Active Directory Connector"),
    ("hosts: {a: }\nbackups: {databases: yesterday}", "backups.databases"),
    ("hosts: {a: {free_mb: {CD: 5}}}", "hosts.a.free_mb"),
    ("hosts: {a: {services: {X: paused}}}", "hosts.a.services.X"),
    ("hosts: {a: {services: {X: {status: running}}}}", "hosts.a.services.X.status"),
    ("hosts: {a: }\npackage: {hash: bad}", "package.hash"),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    """One message, with file, line, place, and what was expected."""
    said = mistakes(tmp_path, text)
    assert len(said) == 1
    assert expected in said[0]


CLUSTER_MISTAKES = [
    ("n1: {cluster: mail, edition: standard}", "nodes: [n1, n2]", "the standard edition does not cluster"),
    ("n1: {cluster: mail, edition: small_business}", "nodes: [n1, n2]", "the small business edition does not cluster"),
    ("n1: {cluster: mail, role: front_end}", "nodes: [n1, n2]", "a cluster node is no front-end"),
    ("n1: {cluster: post}", "nodes: [n1, n2]", 'hosts.n1.cluster: found "post", expected a cluster'),
    ("n1: {cluster: mail}", "nodes: [n2]", "n1 is not among the nodes of mail"),
    ("n1: ", "nodes: [n1, n2, n9]", 'nodes[2]: found "n9", expected a host'),
    ("n1: ", "nodes: [n1, n1]", 'names "n1" twice'),
    ("n1: ", "quorum: {owner: n3}", 'clusters.mail.quorum.owner: found "n3", expected a node of the cluster'),
    ("n1: ", "virtual_servers: {E: {owner: n3}}", "clusters.mail.virtual_servers.E.owner"),
    ("n1: ", "virtual_servers: {E: {owner: n1, possible_owners: [n2]}}", "n1 is not among its possible owners"),
    ("n1: ", "virtual_servers: {E: {possible_owners: [n3]}}", "possible_owners[0]"),
    ("n1: ", "virtual_servers: {E: {service_pack: 5}}", "Exchange 2003 has no service pack 5"),
    ("n1: ", "virtual_servers: {E: {product: '5.5'}}", "Exchange 5.5 on a node with 2003; expected 2003 or 2000"),
    ("n1: ", "virtual_servers: {E: {product: '2000', service_pack: 4}}", "Exchange 2000 has no service pack 4"),
    ("n1: ", "virtual_servers: {E: , Cluster Group: }", "is a group's name twice"),
    ("n1: ", "virtual_servers: {E: , e: }", "is a group's name twice"),
    ("n1: ", "virtual_servers: {E: {network_name: N1}}", "is the name of a computer or virtual server twice"),
    ("n1: ", "virtual_servers: {E: {network_name: small}}", "expected its network name: capital letters"),
    ("n1: ", "virtual_servers: {E: , F: , G: }", "3 virtual servers on 2 nodes; expected at most 2 (two on two nodes)"),
    ("n1: ", "virtual_servers: {'E\"': }", "expected a name without control characters and double quotes"),
    ("n1: ", "other_groups: {F: {owner: n9}}", "clusters.mail.other_groups.F.owner"),
    ("n1: ", "other_groups: {F: {state: gone}}", "clusters.mail.other_groups.F.state"),
    ("n1: {node_state: down}", "virtual_servers: {E: {owner: n1}}", "n1 is down; expected a node that is up"),
    ("n1: {node_state: down}", "quorum: {owner: n1}", "n1 is down; expected a node that is up"),
]


@pytest.mark.parametrize(("host", "cluster", "expected"), CLUSTER_MISTAKES, ids=range(len(CLUSTER_MISTAKES)))
def test_a_mistake_in_a_cluster_is_explained(tmp_path: Path, host: str, cluster: str, expected: str) -> None:
    """The limits of clusters."""
    text = f"hosts:\n  {host}\n  n2: {{cluster: mail}}\n  n3: \nclusters:\n  mail:\n    {cluster}\n"
    if "nodes" not in cluster:
        text += "    nodes: [n1, n2]\n"
    said = mistakes(tmp_path, text)
    assert len(said) == 1
    assert expected in said[0]


@pytest.mark.parametrize(("settings", "most"), [("{os: nt4}", 2), ("{os: '2000'}", 4), ("", 8)])
def test_windows_limits_the_nodes(tmp_path: Path, settings: str, most: int) -> None:
    """Two nodes on NT 4.0, four on 2000, eight on Server 2003."""

    def text(count: int) -> str:
        names = [f"n{number}" for number in range(count)]
        hosts = "".join(f"  {name}: {settings}\n" for name in names)
        return f"hosts:\n{hosts}clusters: {{k: {{nodes: [{', '.join(names)}]}}}}"

    assert len(load(tmp_path, text(most))["clusters"]["k"]["nodes"]) == most
    assert f"expected at most {most}" in mistakes(tmp_path, text(most + 1))[0]


def test_the_words_of_the_gates(tmp_path: Path) -> None:
    """What an estate can say of the conditions before an update is taken over, the rest has its default."""
    text = """
update: exchange2003-sp2
prerequisites: [windows2003-kb831464]
controllers: {dc1: {clock_skew: -5, backups: {system_state: 2}}, sbs: }
accounts: {exsetup: {locked: true}}
package: {language: de, hash: wrong}
gates: {overridden: [package]}
backups: {databases: {a: 30, sbs: null}, failed: 3}
hosts:
  a:
    free_mb: {C: 10}
    services: {X: {start_type: manual}, Y: stopped}
    backups: {databases: {mailbox: 1, public: null}, running: true}
  sbs: {edition: small_business}
"""
    estate = load(tmp_path, text)
    assert estate["controllers"]["dc1"]["os"] == "server2003"
    assert estate["backups"]["databases"] == {"a": 30, "sbs": None}
    host = estate["hosts"]["a"]
    assert (host["pending_restart"], host["setup_rights"], host["admin_rights"], host["clock_skew"]) == (
        False,
        True,
        True,
        0,
    )
    assert host["services"] == {"X": {"start_type": "manual"}, "Y": "stopped"}
    assert load(tmp_path, "hosts: {a: }")["gates"] == {"overridden": []}


def test_a_node_that_is_down_owns_nothing_by_default(tmp_path: Path) -> None:
    """The first node that is up owns what no owner is named for."""
    nodes = "hosts: {a: {cluster: k, node_state: down}, b: {cluster: k}, c: {cluster: k}}\n"
    cluster = load(tmp_path, nodes + "clusters: {k: {virtual_servers: {E: }, other_groups: {F: }}}")["clusters"]["k"]
    owners = [cluster["quorum"], cluster["virtual_servers"]["E"], cluster["other_groups"]["F"]]
    assert [each["owner"] for each in owners] == ["b", "b", "b"]


def test_active_active_only_with_two_nodes(tmp_path: Path) -> None:
    """With more than two nodes one stays passive."""
    hosts = "hosts: {a: , b: , c: }\nclusters: {k: {nodes: [a, b, c], virtual_servers: {E: , F: , G: }}}"
    assert "active/active only with two nodes" in mistakes(tmp_path, hosts)[0]


def test_a_host_is_a_node_once(tmp_path: Path) -> None:
    """No host is in two clusters."""
    said = mistakes(tmp_path, "hosts: {a: , b: , c: }\nclusters: {k: {nodes: [a, b]}, l: {nodes: [b, c]}}")
    assert said == ["my.yml:2: clusters.l.nodes[0]: b is a node of k already; expected each host in one cluster"]


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    """Problems with the file itself."""
    with pytest.raises(EstateError, match=r"none\.yml: cannot be read: No such file"):
        load_estate(tmp_path / "none.yml")
    (tmp_path / "bytes.yml").write_bytes(b"hosts: \xff")
    with pytest.raises(EstateError, match="is not UTF-8"):
        load_estate(tmp_path / "bytes.yml")
    assert mistakes(tmp_path, "") == ["my.yml: is empty; expected an estate with at least one entry under hosts"]
    assert "is not valid YAML: unacceptable character #x0000" in mistakes(tmp_path, "hosts: {a: \0}")[0]
    assert mistakes(tmp_path, "hosts: " + "[" * 5000) == ["my.yml: is nested too deeply; expected a few levels"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(
                st.sampled_from(["hosts", "clusters", "n1", "update", "nodes", "cluster"]), below, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_is_written_gives_an_estate_or_messages(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    """No content makes the loader fail in another way."""
    path = tmp_path_factory.mktemp("estate") / "any.yml"
    path.write_text(json.dumps(content), encoding="utf-8")
    try:
        assert load_estate(path)["hosts"]
    except EstateError as error:
        assert all(problem.startswith(str(path)) for problem in error.problems)


def faults(folder: Path, text: str) -> list[dict[str, Any]]:
    """Read faults for a cluster of two nodes."""
    path = folder / "faults.yml"
    path.write_text(text, encoding="utf-8")
    return load_faults(path, load(folder, CLUSTER))


def test_documented_faults(tmp_path: Path) -> None:
    """Every fault of the documented list is taken, with its key `on` as a text."""
    loaded = faults(
        tmp_path,
        """
- {host: n2, on: install, do: exit, code: 1603}
- {host: n2, on: install, do: file_in_use, file: store.exe}
- {host: n2, on: install, do: hang}
- {host: n2, on: call 17, do: drop}
- {host: n2, on: call 17, do: refuse}
- {host: n2, on: restart, do: stay_down}
- {host: n2, on: install, do: crash}
- {cluster: mail, on: move EVS1, do: fail}
- {cluster: mail, on: upgrade EVS1, do: error, code: c1037b44}
- {cluster: mail, on: online EVS1, do: fail}
- {host: n2, on: start_cluster_service, do: fail}
- {host: n1, on: install n2, do: crash}
- {host: dc1, on: call 3, do: refuse}
- {controller: run, on: call 40, do: kill, times: 2}
""",
    )
    assert len(loaded) == 14
    assert [fault["times"] for fault in loaded] == [1] * 13 + [2]
    assert loaded[3]["on"] == "call 17"


FAULT_MISTAKES = [
    ("{host: n9, on: install, do: hang}", '[0].host: found "n9", expected a host'),
    ("{on: install, do: hang}", "found none of them, expected one of host, cluster, controller"),
    ("{host: n1, cluster: mail, on: install, do: hang}", "found host and cluster"),
    ("{host: n1, on: instal, do: hang}", "(did you mean install?)"),
    ("{host: n1, on: install, do: drop}", '[0].do: found "drop", expected what can happen on install'),
    ("{host: n1, on: call x, do: drop}", "expected call and a number from 1"),
    ("{host: n1, on: call 0, do: drop}", "expected call and a number from 1"),
    ("{host: n1, on: install, do: exit}", "code is missing"),
    ("{host: n1, on: install, do: file_in_use}", "file is missing"),
    ("{host: n1, on: install, do: exit, code: c1037b44}", "expected a whole number, the exit code"),
    ("{host: dc1, on: install, do: hang}", '[0].host: found "dc1", expected a host'),
    ("{host: n1, on: install n2, do: hang}", "expected crash while another host is updated"),
    ("{host: n1, on: install n9, do: crash}", 'found "n9", expected install and a host'),
    ("{cluster: mail, on: move EVS9, do: fail}", "expected move and a group of the cluster"),
    ("{cluster: mail, on: upgrade Cluster Group, do: error, code: 1}", "expected upgrade and a group"),
    ("{host: n1, on: restart now, do: stay_down}", "expected restart alone"),
    ("{host: n1, on: install, do: hang, time: 3}", "[0].time: is unknown"),
    ("{host: n1, on: install, do: hang, times: 0}", "expected at least 1"),
    ("{host: n1, do: hang}", "on is missing"),
]


@pytest.mark.parametrize(("row", "expected"), FAULT_MISTAKES, ids=range(len(FAULT_MISTAKES)))
def test_a_mistake_in_faults_is_explained(tmp_path: Path, row: str, expected: str) -> None:
    """The same care for faults."""
    with pytest.raises(EstateError) as caught:
        faults(tmp_path, f"- {row}\n")
    assert len(caught.value.problems) == 1
    assert expected in caught.value.problems[0]
    assert "faults.yml:1: " in caught.value.problems[0]


def test_no_faults(tmp_path: Path) -> None:
    """An empty file is an empty list."""
    assert faults(tmp_path, "---\n") == []
