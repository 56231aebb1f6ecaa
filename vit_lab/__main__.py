"""The lab from a shell: python -m vit_lab train | compare | sweep | claim | runs | look | export | dashboard."""

from typing import NoReturn

from vit_lab.cli.early import leave_at_ctrl_c


def main(program: str = "vit-lab") -> NoReturn:
    """The command `vit-lab`. Ctrl-C ends it in a sentence also while it is still loading, which takes a second."""
    leave_at_ctrl_c()
    from vit_lab.cli.app import main as run

    run(program)


if __name__ == "__main__":
    main("python -m vit_lab")
