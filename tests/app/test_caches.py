"""A config is a key of Streamlit's caches by its hash, which tells all configs apart."""

from vit_lab.config import NEEDS, SCHEMES, RunConfig
from vit_lab.model_config import KINDS, datasets_for
from vit_lab.settings import bounds, configure, flat
from vit_lab.ui.serving.caches import BY_CONFIG


def test_configs_that_differ_in_one_setting_have_different_keys():
    key = BY_CONFIG[RunConfig]
    for kind in KINDS:
        start = configure(kind=kind, dataset=datasets_for(kind)[0])
        others = [configure(start, **{field: value}) for field, value in {"seed": 1, "dim": 32, "depth": 1}.items()]
        others += [configure(start, variance_scale=scale) for scale in (0.1, 0.5, 2.0, 10.0)]
        others += [
            configure(start, scheme=scheme) for scheme in SCHEMES if scheme != start.init.scheme and scheme not in NEEDS
        ]
        keys = {key(config) for config in [start, *others]}
        assert len(keys) == 1 + len(others) and key(configure(kind=kind, dataset=datasets_for(kind)[0])) in keys


def test_no_setting_may_be_negative_for_minus_1_and_minus_2_have_one_hash():
    standards = [flat(configure(kind=kind, dataset=datasets_for(kind)[0])) for kind in KINDS]
    numbers = {field for one in standards for field, value in one.items() if type(value) in (int, float)}
    assert {"seed", "depth", "variance_scale", "dropout"} <= numbers
    assert {field for field in numbers if bounds(field)[0] < 0} == set()
