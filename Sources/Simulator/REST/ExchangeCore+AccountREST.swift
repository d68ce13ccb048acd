extension ExchangeCore {
    /// `GET /v5/account/wallet-balance`.
    func walletBalance(_ account: Account, _ parameters: QueryParameters) -> [UInt8] {
        let coins = parameters["coin"].map { Set($0.split(separator: ",").map(String.init)) }
        return Array("{\"list\":[".utf8) + self.wallet(of: account, coins: coins) + Array("]}".utf8)
    }

    /// `GET /v5/account/info`.
    func accountInfo() -> [UInt8] {
        Array(
            """
            {"marginMode":"REGULAR_MARGIN","updatedTime":"\(self.wire)","unifiedMarginStatus":6,"dcpStatus":"OFF",\
            "timeWindow":10,"smpGroup":0,"isMasterTrader":false,"spotHedgingStatus":"OFF"}
            """.utf8
        )
    }

    /// `GET /v5/user/query-api`: what the key may do.
    func queryKey(_ account: Account) -> [UInt8] {
        let readOnly = account.keyState == .readOnly ? 1 : 0
        var json = JSONWriter(capacity: 800)
        json.text("{\"id\":\"", String(account.uid % 10_000_000))
        json.raw("\"note\":")
        json.quoted(account.name)
        json.text(",\"apiKey\":\"", account.apiKey)
        json.raw("\"readOnly\":")
        json.integer(readOnly)
        json.raw(
            ",\"secret\":\"\",\"permissions\":{\"ContractTrade\":[\"Order\",\"Position\"],\"Spot\":[\"SpotTrade\"],"
        )
        json.raw("\"Wallet\":[],\"Options\":[],\"Derivatives\":[\"DerivativesTrade\"],\"CopyTrading\":[],")
        json.raw(
            "\"BlockTrade\":[],\"Exchange\":[],\"NFT\":[],\"Affiliate\":[]},\"ips\":[\"*\"],\"type\":1,\"deadlineDay\":83,"
        )
        json.raw(
            "\"expiredAt\":\"2030-01-01T00:00:00Z\",\"createdAt\":\"2025-01-01T00:00:00Z\",\"unified\":0,\"uta\":1,"
        )
        json.raw("\"userID\":")
        json.integer(account.uid)
        json.raw(",\"inviterID\":0,\"vipLevel\":\"No VIP\",\"mktMakerLevel\":\"0\",\"affiliateID\":0,")
        json.raw("\"rsaPublicKey\":\"\",\"isMaster\":false,\"parentUid\":\"100000001\",\"kycLevel\":\"LEVEL_DEFAULT\",")
        json.raw("\"kycRegion\":\"\"}")
        return json.bytes
    }
}
