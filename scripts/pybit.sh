#!/bin/sh
# Runs the exchange's official Python client against `bybitctl simulate`, in a virtual environment of its own.
set -eu
bybitctl=$1
venv=.build/pybit-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r Tests/pybit/requirements.txt
BYBITCTL="$bybitctl" "$venv/bin/python" Tests/pybit/test_pybit.py
