"""How the table of runs is asked: its columns as RunRecord has them, and which rows some process is at work on."""

from dataclasses import fields

from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import ACTIVE

RUN_COLUMNS = ", ".join(
    "config AS config_json" if field.name == "config_json" else field.name for field in fields(RunRecord)
)
AT_WORK = "status IN ('" + "', '".join(ACTIVE) + "')"
