"""What a projector shows is an address that others reach, never one that means each machine itself."""

import pytest

from vit_lab.ui.serving import address
from vit_lab.ui.serving.key import key


@pytest.fixture
def served(monkeypatch):
    """A server with these options, on a machine that sends from 192.168.1.7."""
    options = {"server.address": "0.0.0.0", "server.port": 8501, "server.baseUrlPath": "", "server.allowedHosts": []}
    monkeypatch.setattr(address.st, "get_option", options.get)
    monkeypatch.setattr(address, "_outward", lambda: "192.168.1.7")
    return options


@pytest.mark.parametrize(
    "seen",
    [
        "",
        "http://localhost:8501/round",
        "http://127.0.0.1:8501/",
        "http://[::1]:8501/",
        "http://0.0.0.0:8501/round",
        "http://[::]:8501/",
        "http://[",
        "nonsense",
    ],
)
def test_seen_at_the_machine_itself_it_is_that_of_the_network(served, seen):
    assert address.network_address(seen) == "http://192.168.1.7:8501"


@pytest.mark.parametrize(
    "seen", ["https://lab.school.example/round?round=x", "http://10.0.0.5:8501/", "http://teacher:80/"]
)
def test_seen_from_elsewhere_it_is_what_was_seen(served, seen):
    assert address.network_address(seen) == "/".join(seen.split("/")[:3])


def test_it_has_the_given_address_and_the_folder_of_the_server(served):
    served |= {"server.address": "192.168.9.9", "server.baseUrlPath": "/lab/"}
    assert address.network_address() == "http://192.168.9.9:8501/lab"
    served["server.address"] = "fd00::7"
    assert address.network_address() == "http://[fd00::7]:8501/lab"


def test_a_server_with_a_certificate_is_reached_by_https(served, capsys):
    served["server.sslCertFile"] = "cert.pem"
    assert address.network_address("https://localhost:8501/") == "https://192.168.1.7:8501"
    address.announce()
    assert capsys.readouterr().out.count("https://192.168.1.7:8501/") == 2


def test_there_is_none_where_nobody_else_gets_in_or_there_is_no_network(served, monkeypatch):
    monkeypatch.setattr(address, "_outward", lambda: None)
    assert address.network_address() is None
    served["server.address"] = "127.0.0.1"
    assert address.network_address("http://localhost:8501/") is None


def test_what_the_system_tells_is_never_the_machine_itself():
    assert address._outward() not in ("", "0.0.0.0", "127.0.0.1")


def test_a_server_for_a_class_says_how_to_get_in_and_one_at_home_says_nothing(served, capsys):
    address.announce()
    told = capsys.readouterr().out
    assert "http://192.168.1.7:8501/join" in told and f"/host?key={key()}" in told
    served["server.address"] = "127.0.0.1"
    address.announce()
    assert capsys.readouterr().out == ""
