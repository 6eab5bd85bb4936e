"""Which server is asked, and which token it gets."""

from pathlib import Path

import pytest

from vprinter_cli.exits import Exit, Failure
from vprinter_cli.server import Server, find_server
from vprinter_cli.settings import Settings

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "admin-token").write_text("the local token\n")
    return Settings(data_dir=tmp_path)


def test_without_a_word_it_is_the_server_of_this_host_with_its_token(settings: Settings) -> None:
    assert find_server(settings, {}, None, None) == Server(HERE, "the local token")


def test_options_go_before_the_environment(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file\n")
    environ = {"VPRINTER_URL": "http://elsewhere:1", "VPRINTER_TOKEN": "from the environment"}
    assert find_server(settings, environ, None, None) == Server("http://elsewhere:1", "from the environment")
    found = find_server(settings, environ, "https://here:2/", str(tmp_path / "token"))
    assert found == Server("https://here:2", "from a file")


def test_the_local_token_never_leaves_this_host(settings: Settings) -> None:
    assert find_server(settings, {}, "http://192.0.2.1:8000", None).token is None
    assert find_server(settings, {}, "http://localhost:8000", None).token == "the local token"


def test_the_token_that_the_services_were_given_serves_here_too(settings: Settings) -> None:
    given = Settings(data_dir=settings.data_dir, admin_token="an admin's token of one's own")
    assert find_server(given, {}, None, None).token == "an admin's token of one's own"


def test_a_token_file_that_is_missing_is_named(settings: Settings) -> None:
    with pytest.raises(Failure, match="nowhere cannot be read") as failure:
        find_server(settings, {}, None, "/nowhere")
    assert failure.value.code is Exit.NOT_ALLOWED


@pytest.mark.parametrize("url", ["ftp://host", "host:8000", "http://", "file:///etc/passwd"])
def test_what_is_no_address_of_a_server_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(Failure, match="is no URL of a server") as failure:
        find_server(settings, {}, url, None)
    assert failure.value.code is Exit.USAGE


def test_a_token_does_not_show(settings: Settings) -> None:
    assert "token" not in repr(find_server(settings, {}, None, None))
