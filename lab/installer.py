# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Update packages and their installers.

`run` is the program behind a package's file: it unpacks a service pack, or installs. It waits in simulated time, so it
runs in a background program (a task) or in a foreground call. Rules of the lab, where no source tells [U]: a service
pack's update.exe takes `/unattend` or `/unattendfile FILE`; without it, where nobody sees its window, it hangs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import content
from .addons import unpack as unpack_addons
from .connector import package_maps
from .connector import run_setup as run_connector
from .errors import EstateError
from .exchange import for_windows_of
from .machines import set_exchange_files
from .tables import table

if TYPE_CHECKING:
    from .files import Entry, Volume
    from .host import Process
    from .world import Context, World

FATAL = 1603
#: Codes of Windows Installer: a restart is asked for, or has been started by the installer itself [R].
ASKS, RESTARTS = 3010, 1641
SUCCESS = (0, RESTARTS, ASKS)
#: How long a remote shell stands before a dialog that nobody sees, in a foreground call, until it is given up.
SHELL_PATIENCE = 7200.0
_QUIET = ("/quiet", "/passive", "/q", "/u")
_NO_RESTART = ("/norestart", "/z")


class Packages:
    """All packages that the lab knows; those of the estate's updates, and the others, lie on the share."""

    def __init__(self, world: World, catalogue: dict[str, Any]) -> None:
        self._world = world
        self._packages: dict[str, dict[str, Any]] = {**table("packages")["packages"], **catalogue}

    @property
    def keys(self) -> list[str]:
        """The keys of all packages."""
        return list(self._packages)

    def package(self, key: str) -> dict[str, Any]:
        """Return a package: file, size, sha256, kind, product, from, service_pack or hotfix; raises EstateError."""
        found = self.described(key)
        if "sha256" not in found:
            found["sha256"] = content.sha256(found["seed"], found["size"])
        return found

    def described(self, key: str) -> dict[str, Any]:
        """Return a package without its hash, which costs reading all of it; `seed`: what its content is made from."""
        if key not in self._packages:
            raise EstateError(f"update: there is no package {key}; expected one of {', '.join(self._packages)}")
        found = dict(self._packages[key])
        found["key"], found["language"] = key, None
        language = self.language(key)
        for marks in table("packages")["languages"]:
            # the mark of English in the name stands for the language: ENG, ENU, ENGLISH
            if f"{marks['en']}." in found["file"]:
                found["file"] = found["file"].replace(f"{marks['en']}.", f"{marks[language]}.")
                found["language"] = language
        found["seed"] = f"{found['file'].upper()}:{found['size']}"
        return found

    def language(self, key: str) -> str:
        """The language of a package: the estate's, unless it says another of its updates' packages."""
        estate = self._world.estate
        given = estate.get("updates") or estate.get("update") or []
        wanted = (estate.get("package") or {}).get("language") if key in given else None
        return str(wanted or self._world.language)

    def fault(self, key: str) -> dict[str, Any]:
        """What the estate says is wrong with the package on the share: `hash`, `missing`."""
        estate = self._world.estate
        given = estate.get("updates") or estate.get("update") or []
        return dict(estate.get("package") or {}) if key in given else {}

    def place(self, volume: Volume) -> None:
        """Put every package's file on a volume."""
        from .files import Entry

        for key in self._packages:
            package, wrong = self.described(key), self.fault(key)
            if wrong.get("missing"):
                continue
            part = "archive" if package["kind"] == "service_pack" else "hotfix"
            entry = Entry(package["file"], content=None, virtual_size=package["size"])
            entry.virtual_sha256, entry.seed = package.get("sha256", ""), package["seed"]
            entry.tag = {"package": key, "part": part}
            if wrong.get("hash") == "wrong":
                entry.virtual_sha256, entry.seed = "", f"{package['seed']}:altered"
                entry.tag["altered"] = True
            volume.root.children.setdefault(package["file"].lower(), entry)


def is_program(entry: Entry) -> bool:
    """Whether a file is an installer that `run` knows."""
    return "package" in entry.tag


