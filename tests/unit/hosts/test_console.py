# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what Windows' programs print, on captures from public sources, other languages, and generated tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import console
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreadable

XP_TABS = (
    "\r\n! REG.EXE VERSION 3.0\r\n\r\n"
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\r\n"
    "    DevicePath\tREG_EXPAND_SZ\t%SystemRoot%\\inf\r\n"
    "    <NO NAME>\tREG_SZ\tsomething\r\n"
    "    ProgramFilesDir\tREG_SZ\tC:\\Program Files\r\n"
    "    SM_ConfigureProgramsName\tREG_SZ\tSet Program Access and Defaults\r\n"
    "    Empty\tREG_SZ\t\r\n"
    "\r\n"
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\App Paths\r\n"
)
BLANKS = (
    "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Exchange\\Setup\r\n"
    "    Services    REG_SZ    C:\\Program Files\\Exchsrvr\r\n"
    "    Services Version    REG_DWORD    0x41\r\n"
    "    ServicePackNumber    REG_DWORD    0x1\r\n"
    "    NewestBuild    REG_DWORD    0x1c3a\r\n"
    "    Nodes    REG_MULTI_SZ    N1\\0N2\\0\\0\r\n"
    "    (Standard)    REG_SZ    \r\n"
    "    Bytes    REG_BINARY    00FF10\r\n"
    "\r\n"
)
SC_EN = (
    "\r\nSERVICE_NAME: ClusSvc\r\n"
    "        TYPE               : 10  WIN32_OWN_PROCESS \r\n"
    "        STATE              : {state} \r\n"
    "                                (STOPPABLE,NOT_PAUSABLE,ACCEPTS_SHUTDOWN)\r\n"
    "        WIN32_EXIT_CODE    : 0  (0x0)\r\n"
    "        SERVICE_EXIT_CODE  : 0  (0x0)\r\n"
    "        CHECKPOINT         : 0x0\r\n"
    "        WAIT_HINT          : 0x0\r\n"
)
SC_IT = SC_EN.replace("SERVICE_NAME", "NOME_SERVIZIO").replace("TYPE ", "TIPO ").replace("STATE ", "STATO ")
SC_DE = SC_EN.replace("TYPE ", "TYP  ").replace("STATE ", "STATUS").replace("STATUS ", "STATUS ")
QC = (
    "[SC] GetServiceConfig SUCCESS\r\n\r\nSERVICE_NAME: MSExchangeIS\r\n"
    "        TYPE               : 110  WIN32_OWN_PROCESS (interactive)\r\n"
    "        START_TYPE         : 3   DEMAND_START\r\n"
    "        ERROR_CONTROL      : 1   NORMAL\r\n"
    '        BINARY_PATH_NAME   : "C:\\Program Files\\Exchsrvr\\bin\\store.exe"\r\n'
    "        LOAD_ORDER_GROUP   : \r\n"
    "        TAG                : 0\r\n"
    "        DISPLAY_NAME       : Microsoft Exchange Information Store\r\n"
    "        DEPENDENCIES       : MSExchangeSA\r\n"
    "        SERVICE_START_NAME : LocalSystem\r\n"
)
SCHTASKS = (
    '"host","Defrag C","04:00:00, 09-10-2011","","Interactive/Background","04:00:00, 02-10-2011","0","SYSTEM",'
    '"At 04:00 every Sun of every week, starting 26-05-2010","C:\\WINDOWS\\system32\\defrag.exe c:",'
    '"C:\\WINDOWS\\system32","N/A","Enabled","Weekly","04:00:00","26-05-2010","N/A","SUNDAY","N/A",'
    '"domain\\SVC.Scheduler","Disabled","72:0","Disabled","Disabled","Disabled","Disabled","Disabled",'
    '"No Start On Batteries, Stop On Battery Mode"\r\n'
)


