package texts

// Door is about who gets in, where, and with what.
var Door = struct {
	Public, PublicMend, NoWayIn, NoWayInMend Text
	Authority, AuthorityDamaged, LoginPlain  Text
	Certified, CertifiedRequest              Text
	CertificateFlag, RequestFlag             Text
}{
	Public:           Text{"%s 不是局域网地址，而这个端口不加密", "%s is no address of a local network, and nothing is encrypted on this port"},
	PublicMend:       Text{"写成 0.0.0.0:%s（只接受局域网的连接），或改用加密的 tls", "write 0.0.0.0:%s, which takes connections of the local network only, or use tls"},
	NoWayIn:          Text{"设备没有接入的地方：既没有 tls，也没有 listen", "devices have no way in: there is neither tls nor listen"},
	Authority:        Text{"网关证书（/ca.crt）的 SHA-256 指纹：%s", "SHA-256 fingerprint of the box's certificate (/ca.crt): %s"},
	AuthorityDamaged: Text{"！证书密钥文件损坏，已移到 %s，并生成了新的：从备份恢复原来的密钥，或把新的 /ca.crt 装到各设备", "! the key of the box's certificate was damaged and set aside at %s; a new one was made: restore the old one from a backup, or install the new /ca.crt on the devices"},
	LoginPlain:       Text{"先在手机上安装网关的证书 http://%s/ca.crt，浏览器才不会警告。没有安装时，在局域网内也可以用（不加密）：\n%s", "Install the box's certificate http://%s/ca.crt on the phone first, or the browser warns. Without it, on the local network, in clear:\n%s"},

	Certified:        Text{"设备 %s 的密钥、证书和网关证书。密钥只显示这一次；原来的密码或证书已失效。", "Key and certificate of device %s, and the box's certificate. The key is shown only this once; what the device logged in with before no longer works."},
	CertifiedRequest: Text{"设备 %s 的证书和网关证书。原来的密码或证书已失效。", "Certificate of device %s, and the box's certificate. What the device logged in with before no longer works."},
	CertificateFlag:  Text{"发放证书来代替密码，密钥在网关上生成", "a certificate instead of a secret, with a key made on the box"},
	RequestFlag:      Text{"为设备自己的密钥发放证书：证书请求文件（PEM）", "a certificate for the device's own key: file of the request, in PEM"},

	NoWayInMend: Text{"删掉这一项（默认 0.0.0.0:8883），或加上 listen", "remove this, for the default of 0.0.0.0:8883, or add listen"},
}