def run(context: Context, path: str, arguments: list[str]) -> int:
    """Run a package's file, or the setup program that was unpacked from it; returns its exit code.

    `arguments` are the program's arguments one by one. Raises Win32Error when the file is not there.
    """
    entry = context.host.files.entry(path, context)
    package = context.world.packages.package(entry.tag["package"])
    package["altered"] = bool(entry.tag.get("altered"))
    switches = [argument.lower() for argument in arguments]
    if entry.tag["part"] == "archive":
        return _unpack(context, entry.name, package, arguments)
    if entry.tag["part"] == "connector":
        return run_connector(context, path, package, arguments)
    from .installations import program_of  # it builds on this module

    return program_of(entry, package)(context, entry.name, package, arguments, switches).run()


def dialog(context: Context, process: Process) -> int:
    """A window stands open; where nobody sees it, for ever."""
    if context.world.clock.in_background:
        context.world.clock.sleep_for_ever(lambda: process.ended)
    else:
        context.world.clock.wait_until(lambda: process.ended, SHELL_PATIENCE)
    return 1


def _unpack(context: Context, image: str, package: dict[str, Any], arguments: list[str]) -> int:
    host = context.host
    process = host.spawn(image, context.user, context.logon)
    code = 1
    try:
        target = next((a[3:].strip('"') for a in arguments if a.lower().startswith("/x:")), "")
        if not target:
            return dialog(context, process)
        if context.world.clock.wait_until(lambda: process.ended, table("packages")["extract_seconds"]):
            return 1
        parts = [(package["setup"], "setup")]
        maps = package_maps(package["product"], package["service_pack"])
        parts += [("ADC\\I386\\setup.exe", "connector")] if maps else []
        for relative, part in parts:
            tag = {"package": package["key"], "part": part, "altered": package["altered"]}
            host.files.write_virtual(f"{target}\\{relative}", 262144, tag=tag, context=context)
        for relative, content in maps.items():
            host.files.write(f"{target}\\{relative}", content, context)
        unpack_addons(context, target, package)
        code = 0
        return code
    finally:
        host.end_process(process, code)


