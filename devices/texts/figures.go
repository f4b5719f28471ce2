package texts

// Figures is what the commands about statistics and their delivery say.
var Figures = struct {
	Usage, Catalogue, Columns Text
}{
	Usage:     Text{"设施使用统计", "the statistics of the facilities"},
	Catalogue: Text{"列出统计指标：含义、单位、分子与分母、适用设备", "list the indicators: what they mean, unit, numerator and denominator, devices"},
	Columns:   Text{"代码\t算法\t单位\t设备\t周期\t名称", "CODE\tFOLD\tUNIT\tKINDS\tPERIOD\tNAME"},
}
