# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one line means at the prompt."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console


@pytest.fixture(scope="module")
def console() -> Console:
    made = Console()
    made.context.environment["HERE"] = "a b"
    made.write("C:\\mailops\\three.txt", "one", "two", "three")
    return made


@pytest.mark.parametrize(
    ("line", "text"),
    [
        # variables
        ("echo %UNDEFINED%", "%UNDEFINED%\n"),
        ("echo [%HERE%] [%here%]", "[a b] [a b]\n"),
        ("echo 100%", "100%\n"),
        ("echo 50%%HERE%", "50%a b\n"),
        ("echo %UNDEFINED%HERE%", "%UNDEFINEDa b\n"),
        ("echo %%", "%%\n"),
        ("echo %HERE:a=x%-%HERE:~0,1%-%HERE:~-1%", "x b-a-b\n"),
        ("echo %HERE:nothing%", "%HERE:nothing%\n"),
        ("echo ^%HERE^%", "%HERE%\n"),
        ("echo %^HERE%", "%HERE%\n"),
        ("call echo [%^HERE%]", "[a b]\n"),
        ("set X=1& echo %X%", "%X%\n"),
        ("set X=1& call echo %^X%", "1\n"),
        ('set "X=a b"& call echo [%^X:a=c%]', "[c b]\n"),
        ("echo !HERE!", "!HERE!\n"),
        ("cmd /v:on /c echo !HERE!", "a b\n"),
        ('cmd /v:on /c "set Y=2& echo !Y! ^!Y!"', "2 2\n"),
        # quotes, carets
        ('echo "a & b" & echo c', '"a & b" \nc\n'),
        ('echo ^"a ^& b^"', '"a & b"\n'),
        ('echo "a ^ b"', '"a ^ b"\n'),
        ("echo a^^b", "a^b\n"),
        ("echo a ^| b ^> c ^< d", "a | b > c < d\n"),
        ('echo "one quote & no end', '"one quote & no end\n'),
        # operators
        ("echo a&echo b", "a\nb\n"),
        ("echo a && echo b || echo c", "a \nb \n"),
        ("rd nosuch 2>nul && echo b || echo c", "c\n"),
        ("(echo a & echo b) & echo c", "a \nb\nc\n"),
        ("((echo a))", "a\n"),
        ("echo ( a ) b", "( a ) b\n"),
        ("echo a)", "a)\n"),
        ("@echo @a", "@a\n"),
        ("rem a & echo b", ""),
        ("rem & echo b", "b\n"),
        # echo
        ("echo.", "\n"),
        ("echo(", "\n"),
        ("echo(on", "on\n"),
        ("echo.a  b", "a  b\n"),
        ("echo", "ECHO is on.\n"),
        ("echo(/?", "/?\n"),
        ("echo off", ""),
        ("echo   two", "  two\n"),
        # if
        ('if "a"=="a" echo yes', "yes\n"),
        ("if a==b (echo yes) else (echo no)", "no\n"),
        ("if /i A==a echo yes", "yes\n"),
        ("if not a==b echo yes & echo too", "yes \ntoo\n"),
        ("if a==b echo no & echo neither", ""),
        ("if exist C:\\mailops (echo yes) else echo no", "yes\n"),
        ("if exist C:\\mailops\\*.txt echo yes", "yes\n"),
        ("if exist C:\\mailops\\*.log (echo yes) else (echo no)", "no\n"),
        ("if exist C:\\mailops\\three.txt\\ (echo yes) else (echo no)", "no\n"),
        ("if defined HERE echo yes", "yes\n"),
        ("if not defined THERE echo yes", "yes\n"),
        ("if errorlevel 1 (echo bad) else (echo good)", "good\n"),
        ("if 10 GTR 9 echo yes", "yes\n"),
        ("if 0x10 EQU 16 echo yes", "yes\n"),
        ("if abc LSS abd echo yes", "yes\n"),
        ("if a==b (echo 1) else if c==c (echo 2) else (echo 3)", "2\n"),
        # for
        ("for %I in (a b) do @echo %I", "a\nb\n"),
        ('for %I in ("C:\\mailops\\three.txt") do @echo %~nxI %~zI %~dpI', "three.txt 17 C:\\mailops\\\n"),
        ("for %I in (C:\\mailops\\*.txt) do @echo %I", "C:\\mailops\\three.txt\n"),
        ("for %z in (x) do @echo %z %~z", "x x\n"),
        ("for %I in (a) do echo %I", "\nC:\\>echo a \na\n"),
        ("for %I in (a) do @(echo %I& echo %I%I)", "a\naa\n"),
        ("for %I in (1 2) do @for %J in (x) do @echo %I%J", "1x\n2x\n"),
        ("for /l %I in (3,-1,1) do @echo %I", "3\n2\n1\n"),
        ('for /f "skip=1" %I in (C:\\mailops\\three.txt) do @echo %I', "two\nthree\n"),
        ('for /f "tokens=2-3 delims=,;" %I in ("a,b;c,d") do @echo %J%I', "cb\n"),
        ('for /f "tokens=1*" %I in ("a b c") do @echo [%J]', "[b c]\n"),
        ("for /f %I in ('type C:\\mailops\\three.txt ^| find \"w\"') do @echo %I", "two\n"),
        ('for /f "usebackq delims=" %I in (`ver`) do @echo %I', "Microsoft Windows [Version 5.2.3790]\n"),
        # pipes and input
        ('echo a| find /c /v ""', "1\n"),
        ('(echo a& echo b)| find "b"', "b\n"),
        ("type C:\\mailops\\three.txt | findstr /v two | more +1", "three\n"),
        ('find "t" <C:\\mailops\\three.txt', "two\nthree\n"),
        ("set X=1| echo piped", "piped\n"),
        # set
        ("set HERE", "HERE=a b\n"),
        ("set /a 2+3*4", "14"),
        ("set /a (1+2)*3,X=7/2", "3"),
        ('set /a "-7 %% 3"', None),
        # cd, ver
        ("cd", "C:\\\n"),
        ("cd mailops & cd", "C:\\mailops\n"),
        ("cd /d C:\\mailops\\.. & cd", "C:\\\n"),
        ("ver", "\nMicrosoft Windows [Version 5.2.3790]\n"),
        ("chcp", "Active code page: 437\n"),
        ("hostname", "n1\n"),
        ("C:\\WINDOWS\\system32\\hostname.exe", "n1\n"),
        ('"%SystemRoot%\\system32\\hostname"', "n1\n"),
        ("%ComSpec% /c hostname", "n1\n"),
    ],
)
def test_what_a_line_prints(console: Console, line: str, text: str | None) -> None:
    if text is None:
        assert console.run(line).exit_code != 0
    else:
        assert console.out(line) == text