def test_registry_as_captured_with_tabs() -> None:
    key = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
    sections = console.registry_sections(XP_TABS)
    assert list(sections) == [key, key + "\\App Paths"]
    assert sections[key] == {
        "DevicePath": ("REG_EXPAND_SZ", "%SystemRoot%\\inf"),
        "": ("REG_SZ", "something"),
        "ProgramFilesDir": ("REG_SZ", "C:\\Program Files"),
        "SM_ConfigureProgramsName": ("REG_SZ", "Set Program Access and Defaults"),
        "Empty": ("REG_SZ", ""),
    }


def test_registry_with_blanks_and_all_types() -> None:
    values = console.registry_sections(BLANKS)["HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Exchange\\Setup"]
    assert values == {
        "Services": ("REG_SZ", "C:\\Program Files\\Exchsrvr"),
        "Services Version": ("REG_DWORD", 65),
        "ServicePackNumber": ("REG_DWORD", 1),
        "NewestBuild": ("REG_DWORD", 7226),
        "Nodes": ("REG_MULTI_SZ", ["N1", "N2"]),
        "": ("REG_SZ", ""),
        "Bytes": ("REG_BINARY", "00FF10"),
    }


WORD = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_characters="\x7f()<>"), min_size=1)
PHRASE = st.lists(WORD, min_size=1, max_size=4).map(" ".join).filter(lambda text: "REG_" not in text)


@given(
    st.dictionaries(PHRASE, st.one_of(PHRASE, st.just(""), st.tuples(PHRASE, PHRASE).map("\t".join)), max_size=8),
    st.sampled_from(["\t", "    "]),
    st.sampled_from(["   ", "    "]),
)
def test_registry_rows_of_any_form(values: dict[str, str], separator: str, indent: str) -> None:
    rows = "".join(f"{indent}{name}{separator}REG_SZ{separator}{data}\r\n" for name, data in values.items())
    text = "\r\n! REG.EXE VERSION 3.0\r\n\r\nHKEY_LOCAL_MACHINE\\X\r\n" + rows + "\r\n"
    found = console.registry_sections(text)["HKEY_LOCAL_MACHINE\\X"]
    assert found == {name: ("REG_SZ", data) for name, data in values.items()}


def test_an_odd_number_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        console.registry_data("REG_DWORD", "many")


def test_full_key() -> None:
    assert console.full_key("HKLM\\Cluster\\") == "HKEY_LOCAL_MACHINE\\Cluster"
    assert console.full_key("hkey_local_machine\\X") == "hkey_local_machine\\X"


@pytest.mark.parametrize("text", [SC_EN, SC_IT, SC_DE])
@pytest.mark.parametrize(
    ("row", "state"),
    [
        ("1  STOPPED", "stopped"),
        ("2  START_PENDING", "start_pending"),
        ("3  STOP_PENDING", "stop_pending"),
        ("4  RUNNING", "running"),
        ("7  PAUSED", "paused"),
    ],
)
def test_service_state_in_any_language(text: str, row: str, state: str) -> None:
    assert console.service_state(text.format(state=row)) == state


def test_service_start_type() -> None:
    assert console.service_start_type(QC) == "manual"
    assert console.service_start_type(QC.replace("3   DEMAND_START", "4   DISABLED")) == "disabled"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[SC] EnumQueryServicesStatus:OpenService FAILED 1060:\r\n\r\nThe specified service does not exist.\r\n",
        SC_EN.format(state="9  SOMETHING"),
        SC_EN.format(state="f  SOMETHING"),
    ],
)
def test_no_state_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        console.service_state(text)


def test_pending_services_are_counted() -> None:
    text = "\r\n".join(SC_EN.format(state=row) for row in ("4  RUNNING", "2  START_PENDING", "3  STOP_PENDING"))
    assert console.services_pending(text) == ["ClusSvc", "ClusSvc"]
    italian = "\r\n".join(SC_IT.format(state=row) for row in ("4  RUNNING", "2  START_PENDING"))
    assert console.services_pending(italian) == ["ClusSvc"]
    assert console.services_pending("") == []


