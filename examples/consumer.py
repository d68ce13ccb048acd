#!/usr/bin/env python3
"""Follows the positions of bybitctl's accounts and prints what a trading bot looks at: a place to start from."""
import argparse
import json
import socket
import sys

FIELDS = ["side", "size", "position_amt", "entry_price", "mark_price", "unrealized_pnl", "leverage"]

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--socket", metavar="PATH", help="the path of a socket sink; without it standard input is read")
arguments = parser.parse_args()
if arguments.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(arguments.socket)
    lines = connection.makefile("rb")
else:
    lines = sys.stdin.buffer

last_n = {}  # by account: the newest event seen
positions = {}  # by account, symbol and leg: the newest event of each open position

for line in lines:  # ends when the daemon stops
    if not line.endswith(b"\n"):
        break  # the connection was cut
    event = json.loads(line)
    account, n = event["account"], event["n"]
    if n <= last_n.get(account, 0):
        continue  # told again, after a restart
    last_n[account] = n
    if event["event"] != "position.update":
        continue  # account.state, alert, action ...
    key = (account, event["symbol"], event["position_idx"])
    if event["cause"] == "closed":
        positions.pop(key, None)
    else:
        positions[key] = event  # every event carries the whole position
    values = " ".join(f"{field}={event[field]}" for field in FIELDS)
    print(account, event["symbol"], event["cause"], values, f"open={len(positions)}", flush=True)
