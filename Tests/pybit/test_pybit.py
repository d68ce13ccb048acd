#!/usr/bin/env python3
"""The official client, pybit, against the simulated exchange: what it takes for Bybit must be one.

    test_pybit.py                 starts $BYBITCTL (default: bybitctl) simulate by itself
    test_pybit.py READY.json      uses a running exchange; the file (or - for stdin) holds its ready line
    test_pybit.py --tls CERT KEY  starts the exchange with TLS; pybit trusts CERT

Nothing of pybit is changed but the addresses it composes from its constants. Exit code 0 when all holds.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from decimal import Decimal

TIMEOUT = 15


def start_exchange(tls):
    """Starts the exchange and returns its process and its ready line."""
    command = [os.environ.get("BYBITCTL", "bybitctl"), "simulate", "--accounts", "2", "--port", "0", "--activity", "none"]
    if tls:
        command += ["--tls", *tls]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = queue.Queue()
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()
    try:
        return process, json.loads(lines.get(timeout=30))
    except (queue.Empty, json.JSONDecodeError) as error:
        process.kill()
        raise SystemExit(f"no ready line from {' '.join(command)}: {error!r}")


def wait(messages, what, condition, limit=TIMEOUT):
    """The first message of the queue that fulfils the condition."""
    deadline = time.monotonic() + limit
    while True:
        try:
            message = messages.get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"waited {limit} s in vain for {what}") from None
        if condition(message):
            print(f"ok  {what}", flush=True)
            return message


def check(what, holds):
    if not holds:
        raise AssertionError(what)
    print(f"ok  {what}", flush=True)


def row(message):
    return message["data"][0]


def run(ready):
    # Imported late: the CA variables must be set before.
    import pybit.unified_trading as unified
    from pybit.exceptions import InvalidRequestError

    unified.PRIVATE_WSS = ready["private"]
    unified.PUBLIC_WSS = ready["public_linear"].rsplit("/", 1)[0] + "/{CHANNEL_TYPE}"
    account = ready["accounts"][0]
    keys = {"api_key": account["api_key"], "api_secret": account["api_secret"]}

    def client(**keys):
        client = unified.HTTP(**keys)
        client.endpoint = ready["rest"]
        # pybit sends prepared requests, which look at the session's own setting only.
        client.client.verify = os.environ.get("REQUESTS_CA_BUNDLE", True)
        return client

    http = client(**keys)

    check("server time", abs(http.get_server_time()["time"] - time.time() * 1000) < 5000)
    check("key information", http.get_api_key_information()["result"]["readOnly"] == 0)
    instrument = http.get_instruments_info(category="linear", symbol="BTCUSDT")["result"]["list"][0]
    tick = Decimal(instrument["priceFilter"]["tickSize"])
    check("instrument", instrument["contractType"] == "LinearPerpetual" and tick > 0)
    check("wallet", http.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["coin"])

    # pybit sends the subscription before it notes the callback. An exchange on loopback may have answered by then, and pybit
    # drops the snapshot; a new connection tries again.
    for attempt in range(10):
        public = unified.WebSocket(testnet=False, channel_type="linear")
        tickers = queue.Queue()
        public.ticker_stream(symbol=["BTCUSDT", "ETHUSDT"], callback=tickers.put)
        try:
            first = wait(
                tickers,
                "ticker snapshot",
                lambda m: m["type"] == "snapshot" and m["data"]["symbol"] == "BTCUSDT",
                limit=2,
            )
            break
        except AssertionError:
            public.exit()
            if attempt == 9:
                raise
    wait(tickers, "ticker that follows", lambda m: m["cs"] > first["cs"] and m["data"]["symbol"] == "BTCUSDT")

    private = unified.WebSocket(testnet=False, channel_type="private", private_auth_expire=10, **keys)
    positions, orders = queue.Queue(), queue.Queue()
    executions = queue.Queue()
    private.position_stream(callback=positions.put)
    private.order_stream(callback=orders.put)
    private.execution_stream(callback=executions.put)
    # pybit neither waits for the acknowledgement nor returns it: the first order comes when all three are there.
    deadline = time.monotonic() + TIMEOUT
    while private.auth is False or len(private.callback_directory) < 3:
        check("subscriptions in time", time.monotonic() < deadline)
        time.sleep(0.02)
    time.sleep(0.3)

    check("no positions", http.get_positions(category="linear", settleCoin="USDT")["result"]["list"] == [])
    check("a flat row", http.get_positions(category="linear", symbol="BTCUSDT")["result"]["list"][0]["size"] == "0")

    mark = Decimal(first["data"]["markPrice"])
    price = (mark * Decimal("0.9") // tick) * tick
    limit = http.place_order(
        category="linear", symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.01", price=str(price),
        timeInForce="PostOnly", orderLinkId="pybit-limit-1",
    )["result"]["orderId"]
    wait(orders, "limit order on the stream", lambda m: row(m)["orderId"] == limit and row(m)["orderStatus"] == "New")
    wait(positions, "a row without a change", lambda m: row(m)["size"] == "0")
    listed = http.get_open_orders(category="linear", symbol="BTCUSDT")["result"]["list"]
    check("limit order listed", [o["orderId"] for o in listed] == [limit])
    check("cancelled", http.cancel_order(category="linear", symbol="BTCUSDT", orderId=limit)["result"]["orderId"] == limit)
    wait(orders, "cancel on the stream", lambda m: row(m)["orderId"] == limit and row(m)["orderStatus"] == "Cancelled")
    try:
        http.cancel_order(category="linear", symbol="BTCUSDT", orderId=limit)
        raise AssertionError("a second cancel went through")
    except InvalidRequestError as error:
        check("a second cancel says 110001", error.status_code == 110001)

    trigger = (mark * Decimal("1.1") // tick) * tick
    conditional = http.place_order(
        category="linear", symbol="BTCUSDT", side="Buy", orderType="Market", qty="0.01",
        triggerPrice=str(trigger), triggerDirection=1,
    )["result"]["orderId"]
    wait(orders, "conditional order", lambda m: row(m)["orderId"] == conditional and row(m)["orderStatus"] == "Untriggered")
    cleared = http.cancel_all_orders(category="linear", settleCoin="USDT")["result"]["list"]
    check("all cancelled", [o["orderId"] for o in cleared] == [conditional])

    http.place_order(category="linear", symbol="BTCUSDT", side="Buy", orderType="Market", qty="0.05")
    opened = row(wait(positions, "position row", lambda m: row(m)["size"] == "0.05"))
    check("row of a long", opened["side"] == "Buy" and Decimal(opened["entryPrice"]) > 0 and opened["category"] == "linear")
    wait(executions, "execution", lambda m: row(m)["symbol"] == "BTCUSDT")
    listed = http.get_positions(category="linear", settleCoin="USDT")["result"]["list"]
    check("position listed", [(p["symbol"], p["size"], p["avgPrice"]) for p in listed] == [("BTCUSDT", "0.05", opened["entryPrice"])])

    stop = (mark * Decimal("0.8") // tick) * tick
    http.set_trading_stop(category="linear", symbol="BTCUSDT", positionIdx=0, tpslMode="Full", stopLoss=str(stop))
    wait(positions, "stop on the row", lambda m: Decimal(row(m)["stopLoss"] or 0) == stop)
    try:
        http.set_trading_stop(category="linear", symbol="BTCUSDT", positionIdx=0, tpslMode="Full", stopLoss=str(stop))
        raise AssertionError("the same stop again went through")
    except InvalidRequestError as error:
        check("the same stop again says 34040", error.status_code == 34040)

    http.place_order(category="linear", symbol="BTCUSDT", side="Sell", orderType="Market", qty="0.05", reduceOnly=True)
    closed = row(wait(positions, "close on the stream", lambda m: row(m)["size"] == "0"))
    check("a flat row has no side", closed["side"] == "" and int(closed["seq"]) > int(opened["seq"]))
    check("nothing listed", http.get_positions(category="linear", settleCoin="USDT")["result"]["list"] == [])

    forged = client(api_key=keys["api_key"], api_secret="wrong" * 7)
    try:
        forged.get_positions(category="linear", settleCoin="USDT")
        raise AssertionError("a wrong secret was accepted")
    except InvalidRequestError as error:
        check("a wrong secret says 10004", error.status_code == 10004)

    public.exit()
    private.exit()
    print("pybit is content", flush=True)


def main():
    arguments = sys.argv[1:]
    process = None
    if arguments and arguments[0] != "--tls":
        with sys.stdin if arguments[0] == "-" else open(arguments[0]) as file:
            ready = json.loads(file.readline())
    else:
        tls = arguments[1:3] if arguments else None
        if tls:
            for variable in ("REQUESTS_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE"):
                os.environ[variable] = os.path.abspath(tls[0])
        process, ready = start_exchange(tls)
    try:
        run(ready)
    finally:
        if process:
            process.terminate()
            process.wait(timeout=10)


if __name__ == "__main__":
    main()
