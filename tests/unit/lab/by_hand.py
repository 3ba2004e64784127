# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operator who does an article's procedure by hand, by command lines on the hosts of an example estate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.mailops.exchange.lab import estate as estates
from ansible_collections.mailops.exchange.lab.cluster import Cluster, Group
from ansible_collections.mailops.exchange.lab.estate import complete, load_estate
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.programs import install
from ansible_collections.mailops.exchange.lab.shell.run import Result, run_line
from ansible_collections.mailops.exchange.lab.world import World

from .world_builder import START

ESTATES = Path(estates.__file__).parent / "estates"


class Hand:
    """An estate, and what is done on it. Every line must end with exit code 0 unless the test says otherwise."""

    def __init__(self, settings: dict[str, Any], language: str | None = None) -> None:
        settings = settings | {"speed": 0, "operator": None} | ({"language": language} if language else {})
        self.world = World.from_estate(settings, start=START)
        install(self.world)
        self.world.referee.run_started()

    @classmethod
    def of(cls, name: str, language: str | None = None) -> Hand:
        """An estate among the examples."""
        return cls(load_estate(ESTATES / f"{name}.yml"), language)

    @classmethod
    def on(cls, **written: Any) -> Hand:
        """An estate of a test's own."""
        return cls(complete(written))

    def host(self, name: str) -> Host:
        """A host by its name."""
        return self.world.hosts[name]

    def run(self, name: str, line: str, *, user: str = "exsetup", logon: str = "batch") -> Result:
        """Run a line on a host."""
        context = self.host(name).context(f"{self.world.prefix}\\{user}", logon, cwd="C:\\")
        with self.world.clock.lock:
            return run_line(context, line)

    def line(self, name: str, line: str, **how: Any) -> str:
        """Run a line that must succeed; returns what it prints."""
        result = self.run(name, line, **how)
        assert result.exit_code == 0, (line, result)
        return result.stdout.replace("\r\n", "\n")

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        with self.world.clock.lock:
            self.world.clock.sleep(seconds)

    # -- packages

    def stage(self, name: str, key: str) -> str:
        """Copy a package to a host, and unpack a service pack; returns the program to run."""
        package, controller = self.world.packages.package(key), next(iter(self.world.controllers))
        self.line(name, "if not exist C:\\mailops mkdir C:\\mailops")
        self.line(name, f"copy /y \\\\{controller}\\updates\\{package['file']} C:\\mailops\\")
        if package["kind"] == "hotfix":
            return f"C:\\mailops\\{package['file']}"
        self.line(name, f"C:\\mailops\\{package['file']} /x:C:\\mailops\\{key} /q")
        return f"C:\\mailops\\{key}\\{package['setup']}"

    def install(self, name: str, key: str, switches: str = "") -> int:
        """Stage an update and run it as a job does; returns its exit code."""
        usual = "/unattend" if self.world.packages.package(key)["kind"] == "service_pack" else "/quiet /norestart"
        return self.run(name, f'"{self.stage(name, key)}" {switches or usual}').exit_code

    def hotfix_of_55(self, name: str, key: str = "exchange55-kb894689") -> None:
        """Start a hotfix of the SMS-Installer kind, and wait until its process has gone."""
        assert self.install(name, key, "/s") == 0
        host, image = self.host(name), self.world.packages.package(key)["process"]
        assert image in [process.image for process in host.processes]
        assert self.world.packages.package(key)["hotfix"] not in host.hotfixes
        with self.world.clock.lock:
            processes = host.processes
            assert self.world.clock.wait_until(lambda: all(process.image != image for process in processes), 7200)

    def restart(self, name: str) -> None:
        """Restart a host and wait until it is up and settled."""
        host = self.host(name)
        host.shutdown()
        with self.world.clock.lock:
            self.world.clock.sleep(60)
            assert self.world.clock.wait_until(lambda: host.up and host.settled, 900)

    # -- clusters

    def cluster(self, name: str = "mail") -> Cluster:
        """A cluster by its name."""
        return self.world.clusters[name]

    def group(self, name: str, cluster: str = "mail") -> Group:
        """A group by its name."""
        return self.cluster(cluster).groups[name]

    def move(self, node: str, group: str, to: str) -> None:
        """Move a group, by the cluster's own program on a node."""
        self.line(node, f'cluster group "{group}" /move:{to} /wait:3600')

    def stop_cluster_service(self, name: str) -> None:
        """Stop the Cluster service of a node."""
        self.line(name, "net stop clussvc")

    def start_cluster_service(self, name: str) -> None:
        """Start the Cluster service of a node."""
        self.line(name, "net start clussvc")

    def update_free_node(self, name: str, *keys: str) -> None:
        """Install updates on a node that owns nothing."""
        self.stop_cluster_service(name)
        for key in keys:
            assert self.install(name, key) == 0
        self.start_cluster_service(name)

    # -- the end

    @property
    def report(self) -> dict[str, Any]:
        """The referee's report."""
        return self.world.referee.report()

    @property
    def violations(self) -> list[tuple[int, str]]:
        """What it judges, as (rule, host)."""
        return [(violation["rule"], violation["host"]) for violation in self.report["violations"]]

    def all_well(self) -> None:
        """The referee is silent, nothing is down that ran before, and every group is online."""
        report = self.report
        assert report["violations"] == []
        for name, final in report["final"].items():
            if "product" in final:
                assert final["services_down"] == [], name
            else:
                assert {group["state"] for group in final.values()} == {"online"}
