import Testing

@testable import HybridStream

private func read<Value>(_ result: String, _ body: (inout JSONReader) throws -> Value) throws -> Value {
    try RESTReply(status: 200, body: Array(#"{"retCode":0,"result":\#(result)}"#.utf8)).readResult(body)
}

@Suite struct ResultReadingTests {
    @Test func keyInformation() throws {
        let information = try read(
            #"""
            {"id":"13770661","note":"x","apiKey":"XXXXXX","readOnly":0,"secret":"",
             "permissions":{"ContractTrade":["Order","Position"],"Spot":["SpotTrade"],"Options":[],"NFT":null},
             "ips":["10.0.0.1","10.0.0.2"],"type":1,"deadlineDay":66,"expiredAt":"2023-12-22T07:20:25Z",
             "createdAt":"2022-10-16T02:24:40Z","unified":0,"uta":1,"userID":24617703,"inviterID":0,
             "vipLevel":"No VIP","affiliateID":0,"rsaPublicKey":"","isMaster":false,"parentUid":"24600000"}
            """#,
            KeyInformation.read
        )
        #expect(
            information
                == KeyInformation(
                    isReadOnly: false,
                    permissions: ["ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"]],
                    ipAddresses: ["10.0.0.1", "10.0.0.2"],
                    deadlineDay: 66,
                    expiredAt: "2023-12-22T07:20:25Z",
                    userID: 24_617_703,
                    isMaster: false,
                    parentUserID: 24_600_000,
                    isUnified: true
                )
        )
        #expect(information.canTradeContracts)
    }

    @Test func keyInformationInOtherTypes() throws {
        let information = try read(
            #"{"readOnly":"1","permissions":{"ContractTrade":""},"ips":"*","userID":"7","isMaster":true,"parentUid":0,"#
                + #""uta":"1","deadlineDay":null,"new":{"a":[1]}}"#,
            KeyInformation.read
        )
        #expect(information.isReadOnly)
        #expect(information.permissions.isEmpty)
        #expect(information.ipAddresses == ["*"])
        #expect(information.userID == 7)
        #expect(information.isMaster)
        #expect(information.isUnified)
        #expect(information.deadlineDay == nil)
        #expect(!information.canTradeContracts)
    }

    @Test func tickers() throws {
        let quotes = try read(
            #"""
            {"category":"linear","list":[
              {"symbol":"BTCUSDT","lastPrice":"66666.60","indexPrice":"66666.61","markPrice":"66666.62"},
              {"lastPrice":"1"}, {"symbol":"ETHUSDT","lastPrice":2500.5,"markPrice":""}]}
            """#
        ) { try TickerQuote.readList(from: &$0, time: 5) }
        #expect(quotes.map(\.symbol) == ["BTCUSDT", "ETHUSDT"])
        #expect(quotes[0].markPrice?.description == "66666.62")
        #expect(quotes[0].lastPrice?.description == "66666.60")
        #expect(quotes[1].markPrice == nil)
        #expect(quotes[1].lastPrice == FixedPoint("2500.5"))
        #expect(quotes[1].time == 5)
    }

    @Test func instrument() throws {
        let instrument = try #require(
            try read(
                #"""
                {"symbol":"BTCUSDT","contractType":"LinearPerpetual","status":"Trading","baseCoin":"BTC",
                 "quoteCoin":"USDT","launchTime":"1584230400000","deliveryTime":"0","priceScale":"2",
                 "leverageFilter":{"minLeverage":"1"},
                 "priceFilter":{"minPrice":"0.10","maxPrice":"1999999.80","tickSize":"0.10"},
                 "lotSizeFilter":{"maxOrderQty":"1190.000","minOrderQty":"0.001","qtyStep":"0.001",
                  "maxMktOrderQty":"500.000","minNotionalValue":"5"},
                 "unifiedMarginTrade":true,"fundingInterval":480,"settleCoin":"USDT"}
                """#,
                Instrument.read
            )
        )
        #expect(instrument.symbol == "BTCUSDT")
        #expect(instrument.contractType == "LinearPerpetual")
        #expect(instrument.status == "Trading")
        #expect(instrument.settleCoin == "USDT")
        #expect(instrument.tickSize?.description == "0.10")
        #expect(instrument.qtyStep?.description == "0.001")
        #expect(instrument.minOrderQty == FixedPoint("0.001"))
        #expect(instrument.maxOrderQty == FixedPoint("1190"))
        #expect(instrument.maxMarketOrderQty == FixedPoint("500"))
        #expect(instrument.minNotionalValue == FixedPoint("5"))
        #expect(instrument.deliveryTime == 0)
        #expect(try read(#"{"status":"Trading"}"#, Instrument.read) == nil)
    }
}
