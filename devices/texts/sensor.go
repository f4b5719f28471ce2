package texts

// Sensor is what is said about what the kernel measures.
var Sensor = struct{ Quantity, Place, OneWire, Number, Mend Text }{
	Quantity: Text{"%q 不能测量；可用：temperature（温度）、humidity（湿度）", "%q is nothing that is measured; there are: temperature, humidity"},
	Place:    Text{"要写明传感器：“1-wire 28-0316a2795aff”、“hwmon lm75” 或 “iio sht31”", "say which sensor: \"1-wire 28-0316a2795aff\", \"hwmon lm75\" or \"iio sht31\""},
	OneWire:  Text{"1-wire 探头只测温度", "a 1-wire probe measures temperatures only"},
	Number:   Text{"%q 不是传感器名；形式为 名称、名称/输入号、名称#第几个，例如 lm75/2", "%q is no sensor; write NAME, NAME/INPUT or NAME#WHICH, for example lm75/2"},
	Mend:     Text{"例如  - temperature, cabinet-1, compartment 3, 1-wire 28-0316a2795aff", "for example  - temperature, cabinet-1, compartment 3, 1-wire 28-0316a2795aff"},
}
