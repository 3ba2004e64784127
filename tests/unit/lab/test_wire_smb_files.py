# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files by SMB: what is written, read, listed, renamed and deleted is the model's; errors are NT status codes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import pytest
from impacket.smb import FILE_OPEN
from impacket.smbconnection import SessionError, SMBConnection

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.tests.unit.lab.smb_clients import calls, connect, host, make

ALREADY, NO_FILE, NO_PATH, NO_NAME, NOT_EMPTY, DENIED, FULL = (
    0xC0000035,
    0xC000000F,
    0xC000003A,
    0xC0000034,
    0xC0000101,
    0xC0000022,
    0xC000007F,
)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab that has made no mistake of its own."""
    with make() as running:
        yield running
        assert running.trouble == []


@pytest.fixture
def connection(lab: Lab) -> SMBConnection:
    """A connection to the host with Windows 2000."""
    return connect(lab)


def code(action: object) -> int:
    """The status with which an action fails."""
    with pytest.raises(SessionError) as caught:
        action()  # type: ignore[operator]
    return int(caught.value.getErrorCode()) & 0xFFFFFFFF


@pytest.mark.parametrize("name", ["mbx1", "old", "new"])
def test_a_file_there_and_back(lab: Lab, name: str) -> None:
    """Longer than a message of any Windows."""
    connection = connect(lab, name)
    data = bytes(range(256)) * 1000
    connection.putFile("C$", "one.bin", io.BytesIO(data).read)
    assert host(lab, name).files.read("C:\\one.bin") == data
    got = io.BytesIO()
    connection.getFile("C$", "one.bin", got.write)
    assert got.getvalue() == data
    assert ("smb write C:\\one.bin", 0, True) in calls(lab, name)
    assert ("smb read C:\\one.bin", 0, False) in calls(lab, name)


def test_directories_and_names(lab: Lab, connection: SMBConnection) -> None:
    """Made, listed, renamed, removed."""
    files = host(lab).files
    connection.createDirectory("C$", "Ordner")
    assert files.is_dir("C:\\Ordner")
    assert code(lambda: connection.createDirectory("C$", "ORDNER")) == ALREADY
    assert code(lambda: connection.createDirectory("C$", "missing\\below")) == NO_PATH
    files.write("C:\\Ordner\\Ä ö.txt", b"12345")
    rows = {row.get_longname(): row.get_filesize() for row in connection.listPath("C$", "Ordner\\*")}
    assert rows == {".": 0, "..": 0, "Ä ö.txt": 5}
    connection.rename("C$", "Ordner\\Ä ö.txt", "Ordner\\b.txt")
    assert files.listdir("C:\\Ordner") == ["b.txt"]
    assert code(lambda: connection.deleteDirectory("C$", "Ordner")) == NOT_EMPTY
    connection.deleteFile("C$", "Ordner\\b.txt")
    assert code(lambda: connection.deleteFile("C$", "Ordner\\b.txt")) in (NO_NAME, NO_FILE)
    connection.deleteDirectory("C$", "Ordner")
    assert not files.exists("C:\\Ordner")
    assert code(lambda: connection.listPath("C$", "Ordner\\*")) == NO_PATH
    assert code(lambda: connection.listPath("C$", "*.nothing")) == NO_FILE


def test_a_listing_longer_than_an_answer(lab: Lab, connection: SMBConnection) -> None:
    """It goes on where the first answer ended, without a gap or a row twice."""
    names = [f"a file with a rather long name, number {number:04}.txt" for number in range(700)]
    host(lab).files.make_dirs("C:\\many")
    for name in names:
        host(lab).files.write(f"C:\\many\\{name}", b"x")
    assert [row.get_longname() for row in connection.listPath("C$", "many\\*.txt")] == names
    listed = [call for call in calls(lab) if call[0].startswith("smb list")]
    assert listed == [("smb list C:\\many\\*.txt", 0, False)]


def test_writing_goes_on_in_the_middle(lab: Lab, connection: SMBConnection) -> None:
    """What another connection left unfinished can be gone on with."""
    first = connect(lab)
    tree = first.connectTree("C$")
    handle = first.createFile(tree, "part.bin")
    first.writeFile(tree, handle, b"a" * 5000, 0)
    first.getSMBServer().get_socket().close()
    tree = connection.connectTree("C$")
    handle = connection.openFile(tree, "part.bin", creationDisposition=FILE_OPEN)
    assert connection.queryInfo(tree, handle)["EndOfFile"] == 5000
    connection.writeFile(tree, handle, b"b" * 10, 5005)
    connection.closeFile(tree, handle)
    assert host(lab).files.read("C:\\part.bin") == b"a" * 5000 + bytes(5) + b"b" * 10


def test_a_package_is_itself_after_an_upload(lab: Lab, connection: SMBConnection) -> None:
    """Its bytes have the hash that the catalogue says; the copy is the installer again, a damaged one is not."""
    package = lab.world.packages.package("exchange2003-kb912442")
    share = connect(lab, "dc1", "updshare")
    got = io.BytesIO()
    share.getFile("updates", package["file"], got.write)
    data = got.getvalue()
    assert hashlib.sha256(data).hexdigest() == package["sha256"]
    connection.putFile("C$", "x.exe", io.BytesIO(data).read)
    connection.putFile("C$", "y.exe", io.BytesIO(data[:-1] + b"!").read)
    files = host(lab).files
    assert files.entry("C:\\x.exe").tag["package"] in ("exchange2003-kb912442", "exchange2003-sp2-kb912442")
    assert files.sha256("C:\\x.exe") == package["sha256"]
    assert files.entry("C:\\y.exe").tag == {} and files.sha256("C:\\y.exe") != package["sha256"]
    back = io.BytesIO()
    connection.getFile("C$", "x.exe", back.write)
    assert back.getvalue() == data


def test_shares_and_rights(lab: Lab, connection: SMBConnection) -> None:
    """ADMIN$ is the folder of Windows; who only reads the packages does nothing else."""
    connection.putFile("ADMIN$", "Temp\\x.txt", io.BytesIO(b"1").read)
    assert host(lab).files.read("C:\\WINNT\\Temp\\x.txt") == b"1"
    assert code(lambda: connection.connectTree("D$")) == 0xC00000CC
    other = connect(lab, "dc1", "updshare")
    names = [row.get_longname() for row in other.listPath("updates", "*SP2*.EXE")]
    assert "E3SP2ENG.EXE" in names
    assert code(lambda: other.putFile("updates", "x", io.BytesIO(b"1").read)) == DENIED
    assert code(lambda: other.deleteFile("updates", "E3SP2ENG.EXE")) == DENIED
    assert code(lambda: other.connectTree("C$")) == DENIED
    assert code(lambda: connection.listPath("C$", "a\\..\\..\\*")) == 0xC0000033


def test_a_full_disk(lab: Lab, connection: SMBConnection) -> None:
    """The write that does not fit fails; what fits is there."""
    volume = host(lab).files.volumes["C:"]
    volume.capacity = volume.capacity - volume.free_bytes + 3 * 2**20
    assert code(lambda: connection.putFile("C$", "big", io.BytesIO(bytes(8 * 2**20)).read)) == FULL
    assert host(lab).files.size("C:\\big") <= 3 * 2**20
    assert volume.free_bytes >= 0


def test_the_version_of_a_program_is_in_its_file(lab: Lab, connection: SMBConnection) -> None:
    """Exchange's programs begin with the headers of a program and carry VS_FIXEDFILEINFO."""
    got = io.BytesIO()
    connection.getFile("C$", "Program Files\\Exchsrvr\\bin\\store.exe", got.write)
    data = got.getvalue()
    assert data[:2] == b"MZ" and data[0x80:0x84] == b"PE\0\0"
    place = data.index(bytes.fromhex("bd04effe"))
    numbers = [int.from_bytes(data[place + at : place + at + 2], "little") for at in (10, 8, 14, 12)]
    assert numbers == [6, 5, 7226, 6]
    assert host(lab).files.sha256("C:\\Program Files\\Exchsrvr\\bin\\store.exe") == hashlib.sha256(data).hexdigest()
