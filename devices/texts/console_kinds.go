package texts

// ConsoleKinds say in words what devices of the other kinds than lockers,
// meal cabinets and wearables have reported. The device's name stands before
// them.
var ConsoleKinds = struct {
	Open, Closed, Available, Unavailable                        Text
	InBed, OutOfBed                                             Text
	Smoke, Gas, CarbonMonoxide, Water, AlarmGone                Text
	Occupied, Empty, DoorOpened, DoorShut, Vibration, WaterUsed Text
	Visit, VisitTo, VisitBy, VisitByTo                          Text
	SessionBegan, Completed, Abandoned, Failed                  Text
	ElderMode                                                   Text
	Rating, RatingClosed                                        Text
	VeryBad, Bad, Fair, Good, VeryGood                          Text
	Booked, Fulfilled, NoShow, Cancelled                        Text
	Delivered, Contactless                                      Text
	Served, ByKey, ByCard, ByPhone, AtDesk, ByCode              Text
	Counted, Total                                              Text
	Tested                                                      Text
	AssetOut, AssetIn, AssetAvailable, AssetWithheld            Text
	Stocked, Fetched, TakenBack, ColdChain                      Text
	ParcelsIn, ParcelsOut, ParcelsOn, ParcelsCleared            Text
}{
	Open:        Text{"开放", "open"},
	Closed:      Text{"关闭", "closed"},
	Available:   Text{"可用", "can be used"},
	Unavailable: Text{"暂停使用", "cannot be used"},

	InBed:    Text{"有人在床", "somebody is in bed"},
	OutOfBed: Text{"无人在床", "nobody is in bed"},

	Smoke:          Text{"烟雾报警", "smoke"},
	Gas:            Text{"燃气泄漏报警", "gas"},
	CarbonMonoxide: Text{"一氧化碳报警", "carbon monoxide"},
	Water:          Text{"漏水报警", "water"},
	AlarmGone:      Text{"%v解除", "%v: cleared"},

	Occupied:   Text{"有人活动", "somebody is there"},
	Empty:      Text{"无人活动", "nobody is there"},
	DoorOpened: Text{"门已打开", "the door is open"},
	DoorShut:   Text{"门已关闭", "the door is closed"},
	Vibration:  Text{"有震动", "it was moved"},
	WaterUsed:  Text{"用水 %g 升", "%g litres of water"},

	Visit:     Text{"有人上门巡访", "a visit"},
	VisitTo:   Text{"巡访 %s", "a visit to %s"},
	VisitBy:   Text{"%s 上门巡访", "%s visited"},
	VisitByTo: Text{"%s 巡访 %s", "%s visited %s"},

	SessionBegan: Text{"开始办理", "somebody uses it"},
	Completed:    Text{"办理完成", "done"},
	Abandoned:    Text{"中途离开", "left before it was done"},
	Failed:       Text{"办理失败", "could not be done"},
	ElderMode:    Text{"长者模式", "elder mode"},

	Rating:       Text{"评价：%v", "rated: %v"},
	RatingClosed: Text{"差评已处理", "a bad rating was looked into"},
	VeryBad:      Text{"非常不满意", "very bad"},
	Bad:          Text{"不满意", "bad"},
	Fair:         Text{"基本满意", "fair"},
	Good:         Text{"满意", "good"},
	VeryGood:     Text{"非常满意", "very good"},

	Booked:      Text{"有新预约", "booked"},
	Fulfilled:   Text{"预约已履约", "a booking was kept"},
	NoShow:      Text{"预约爽约", "a booking was not kept"},
	Cancelled:   Text{"预约取消", "a booking was cancelled"},
	Delivered:   Text{"已送达", "delivered"},
	Contactless: Text{"无接触", "without contact"},

	Served:  Text{"人工服务 %d 次", "services given: %d"},
	ByKey:   Text{"钥匙", "by key"},
	ByCard:  Text{"刷卡", "by card"},
	ByPhone: Text{"电话", "by telephone"},
	AtDesk:  Text{"窗口", "at the counter"},
	ByCode:  Text{"扫码", "by code"},

	Counted: Text{"进 %d 人，出 %d 人", "%d in, %d out"},
	Total:   Text{"累计进 %d 人，出 %d 人", "%d in, %d out in all"},

	Tested: Text{"完成一次体质监测", "a test was done"},

	AssetOut:       Text{"%s 租出", "%s went out"},
	AssetIn:        Text{"%s 在库", "%s is in"},
	AssetAvailable: Text{"%s 可租", "%s can be rented"},
	AssetWithheld:  Text{"%s 停租", "%s cannot be rented"},

	Stocked:   Text{"物品已放入", "item stocked"},
	Fetched:   Text{"物品已取走", "item picked up"},
	TakenBack: Text{"物品已由工作人员取回", "item taken back by staff"},
	ColdChain: Text{"超出冷链温度", "outside the cold chain"},

	ParcelsIn:      Text{"到件 %d 件", "%d parcels came"},
	ParcelsOut:     Text{"取件 %d 件", "%d parcels picked up"},
	ParcelsOn:      Text{"快递员取走 %d 件", "%d parcels taken on by the courier"},
	ParcelsCleared: Text{"工作人员清出 %d 件", "%d parcels cleared by staff"},
}