class Installation:
    """One run of an installer on a host."""

    def __init__(
        self, context: Context, image: str, package: dict[str, Any], arguments: list[str], switches: list[str]
    ) -> None:
        self._context, self._world, self._host = context, context.world, context.host
        self._image, self._package = image, package
        self._arguments, self._switches = arguments, switches
        self._service_pack = package["kind"] == "service_pack"
        self._in_use = False
        self._process: Process

    def run(self) -> int:
        """Install, and tell the observers when it began and how it ended (exit code None: it was cut off)."""
        host, package = self._host, self._package
        others = [process.image.lower() for process in host.processes]
        self._process = host.spawn(self._image, self._context.user, self._context.logon)
        host.installing.append(package["key"])
        self._world.emit("installer_started", host=host, package=package, logon=self._context.logon)
        code: int | None = None
        try:
            code = self._work(others)
            return code
        finally:
            host.installing.remove(package["key"])
            success = code in SUCCESS and not self._in_use
            self._world.emit(
                "installer_ended", host=host, package=package, exit_code=code, success=success, in_use=self._in_use
            )
            host.end_process(self._process, 1 if code is None else code)
            self._world.changed()

    # -- the course

    def _work(self, others: list[str]) -> int:
        host, package = self._host, self._package
        self._open_log()
        refusal = self._refusal(others)
        if refusal:
            self._wait(5)
            return self._fail(FATAL, refusal)
        if not self._context.interactive and not self._unattended():
            return dialog(self._context, self._process)
        fault = self._world.faults.take("install", host=host.name)
        seconds = float(host.setup["minutes"]) * 60
        for other in self._world.faults.elsewhere(host.name):
            self._world.clock.after(seconds / 3, self._world.hosts[other.name].crash)
        stopped = self._stop_services()
        if self._wait(seconds / 2):
            return 1
        if fault and fault.do == "crash":
            host.crash()
            self._world.clock.sleep(0)
            return 1
        if fault and fault.do == "hang":
            self._log("Waiting for the user.")
            return dialog(self._context, self._process)
        if self._service_pack:
            self._log("Error code 0XC0070424 (1060): The specified service does not exist as an installed service.")
            self._log("=== IGNORING PREVIOUS ERRORS === ScDetermineServiceState: The operation has completed.")
        if self._wait(seconds / 2):
            return 1
        code = int(fault.settings["code"]) if fault and fault.do == "exit" else int(host.setup["exit_code"])
        if package.get("restart") == "always" and code == 0:
            code = ASKS
        held = str(fault.settings.get("file", "store.exe")) if fault and fault.do == "file_in_use" else self._held()
        if held:
            self._in_use = True
            code = code if code in SUCCESS else 0
            self._log(f"FileInUse:: Added to FileList: {held}", plain=True)
        elif code in SUCCESS:
            self._succeed()
        else:
            self._fail(code, "Fatal error during installation.")
        self._start_services(stopped)
        return self._finish(code)

    def _finish(self, code: int) -> int:
        """What asks for a restart, and who does it."""
        host = self._host
        if code == ASKS and not self._in_use:
            host.pending_restart = True
        quiet = self._service_pack or any(s in _NO_RESTART for s in self._switches)
        forced = "/forcerestart" in self._switches or code == RESTARTS
        if (code == ASKS and not quiet and not self._context.interactive) or (forced and code in SUCCESS):
            host.pending_restart = True
            host.shutdown(restart=True, delay=5, cause="installer")
        self._world.changed()
        return code

    def _held(self) -> str:
        """A file that something else holds where it is to be replaced; empty when there is none."""
        return ""

    def _wait(self, seconds: float) -> bool:
        """Let time pass; True when the process was ended meanwhile."""
        return self._world.clock.wait_until(lambda: self._process.ended, seconds)

    def _unattended(self) -> bool:
        if self._service_pack:
            return any(s.startswith("/unattend") for s in self._switches)
        return any(s in _QUIET for s in self._switches)

    def _refusal(self, others: list[str]) -> str:
        """Why this cannot be installed here now; empty when it can."""
        host, package, account = self._host, self._package, self._context.account
        windows = package["product"] == "windows"
        allowed = account is not None and host.is_administrator(account.name) and (windows or account.exchange_admin)
        if windows and self._context.user.upper() == "NT AUTHORITY\\SYSTEM":
            allowed = True
        if not allowed or (self._context.logon == "network" and not windows):
            return "Access is denied. The account cannot reach Active Directory as Exchange Full Administrator."
        if windows:
            return "" if for_windows_of(host, package) else "This update is not for this version of Windows."
        if package["product"] != host.product or host.service_pack not in package["from"]:
            return f"This update is not for the Exchange that is installed here (build {host.build})."
        if package["language"] not in (None, host.language):
            return "This update is for another language of Exchange."
        if self._service_pack:
            conflicts = [image for image in others if image in table("packages")["conflicting_processes"]]
            if conflicts:
                return f"Another instance of setup is running: {conflicts[0]}."
            file = self._answer_file()
            if file is not None and not host.files.exists(file, self._context):
                return f"The answer file {file} cannot be read."
        return ""

    def _answer_file(self) -> str | None:
        for index, switch in enumerate(self._switches):
            if switch.startswith("/unattendfile"):
                text = self._arguments[index]
                after = text[len("/unattendfile") :].lstrip(":=")
                return (after or " ".join(self._arguments[index + 1 : index + 2])).strip('"')
        return None

    # -- effects

    def _stop_services(self) -> list[str]:
        """Exchange's services stand still on a server that is not clustered; returns those that ran."""
        host = self._host
        if host.clustered or self._package["product"] == "windows":
            return []
        names = [n for n in table("services")["stopped_by_setup"] if host.service_running(n)]
        for name in names:
            if host.service_running(name):
                host.stop_service(name, dependents=True, cause="installer")
        self._world.clock.wait_until(lambda: not any(self._pending(name) for name in names), 600)
        return names

    def _start_services(self, names: list[str]) -> None:
        host = self._host
        for name in reversed(names):
            if host.services[name].state == "stopped" and host.services[name].start_type != "disabled":
                host.start_service(name, cause="installer")
        self._world.clock.wait_until(lambda: not any(self._pending(name) for name in names), 600)

    def _pending(self, name: str) -> bool:
        return self._host.services[name].state.endswith("_pending")

    def _succeed(self) -> None:
        host, package = self._host, self._package
        if self._service_pack:
            folder = table("products")["products"][host.product]["updates"]
            for hotfix in host.hotfixes:
                # registered for the service pack that was, and for no later one
                if hotfix not in table("products")["windows_hotfixes"]:
                    host.hotfix_folders.setdefault(hotfix, f"{folder}\\SP{host.service_pack + 1}")
            host.service_pack = int(package["service_pack"])
            set_exchange_files(host)
            if not host.clustered:
                self._world.directory_model.set_level(host.computer_name, host.product, host.service_pack)
        elif package["hotfix"] not in host.hotfixes:
            host.hotfixes.append(package["hotfix"])
            if package["product"] != "windows":
                folder = table("products")["products"][host.product]["updates"]
                host.hotfix_folders[package["hotfix"]] = f"{folder}\\SP{host.service_pack + 1}"
                set_exchange_files(host)
        if self._service_pack:
            text = "Exchange Setup completed successfully."
            self._log("Setup completed successfully.")
            host.log_event("Application", "MSExchangeSetup", 1001, "information", text)
            return
        number = package["hotfix"]
        self._log(f"{number} installation completed.")
        host.log_event("System", "NtServicePack", 4377, "information", f"{number} was installed.", [number])

    def _fail(self, code: int, reason: str) -> int:
        if not self._service_pack:
            self._log(f"{self._package['hotfix']} installation did not complete.")
            self._log(f"Update.exe extended error code = 0x{0xF200 + code % 256:x}")
            if code == FATAL:
                self._log("Update.exe return code was masked to 0x643 for MSI custom action compliance.")
            self._log(reason)
            return code
        self._log("Process has exited with 0x000643")
        self._log(f"Error code 0XC007{code & 0xFFFF:04X} ({code}): {reason}")
        self._log(f"Setup failed while installing sub-component with error code 0xC007{code & 0xFFFF:04x}.")
        self._host.log_event(
            "Application",
            "MSExchangeSetup",
            1002,
            "error",
            f"Exchange Server component failed. {reason}",
            ["Microsoft Exchange", reason],
        )
        return code

    # -- the log

    @property
    def _log_path(self) -> str:
        if self._service_pack:
            old = self._package["product"] == "5.5"
            return "C:\\Exchange Server Setup.log" if old else "C:\\Exchange Server Setup Progress.log"
        for argument in self._arguments:
            if argument.lower().startswith("/log:"):
                return argument[5:].strip('"')
        return f"{self._host.system_root}\\{self._package['hotfix']}.log"

    def _open_log(self) -> None:
        if not self._service_pack:
            self._log("update.exe (version 6.2.29.0)")
            self._log(f"Hotfix started with following command line: {' '.join(self._arguments)}")
            return
        self._log("********** Beginning Exchange Server setup actions **********")
        self._log(f"{self._image} started for {self._package['key']} as {self._context.user}")
        text = f"Exchange Setup (build {self._host.build}) was started."
        build = [str(self._host.build)]
        self._host.log_event("Application", "MSExchangeSetup", 1000, "information", text, build)

    def _log(self, text: str, plain: bool = False) -> None:
        if self._service_pack:
            stamp = self._host.local_time.strftime("[%H:%M:%S] ")
        else:
            stamp = f"{self._world.clock.time - self._process.started:.3f}: "
        stamp = "" if plain else stamp
        folder = self._log_path.rpartition("\\")[0]
        if len(folder) > 2:
            self._host.files.make_dirs(folder, self._context)
        self._host.files.append(self._log_path, f"{stamp}{text}\r\n".encode("ascii", "replace"), self._context)
