"""Everything the lab keeps lies in one folder, which two environment variables can move."""

from pathlib import Path

from vit_lab import paths


def test_home_is_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("VIT_LAB_HOME", str(tmp_path / "lab"))
    assert paths.home() == tmp_path / "lab"
    for place in (paths.database(), paths.checkpoint("x"), paths.data_folder()):
        assert place.is_relative_to(tmp_path / "lab")
    assert paths.checkpoint("x") != paths.checkpoint("y")


def test_the_data_can_lie_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("VIT_LAB_DATA", str(tmp_path / "data"))
    assert paths.data_folder() == tmp_path / "data"
    assert paths.database().is_relative_to(paths.home())


def test_a_tilde_is_the_persons_home(monkeypatch):
    monkeypatch.setenv("VIT_LAB_HOME", "~/lab")
    monkeypatch.setenv("VIT_LAB_DATA", "~/data")
    assert (paths.home(), paths.data_folder()) == (Path.home() / "lab", Path.home() / "data")


def test_without_variables_it_is_the_users_data_folder(monkeypatch):
    for empty in (lambda: monkeypatch.setenv("VIT_LAB_HOME", ""), lambda: monkeypatch.delenv("VIT_LAB_HOME")):
        empty()
        assert paths.home().name == "vit-lab" and paths.home().is_absolute()
        assert paths.data_folder().is_relative_to(paths.home())


def test_asking_where_things_live_makes_nothing(home):
    paths.database(), paths.checkpoint("x"), paths.data_folder()
    assert list(home.iterdir()) == []
