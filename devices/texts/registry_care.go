package texts

// RegistryCare is what the registry says when it refuses what was agreed on
// for an elder, or the rota.
var RegistryCare = struct {
	Care, Group, Shift, Holiday Text

	Hours, Date, Day, Number, Fence, Band, Role Text
	DaysOrDates, SwapDates, LastFirst           Text
}{
	Care:    Text{"照护约定", "care"},
	Group:   Text{"值班组", "group"},
	Shift:   Text{"班次", "shift"},
	Holiday: Text{"节假日", "holiday"},

	Hours:  Text{"%s：须形如 08:00-20:00，可跨午夜（现为 %.40q）", "%s: must be like 08:00-20:00, over midnight if need be (got %.40q)"},
	Date:   Text{"%s：须为日期，形如 2026-10-01（现为 %.40q）", "%s: must be a date like 2026-10-01 (got %.40q)"},
	Day:    Text{"days：须为 mon、tue、wed、thu、fri、sat、sun 或 holiday（现为 %.40q）", "days: must be mon, tue, wed, thu, fri, sat, sun or holiday (got %.40q)"},
	Number: Text{"%s：须为 0 至 %d（现为 %d）", "%s: must be 0 to %d (got %d)"},
	Fence:  Text{"fence：须为经纬度（WGS 84）和至少 10 米的半径，例如 32.06,118.79,300", "fence: must be degrees of WGS 84 and a radius of at least 10 metres, for example 32.06,118.79,300"},
	Band:   Text{"bands：须为 %s 之一及低于上限的下限，margin 须小于一半的范围（现为 %.40q）", "bands: must be one of %s with low below high, and a margin of less than half the band (got %.40q)"},
	Role:   Text{"role：须为空或 care、supervisor、desk、operator（现为 %.40q）", "role: must be empty, care, supervisor, desk or operator (got %.40q)"},

	DaysOrDates: Text{"days：班次须注明每周的日子（days）或例外的日期（first），且只能二选一", "days: a shift has days of the week, or the dates of an exception (first), one of them"},
	SwapDates:   Text{"instead：换班须注明日期（first）", "instead: a swap must have its dates (first)"},
	LastFirst:   Text{"last：不能早于 first（%s 至 %s）", "last: must not be before first (%s to %s)"},
}
