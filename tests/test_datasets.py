"""Every entry of the table of data sets says all there is to say, and nothing else has to know a set by name."""

import subprocess
import sys
from collections import Counter

import pytest

from vit_lab.config import DataConfig
from vit_lab.datasets import DATASETS, DECIDED, MEANT
from vit_lab.model_config import KINDS, datasets_for
from vit_lab.settings import configure

every_dataset = pytest.mark.parametrize("name", DATASETS)


@every_dataset
def test_an_entry_is_whole(name):
    about = DATASETS[name]
    assert about.words and about.source and about.licence and min(about.sizes) > 0
    assert callable(about.loader())
    if about.examples == "sequences":
        assert not about.asks and not about.classes
    else:
        channels, height, width = about.shape
        assert height == width and len(about.classes) == len(set(about.classes)) > 1
        assert about.asks == dict(zip(DECIDED, (width, channels, len(about.classes)), strict=True))


@pytest.mark.parametrize("name", [name for name, about in DATASETS.items() if about.examples == "images"])
def test_images_have_statistics_for_each_channel(name):
    about = DATASETS[name]
    assert len(about.mean) == len(about.std) == about.shape[0] and all(std > 0 for std in about.std)
    assert about.scale(normalise=True) == (about.mean, about.std)
    assert about.scale(normalise=False) == ((0.0,) * len(about.mean), (1.0,) * len(about.std))


@pytest.mark.parametrize("name", [name for name, about in DATASETS.items() if about.download])
def test_all_files_of_a_download_lie_in_one_folder(name):
    download = DATASETS[name].download
    assert download.bytes > 0 and len(set(download.files)) == len(download.files)
    assert all(file.startswith(f"{download.folder}/") for file in download.files)


def test_every_set_is_read_by_one_kind_of_model_and_configured_with_its_sizes():
    assert Counter(name for kind in KINDS for name in datasets_for(kind)) == Counter(DATASETS.keys())
    for kind in KINDS:
        for name in datasets_for(kind):
            config = configure(kind=kind, dataset=name)
            assert config.data.dataset == name and config.train_images == DATASETS[name].sizes.train


def test_every_setting_of_the_data_means_something_to_images_and_the_data_set_to_all():
    assert set(MEANT["images"]) == set(DataConfig.model_fields)
    assert all("dataset" in meant and set(meant) <= set(MEANT["images"]) for meant in MEANT.values())


@pytest.mark.parametrize(("held_out", "left"), [(None, 7_000), (0, 8_000), (3_000, 5_000)])
def test_what_is_not_held_out_is_left_to_train_on(held_out, left):
    assert DATASETS["mnist-10k"].train_size(held_out) == left


def test_settings_and_table_load_nothing_heavy():
    """A page asks them before it is drawn."""
    code = "import sys, vit_lab.settings; print({'torch', 'numpy', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
