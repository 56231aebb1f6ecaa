"""What pyproject.toml cannot say of the package: see docs/decisions/029-one-wheel-with-its-dashboard.md."""

from pathlib import Path

from setuptools import find_packages, setup

lab, checks = Path("requirements.txt").read_text(encoding="utf-8").split("# Tests and checks\n")
top = {"vit_lab.top": ".", "vit_lab.top.pages": "pages", "vit_lab.top.docs.findings": "docs/findings"}

setup(
    script_name="setup.py",  # or it would be taken for a module of vit_lab.top
    install_requires=lab,
    extras_require={
        "checks": checks,
        "ray": ["ray>=2.50,<3"],  # for `--executor ray` alone
        "tensorboard": ["tensorboard>=2.17,<3"],  # for `export --tensorboard` alone
    },
    packages=[*find_packages(include=["vit_lab", "vit_lab.*"]), *top],
    package_dir=top,
    package_data={
        "vit_lab": ["**/*.html", "**/*.md", "**/*.npz", "**/*.svg"],
        "vit_lab.top": [".streamlit/config.toml"],
        "vit_lab.top.docs.findings": ["*", "rounds/*"],
    },
)