def test_operators_are_gone_when_a_call_finds_them_late(console: Console) -> None:
    result = console.run('set "X=a & nosuch"& call echo [%^X%]')
    assert "nosuch" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("exit 3", 3),
        ("exit /b 4", 4),
        ("exit -1", -1),
        ("echo a & exit 2 & echo b", 2),
        ("nosuch", 1),
        ("nosuch & exit", 9009),
        ("nosuch & exit %ERRORLEVEL%", 0),
        ("cmd /c exit 7", 7),
        ('cmd /c "exit 7"', 7),
        ('cmd /s /c "cmd /c "exit 7""', 7),
        ("cmd /c exit 7 & echo a", 7),
        ("cmd /c exit 7 && echo a", 7),
        ("(cmd /c exit 7) & ver >nul", 0),
        ("type nosuch", 1),
        ("rd nosuch", 2),
        ("rd nosuch & call exit %^ERRORLEVEL%", 0),
        ("rd nosuch || call exit %^ERRORLEVEL%", 2),
        ("del nosuch", 0),
        ("ren nosuch x", 1),
        ("move nosuch x", 1),
        ("copy nosuch x", 1),
        ("cd nosuch", 1),
        ("dir nosuch", 1),
        ("md C:\\mailops", 1),
        ("set NOSUCH", 1),
        ("echo a| exit 5", 5),
        ("exit 5 | echo a", 0),
        ("call", 0),
        ('find "x" nosuch', 1),
        ("set /a 1/0", 1073750993),
    ],
)
def test_exit_codes(console: Console, line: str, code: int) -> None:
    assert console.code(line) == code


