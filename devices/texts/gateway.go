package texts

// Gateway is what the daemon says when it cannot start.
var Gateway = struct {
	Listen, SocketTaken, Data, Stuck Text
}{
	Listen:      Text{"无法监听 %s：%v。请换一个地址，或停掉占用它的程序", "cannot listen on %s: %v. Choose another address, or stop the program that has it"},
	SocketTaken: Text{"%s：已有一个网关在运行。请先停掉它，或在配置中换一个 socket", "%s: a gateway is already running. Stop it first, or choose another socket in the configuration"},
	Data:        Text{"无法使用数据目录 %s：%v。请检查目录是否存在、权限和剩余空间", "cannot use the data folder %s: %v. Check that it exists, its permissions and the space left"},
	Stuck:       Text{"网关未能在 %s 内结束，可能是磁盘没有响应。已确认的事件都在磁盘上", "the gateway did not end within %s, perhaps because the disk does not answer. What was acknowledged is on disk"},
}
