package texts

// Registry is what the registry says when it refuses a record. Field names
// are those of the documents, the same in both languages.
var Registry = struct {
	Facility, Device, Elder, Caregiver Text
	Record                             Text

	ID, Missing, Name, Address, Code, Twice, TooMany Text

	Region, UrbanRural, Industry, Operator, Edition Text

	Compartment, OneOrMany, NoFacility Text
	Reserved, UnknownKind              Text

	BridgeProfile, BridgeBehind, ProfileOfBridge, BridgeAddress Text

	NotFound, Unknown, StillUsed, NotABridge, SameAddress, SameCompartment Text

	ReadOnly, Busy Text
}{
	Facility:  Text{"设施", "facility"},
	Device:    Text{"设备", "device"},
	Elder:     Text{"老人", "elder"},
	Caregiver: Text{"照护人员", "caregiver"},
	Record:    Text{"%v %q：%v", "%v %q: %v"},

	ID:      Text{"id：须为 1 至 64 个 a-z、0-9、“-”、“_”或“.”（现为 %q）", "id: must be 1 to 64 of a-z, 0-9, '-', '_' and '.' (got %q)"},
	Missing: Text{"%s：不能为空", "%s: must not be empty"},
	Name:    Text{"%s：须为至多 %d 个字符的文字，不含控制字符（现为 %.200q）", "%s: must be text of at most %d characters without control characters (got %.200q)"},
	Address: Text{"%s：须为至多 %d 字节的文字，不含控制字符（现为 %.200q）", "%s: must be text of at most %d bytes without control characters (got %.200q)"},
	Code:    Text{"%s：须为 1 至 64 个 a-z、0-9、“-”、“_”或“.”（现为 %.80q）", "%s: must be 1 to 64 of a-z, 0-9, '-', '_' and '.' (got %.80q)"},
	Twice:   Text{"%s：%q 重复，请删去一个", "%s: %q is there twice, remove one"},
	TooMany: Text{"%s：至多 %d 个（现有 %d 个）", "%s: must be at most %d (got %d)"},

	Region:     Text{"region：须为 12 位统计用区划代码，前两位为省级代码（现为 %q）", "region: must be a statistical division code of 12 digits that begins with a province's (got %q)"},
	UrbanRural: Text{"urban_rural：须为 %s 之一（现为 %q）", "urban_rural: must be one of %s (got %q)"},
	Industry:   Text{"industry：须为 GB/T 4754 的 3 或 4 位数字代码（现为 %q）", "industry: must be 3 or 4 digits of GB/T 4754 (got %q)"},
	Edition:    Text{"%s：须为代码版本的四位年份，且须同时填写代码（现为 %d）", "%s: must be the year of the code's edition, of four digits, beside the code itself (got %d)"},
	Operator:   Text{"operator：不是有效的统一社会信用代码，请核对 18 位字符（现为 %q）", "operator: not a valid unified social credit code, check its 18 characters (got %q)"},

	Compartment: Text{"%s：须为 1 至 9999（现为 %d）", "%s: must be 1 to 9999 (got %d)"},
	OneOrMany:   Text{"compartment：只监测一个格口的设备不能再填 compartments，请二选一", "compartment: a device that watches one compartment cannot have compartments too, give one of them"},
	NoFacility:  Text{"facility：监测格口 %d 的设备须填所属设施", "facility: must be given for a device that watches compartment %d"},
	Reserved:    Text{"id：%q 是网关自身的名称，请另取", "id: %q is the gateway's own name, choose another"},
	UnknownKind: Text{"kind：须为 %s 之一（现为 %q）", "kind: must be one of %s (got %q)"},

	BridgeProfile:   Text{"profile：网桥须注明其报文的设备档案", "profile: must be given for a bridge"},
	BridgeBehind:    Text{"bridge：网桥不能接在另一个网桥之后，请清空", "bridge: a bridge cannot be behind another, leave it empty"},
	ProfileOfBridge: Text{"profile：只有网桥才有设备档案，请清空并填写 bridge", "profile: only a bridge has one, leave it empty and name the bridge instead"},
	BridgeAddress:   Text{"address：bridge 与 address 须同时填写或同时留空", "address: bridge and address must be given together, or neither"},

	NotFound:        Text{"没有登记，请核对编号", "is not registered, check the ID"},
	Unknown:         Text{"%s：%v %q 没有登记，请先登记或更正", "%s: %v %q is not registered, register it first or correct this"},
	StillUsed:       Text{"%v %q 仍在使用它，请先更改或停用后者", "%v %q still refers to it, change or retire that first"},
	NotABridge:      Text{"bridge：设备 %q 不是网桥，请更正", "bridge: device %q is not a bridge, correct this"},
	SameAddress:     Text{"address：网桥 %q 的地址 %q 已属于设备 %q，请更正或停用后者", "address: bridge %q already has address %q as device %q, correct this or retire that"},
	SameCompartment: Text{"compartment：设施 %q 的格口 %d 已由设备 %q 监测，请更正或停用后者", "compartment: in facility %q compartment %d is already watched by device %q, correct this or retire that"},

	ReadOnly: Text{"登记簿以只读方式打开，不能修改", "the registry is open for reading only and cannot be changed"},
	Busy:     Text{"登记簿 %s 正被另一进程使用，请先停止该进程", "registry %s is in use by another process, stop that first"},
}
