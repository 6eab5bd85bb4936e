"""What is printed when the system runs."""

from dataclasses import replace

from vprinter_cli.outlook import PrinterOutlook
from vprinter_cli.welcome import Welcome, render

PRINTER = PrinterOutlook(
    name="Virtual Printer",
    model="X1 Carbon",
    mode="immediate",
    address="192.168.1.20",
    access_codes=("12345678",),
    problems=(),
)
FIRST = Welcome(
    page="http://192.168.1.20:8000",
    page_answers=True,
    token="a-new-token",
    token_is_given=False,
    ca="/srv/data/virtual_printer/certs/bbl_ca.crt",
    printers=(PRINTER,),
    show_codes=True,
    stop="Ctrl-C stops it.",
)


def test_the_first_start_tells_all_that_is_needed() -> None:
    text = render(FIRST)
    for needed in (
        "http://192.168.1.20:8000",
        "a-new-token",
        "Virtual Printer (X1 Carbon, immediate mode)",
        "192.168.1.20",
        "12345678",
        "/srv/data/virtual_printer/certs/bbl_ca.crt",
        "printer.cer",
    ):
        assert needed in text
    assert "Not reachable" not in text


def test_a_later_start_says_what_to_do_about_a_lost_token() -> None:
    text = render(replace(FIRST, token=None))
    assert "VPRINTER_ADMIN_TOKEN=" in text
    assert "shown this once" not in text


def test_access_codes_stay_out_of_files_and_journals_after_the_first_start() -> None:
    text = render(replace(FIRST, token=None, show_codes=False))
    assert "12345678" not in text
    assert "Access code    was shown at the first start" in text


def test_a_token_of_the_users_choice_is_not_repeated() -> None:
    assert "the one in VPRINTER_ADMIN_TOKEN" in render(replace(FIRST, token=None, token_is_given=True))


def test_every_problem_is_told_with_its_remedy() -> None:
    problem = "FTPS needs port 990, which is reserved for root: run as root"
    text = render(replace(FIRST, printers=(replace(PRINTER, problems=(problem, "another")),)))
    assert f"    - {problem}\n    - another" in text


def test_a_page_that_does_not_answer_is_no_secret() -> None:
    assert "does not answer yet" in render(replace(FIRST, page_answers=False))


def test_without_printers_the_next_step_is_to_make_one() -> None:
    assert "No printer is enabled" in render(replace(FIRST, printers=()))
