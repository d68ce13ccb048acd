#include "CBench.h"

#include <stdio.h>

static int64_t number_at(const char *frame, size_t length, const char *key) {
    size_t width = 0;
    while (key[width] != 0) width++;
    for (size_t at = 0; at + width <= length; at++) {
        size_t same = 0;
        while (same < width && frame[at + same] == key[same]) same++;
        if (same == width) return (int64_t)(at + width);
    }
    return -1;
}

// Shapes: https://bybit-exchange.github.io/docs/v5/websocket/public/ticker, members in the order of the exchange.

struct cbench_delta cbench_write_delta(
    char *out, const char *symbol, uint32_t salt, int mark, int64_t cs, int64_t ts) {
    int length = snprintf(
        out, CBENCH_FRAME_ROOM,
        "{\"topic\":\"tickers.%s\",\"type\":\"delta\",\"data\":{\"symbol\":\"%s\",\"tickDirection\":\"ZeroMinusTick\","
        "\"price24hPcnt\":\"0.0%05u\",\"lastPrice\":\"%05d.%02d\",\"markPrice\":\"%05d.%02d\","
        "\"indexPrice\":\"%05d.%02d\",\"openInterestValue\":\"%u.10\",\"turnover24h\":\"%u.4821\","
        "\"volume24h\":\"%u.4821\",\"bid1Price\":\"%05d.%02d\",\"bid1Size\":\"%u.302\",\"ask1Price\":\"%05d.%02d\","
        "\"ask1Size\":\"%u.691\"},\"cs\":%012lld,\"ts\":%013lld}",
        symbol, symbol, salt % 100000, mark / 100, (int)(salt % 100), mark / 100, mark % 100, mark / 100,
        (int)(salt / 7 % 100), 1250990127u + salt % 1000000, 1352713415u + salt % 999983, 27213u + salt % 90000,
        mark / 100, (int)(salt / 3 % 100), salt % 1000, mark / 100, (int)(salt / 5 % 100), salt / 11 % 3000,
        (long long)cs, (long long)ts);
    struct cbench_delta delta;
    delta.length = (size_t)length;
    delta.last = (size_t)number_at(out, delta.length, "\"lastPrice\":\"");
    delta.mark = (size_t)number_at(out, delta.length, "\"markPrice\":\"");
    delta.cs = (size_t)number_at(out, delta.length, "\"cs\":");
    delta.ts = (size_t)number_at(out, delta.length, "\"ts\":");
    return delta;
}

size_t cbench_write_mark_delta(char *out, const char *symbol, uint32_t salt, int mark, int64_t cs, int64_t ts) {
    return (size_t)snprintf(
        out, CBENCH_FRAME_ROOM,
        "{\"topic\":\"tickers.%s\",\"type\":\"delta\",\"data\":{\"symbol\":\"%s\",\"markPrice\":\"%d.%02d\","
        "\"indexPrice\":\"%d.%02d\",\"openInterestValue\":\"%u.10\",\"singleOpenInterestValue\":\"%u.91\"},"
        "\"cs\":%lld,\"ts\":%lld}",
        symbol, symbol, mark / 100, mark % 100, mark / 100, (int)(salt % 100), 1250990127u + salt % 1000000,
        625495106u + salt % 999983, (long long)cs, (long long)ts);
}

size_t cbench_write_book_delta(char *out, const char *symbol, uint32_t salt, int64_t cs, int64_t ts) {
    return (size_t)snprintf(
        out, CBENCH_FRAME_ROOM,
        "{\"topic\":\"tickers.%s\",\"type\":\"delta\",\"data\":{\"symbol\":\"%s\",\"bid1Price\":\"8%04u.60\","
        "\"bid1Size\":\"%u.302\"},\"cs\":%lld,\"ts\":%lld}",
        symbol, symbol, salt % 10000, salt % 1000, (long long)cs, (long long)ts);
}

size_t cbench_write_snapshot(char *out, const char *symbol, int mark, int64_t cs, int64_t ts) {
    return (size_t)snprintf(
        out, CBENCH_FRAME_ROOM,
        "{\"topic\":\"tickers.%s\",\"type\":\"snapshot\",\"data\":{\"symbol\":\"%s\",\"tickDirection\":\"MinusTick\","
        "\"price24hPcnt\":\"-0.158315\",\"lastPrice\":\"%d.60\",\"prevPrice24h\":\"79206.20\","
        "\"highPrice24h\":\"79266.30\",\"lowPrice24h\":\"65076.90\",\"prevPrice1h\":\"66666.60\","
        "\"markPrice\":\"%d.%02d\",\"indexPrice\":\"115418.19\",\"openInterest\":\"492373.72\","
        "\"openInterestValue\":\"32824881841.75\",\"turnover24h\":\"4936790807.6521\",\"volume24h\":\"73191.3870\","
        "\"fundingIntervalHour\":\"8\",\"fundingCap\":\"0.005\",\"nextFundingTime\":\"1760342400000\","
        "\"fundingRate\":\"-0.005\",\"bid1Price\":\"66666.60\",\"bid1Size\":\"23789.165\",\"ask1Price\":\"66666.70\","
        "\"ask1Size\":\"23775.469\",\"preOpenPrice\":\"\",\"preQty\":\"\",\"curPreListingPhase\":\"\"},"
        "\"cs\":%lld,\"ts\":%lld}",
        symbol, symbol, mark / 100, mark / 100, mark % 100, (long long)cs, (long long)ts);
}
