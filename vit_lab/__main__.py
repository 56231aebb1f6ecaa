"""The lab from a shell: python -m vit_lab train | compare | sweep | claim | runs | export | dashboard."""

from vit_lab.cli.app import main

if __name__ == "__main__":
    main("python -m vit_lab")