def test_tasklist_as_captured() -> None:
    text = (
        '"node.exe","16688","Console","1","1,459,088 K"\r\n"store.exe","1234","Services","0","9 K"\r\n'
        '"System Idle Process","0","Console","0","28 K"\r\n'
    )
    assert console.tasklist(text) == [("node.exe", 16688), ("store.exe", 1234), ("System Idle Process", 0)]
    assert console.tasklist("INFO: No tasks running with the specified criteria.\r\n") == []
    assert console.tasklist("INFORMAZIONI: nessuna attività\r\n") == []


def test_schtasks_as_captured() -> None:
    (task,) = console.tasks(SCHTASKS)
    assert task == console.Task("Defrag C", "", 0, "domain\\SVC.Scheduler")


def test_schtasks_of_xp_and_with_odd_fields() -> None:
    xp = SCHTASKS.replace('"Interactive/Background",', "").replace('"0","SYSTEM"', '"-2147024895","SYSTEM"')
    assert console.tasks(xp) == [console.Task("Defrag C", "", -2147024895, "domain\\SVC.Scheduler")]
    odd = SCHTASKS.replace("defrag.exe c:", 'a "quoted" word').replace('"",', '"In esecuzione",', 1)
    assert console.tasks(odd) == [console.Task("Defrag C", "In esecuzione", 0, "domain\\SVC.Scheduler")]
    cut = '"host","Other","x","Running"\r\n'
    assert console.tasks(cut) == [console.Task("Other", "Running", None, None)]
    assert console.tasks("INFO: There are no scheduled tasks present in the system.\r\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "\r\r\n\r\r\nLastBootUpTime=20261122101500.500000+060\r\r\nLocalDateTime=20261122111500.0+060\r\r\n\r\r\n",
        "\xff\xfe\r\0\r\0\n\0"
        + "".join(
            c + "\0" for c in "LastBootUpTime=20261122101500.500000+060\r\r\nLocalDateTime=20261122111500.0+060\r\r\n"
        ),
        "Please wait while WMIC is being installed.\r\n"
        "LastBootUpTime=20261122101500.500000+060\r\nLocalDateTime=20261122111500.0+060\r\n",
    ],
)
def test_wmic_values(text: str) -> None:
    assert console.wmic_values(text) == {
        "LastBootUpTime": "20261122101500.500000+060",
        "LocalDateTime": "20261122111500.0+060",
    }


SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SHA1 = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"


@pytest.mark.parametrize(
    "line",
    [SHA256, SHA256.upper(), " ".join(SHA256[i : i + 2] for i in range(0, 64, 2))],
)
def test_certutil(line: str) -> None:
    text = f"SHA256 hash of file C:\\x:\r\n{line}\r\nCertUtil: -hashfile command completed successfully.\r\n"
    assert console.file_hash(text, "sha256") == SHA256


def test_a_hash_of_another_algorithm_does_not_count() -> None:
    text = f"SHA-1 hash of file C:\\x:\r\n{SHA1}\r\nCertUtil: -hashfile command completed successfully.\r\n"
    assert console.file_hash(text, "sha256") is None
    assert console.file_hash(text, "sha1") == SHA1


def test_fciv() -> None:
    text = f"//\r\n// File Checksum Integrity Verifier version 2.05.\r\n//\r\n{SHA1} c:\\a b\\e3sp2eng.exe\r\n"
    assert console.file_hash(text, "sha1") == SHA1


def test_count() -> None:
    assert console.count("\r\n---------- C:\\EXCHANGE SERVER SETUP PROGRESS.LOG: 4711\r\n") == 4711
    assert console.count("12\r\n") == 12
    assert console.count("File not found - X") is None


@pytest.mark.parametrize(
    ("code", "shown"), [(0, 0), (3010, 3010), (0xC1037B44, -1056736444), (-1, -1), (2**31, -(2**31))]
)
def test_signed(code: int, shown: int) -> None:
    assert console.signed(code) == shown
