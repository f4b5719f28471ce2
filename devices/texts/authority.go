package texts

// Authority is what is wrong with a request for a certificate.
var Authority = struct {
	NoRequest, BadRequest, BadKey Text
}{
	NoRequest:  Text{"文件里没有 PEM 格式的证书请求（CERTIFICATE REQUEST）。可用 openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 生成", "the file holds no certificate request in PEM (CERTIFICATE REQUEST). Make one with openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256"},
	BadRequest: Text{"证书请求无法使用：%v", "the certificate request cannot be used: %v"},
	BadKey:     Text{"证书请求的密钥须为至少 256 位的 ECDSA（例如 P-256）", "the key of the certificate request must be of ECDSA with at least 256 bits, P-256 for instance"},
}