def test_errorlevels_of_a_batch_of_lines_come_back_with_marks(console: Console) -> None:
    line = "(nosuch) 2>&1 & call echo M0:%^ERRORLEVEL%: & (hostname) 2>&1 & call echo M1:%^ERRORLEVEL%:"
    assert console.out(line).splitlines() == [
        "'nosuch' is not recognized as an internal or external command,",
        "operable program or batch file.",
        "M0:9009: ",
        "n1",
        "M1:0:",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "nosuch a",
            "'nosuch' is not recognized as an internal or external command,\r\noperable program or batch file.",
        ),
        ("C:\\nosuch\\x.exe", "The system cannot find the path specified."),
        ("(echo a", "The syntax of the command is incorrect."),
        ("echo a)) & )", ") was unexpected at this time."),
        ("& echo a", "& was unexpected at this time."),
        ("echo a && ", "The syntax of the command is incorrect."),
        ("echo a >", "The syntax of the command is incorrect."),
        ("if a==a", "The syntax of the command is incorrect."),
        ("for %I in (a) echo", "echo was unexpected at this time."),
        ("()", ") was unexpected at this time."),
        ("(echo a) b", "b was unexpected at this time."),
        ("echo " + "x" * 8190, "The input line is too long."),
        ("type C:\\nosuch\\x", "The system cannot find the path specified."),
        ("type C:\\nosuch", "The system cannot find the file specified."),
        (">C:\\nosuch\\x echo a", "The system cannot find the path specified."),
        ('find "a" <C:\\nosuch', "The system cannot find the file specified."),
        ("md C:\\mailops", "A subdirectory or file C:\\mailops already exists."),
        ("set NOSUCH", "Environment variable NOSUCH not defined"),
        ("whoami", "'whoami' is not recognized as an internal or external command,\r\noperable program or batch file."),
    ],
)
def test_complaints_go_to_standard_error(console: Console, line: str, message: str) -> None:
    result = console.run(line)
    assert result.exit_code != 0
    assert result.stdout == ""
    assert result.stderr == message + "\r\n"


def test_nothing_of_a_line_runs_when_a_part_cannot_be_parsed(console: Console) -> None:
    result = console.run("echo a & (echo b")
    assert (result.stdout, result.exit_code) == ("", 255)


def test_the_longest_line_is_taken(console: Console) -> None:
    line = "echo " + "x" * (8191 - 5)
    assert console.out(line) == line[5:] + "\n"


@pytest.mark.parametrize("line", ["echo a /?", "del /? C:\\mailops", "md /?"])
def test_a_question_mark_asks_for_help(console: Console, line: str) -> None:
    assert console.run(line).stdout.startswith("Help for ")
    assert console.host.files.exists("C:\\mailops\\three.txt")


def test_one_line_leaves_nothing_to_the_next(console: Console) -> None:
    console.run("set NEW=1& cd /d C:\\mailops")
    assert console.out("echo %NEW% & cd") == "%NEW% \nC:\\\n"


def test_lines_end_with_carriage_return_and_line_feed(console: Console) -> None:
    assert console.run("echo a& echo b").stdout == "a\r\nb\r\n"


def test_a_line_holds_hundreds_of_commands(console: Console) -> None:
    assert console.out("&".join(["echo a"] * 1000)) == "a\n" * 1000
    assert console.out(f"({'& '.join(['echo b'] * 900)})") == "b\n" * 900
    assert console.run("(" * 4000 + "echo a" + ")" * 4000).exit_code == 255
