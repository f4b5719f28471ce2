package texts

// Kinds are what the kinds of device are called.
var Kinds = struct {
	Locker, Cabinet, Wearable, Terminal, Bed, Alarm, Rating, Rental, Pickup, Express Text
	Attendance, Fitness, Booking, Visit, Desk, Room, Bridge                          Text
}{
	Locker:     Text{"智能快递柜", "parcel locker"},
	Cabinet:    Text{"智能取餐柜", "meal cabinet"},
	Wearable:   Text{"可穿戴设备", "wearable"},
	Terminal:   Text{"自助服务终端", "self-service terminal"},
	Bed:        Text{"家庭养老床位", "home-care bed"},
	Alarm:      Text{"室内报警器", "room alarm"},
	Rating:     Text{"好差评器", "rating pad"},
	Rental:     Text{"辅具租赁点", "assistive-device rental"},
	Pickup:     Text{"自提柜", "self-pickup cabinet"},
	Express:    Text{"乡村快递点", "rural express point"},
	Attendance: Text{"客流计数器", "people counter"},
	Fitness:    Text{"体质监测站", "fitness test station"},
	Booking:    Text{"预约系统", "booking system"},
	Visit:      Text{"巡访打卡点", "visit tag"},
	Desk:       Text{"人工服务台", "staffed desk"},
	Room:       Text{"居室感应器", "room sensor"},
	Bridge:     Text{"网桥", "bridge"},
}

// KindGlyphs stand for the kinds in one character.
var KindGlyphs = struct {
	Locker, Cabinet, Wearable, Terminal, Bed, Alarm, Rating, Rental, Pickup, Express Text
	Attendance, Fitness, Booking, Visit, Desk, Room                                  Text
}{
	Locker:     Text{"递", "P"},
	Cabinet:    Text{"餐", "M"},
	Wearable:   Text{"护", "W"},
	Terminal:   Text{"办", "T"},
	Bed:        Text{"床", "B"},
	Alarm:      Text{"警", "A"},
	Rating:     Text{"评", "R"},
	Rental:     Text{"租", "L"},
	Pickup:     Text{"提", "S"},
	Express:    Text{"村", "E"},
	Attendance: Text{"客", "C"},
	Fitness:    Text{"体", "F"},
	Booking:    Text{"约", "K"},
	Visit:      Text{"访", "V"},
	Desk:       Text{"台", "D"},
	Room:       Text{"居", "H"},
}
