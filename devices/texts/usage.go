package texts

// Indicator says in words what a statistic is: its name, and what its
// numerator and its denominator count. It has no denominator where Denominator
// is empty: the figure stands for itself, or what it would be divided by
// (inhabitants, communities) is not known on a box.
type Indicator struct{ Name, Numerator, Denominator Text }

// Usage names the statistics, by code.
var Usage = map[string]Indicator{
	"meal.loaded":    {Name: Text{"餐食放入", "Portions loaded"}, Numerator: Text{"放入取餐柜的份数", "portions put into the cabinet"}},
	"meal.picked_up": {Name: Text{"餐食取走", "Portions picked up"}, Numerator: Text{"在判为无人领取之前取走的份数", "portions taken out before they were called unclaimed"}},
	"meal.unclaimed": {Name: Text{"餐食无人领取", "Portions unclaimed"}, Numerator: Text{"无人领取的份数", "portions that nobody came for"}},
	"meal.unsafe":    {Name: Text{"餐食超时或不安全", "Late or unsafe portions"}, Numerator: Text{"制作（或放入）后超过 2 小时才取走且未全程保持热 ≥ 60 ℃ 或冷 ≤ 8 ℃ 的份数", "portions picked up more than 2 h after cooking (or loading) that were not kept hot (60 °C) or cold (8 °C) throughout, as far as was reported"}, Denominator: Text{"取走的份数", "portions picked up"}},
	"meal.dwell":     {Name: Text{"餐食存放时长", "Meal dwell time"}, Numerator: Text{"放入与取走时间均已知的份数，按时长分布", "portions whose loading and pickup are both known, by duration; median and p90 are read from it"}},
	"meal.elders":    {Name: Text{"助餐服务老人数", "Elders served meals"}, Numerator: Text{"当月在此取餐的不同老人数", "different elders who picked up a meal here in the month"}},

	"parcel.deposits": {Name: Text{"包裹存入", "Parcels deposited"}, Numerator: Text{"存入快递柜的包裹数", "parcels put into a locker"}},
	"parcel.pickups":  {Name: Text{"包裹取出", "Parcels picked up"}, Numerator: Text{"取出的包裹数，无论由谁取出", "parcels taken out, by whomever"}},
	"parcel.returns":  {Name: Text{"包裹退回", "Parcels returned"}, Numerator: Text{"由快递员取回的包裹数", "parcels taken back by a courier"}},
	"parcel.overdue":  {Name: Text{"包裹逾期", "Parcels overdue"}, Numerator: Text{"当日成为逾期的包裹数", "parcels that became overdue on the day"}, Denominator: Text{"当日存入的包裹数", "parcels deposited on the day"}},
	"parcel.turnover": {Name: Text{"格口周转", "Compartment turnover"}, Numerator: Text{"存入的包裹数", "parcels deposited"}, Denominator: Text{"可用格口的秒数（86400 秒为一格口日）", "seconds of usable compartments; 86400 are a compartment-day"}},
	"parcel.occupied": {Name: Text{"格口占用时长", "Compartments occupied"}, Numerator: Text{"被占用格口的秒数", "seconds of occupied compartments"}, Denominator: Text{"可用格口的秒数，故障格口除外", "seconds of usable compartments, faulty ones excluded"}},
	"parcel.faults":   {Name: Text{"快递柜故障", "Locker faults"}, Numerator: Text{"出现的故障数", "faults that began"}},
	"parcel.dwell":    {Name: Text{"包裹滞留时长", "Parcel dwell time"}, Numerator: Text{"存入与取出时间均已知的包裹数，按时长分布", "parcels whose deposit and pickup are both known, by duration"}},

	"terminal.completed":  {Name: Text{"自助办结", "Sessions completed"}, Numerator: Text{"办结的使用次数", "sessions that were completed"}, Denominator: Text{"使用次数", "sessions that ended"}},
	"terminal.available":  {Name: Text{"自助终端可用时长", "Terminals available"}, Numerator: Text{"可用终端的秒数", "seconds of terminals that people could use"}, Denominator: Text{"已安装终端的秒数", "seconds of installed terminals"}},
	"terminal.elder_mode": {Name: Text{"适老模式使用", "Elder mode"}, Numerator: Text{"使用过适老模式的次数", "sessions in which elder mode was on"}, Denominator: Text{"使用次数", "sessions that ended"}},

	"booking.fulfilled":    {Name: Text{"预约履约", "Bookings fulfilled"}, Numerator: Text{"当日履约的预约数", "bookings fulfilled on the day"}, Denominator: Text{"当日登记的预约数", "bookings made on the day"}},
	"booking.no_show":      {Name: Text{"预约爽约", "No-shows"}, Numerator: Text{"当日爽约的预约数", "bookings to which nobody came on the day"}, Denominator: Text{"当日登记的预约数", "bookings made on the day"}},
	"booking.cancelled":    {Name: Text{"预约取消", "Bookings cancelled"}, Numerator: Text{"当日取消的预约数", "bookings called off on the day"}, Denominator: Text{"当日登记的预约数", "bookings made on the day"}},
	"delivery.contactless": {Name: Text{"无接触配送", "Contactless deliveries"}, Numerator: Text{"无接触的配送数", "deliveries without contact"}, Denominator: Text{"配送数", "deliveries"}},

	"alert.sos":             {Name: Text{"呼救告警", "Calls for help"}, Numerator: Text{"呼救事件数", "incidents of a pressed button or pulled cord"}},
	"alert.fall":            {Name: Text{"跌倒告警", "Falls"}, Numerator: Text{"跌倒事件数", "incidents of a fall"}},
	"alert.smoke":           {Name: Text{"烟雾告警", "Smoke alarms"}, Numerator: Text{"烟雾事件数", "incidents of smoke"}},
	"alert.gas":             {Name: Text{"燃气告警", "Gas alarms"}, Numerator: Text{"燃气泄漏事件数", "incidents of gas"}},
	"alert.carbon_monoxide": {Name: Text{"一氧化碳告警", "Carbon monoxide alarms"}, Numerator: Text{"一氧化碳事件数", "incidents of carbon monoxide"}},
	"alert.water":           {Name: Text{"水浸告警", "Water alarms"}, Numerator: Text{"水浸事件数", "incidents of water"}},
	"alert.wandering":       {Name: Text{"走失告警", "Wandering"}, Numerator: Text{"走出约定范围的事件数", "incidents of an elder outside the agreed area"}},
	"alert.night_exit":      {Name: Text{"夜间离床告警", "Out of bed at night"}, Numerator: Text{"夜间离床未归的事件数", "incidents of an elder who left the bed at night and did not come back"}},
	"alert.inactivity":      {Name: Text{"长时间无活动告警", "No sign of life"}, Numerator: Text{"长时间无活动迹象的事件数", "incidents of an elder without a sign of life"}},
	"alert.missed_meal":     {Name: Text{"未取餐告警", "Meals missed"}, Numerator: Text{"约定的餐食未取的事件数", "incidents of an agreed meal that was not fetched"}},
	"alert.vital_sign":      {Name: Text{"体征告警", "Vital signs"}, Numerator: Text{"体征超出约定范围的事件数，不含数值", "incidents of a vital sign outside the agreed band, never its value"}},
	"alert.unprotected":     {Name: Text{"呼救设备失效", "Elders unprotected"}, Numerator: Text{"可穿戴呼救设备失联、电量低或未佩戴的事件数", "incidents of a wearable that is silent, low on battery or not worn"}},
	"alert.acknowledged":    {Name: Text{"告警确认", "Alerts acknowledged"}, Numerator: Text{"由人确认的告警数，按确认用时分布", "alerts acknowledged by a human, by how long that took"}, Denominator: Text{"告警数", "alerts"}},
	"alert.false":           {Name: Text{"误报", "False alerts"}, Numerator: Text{"结案原因为误触、测试、设备或无人的告警数", "alerts closed as accidental, test, device or nobody there"}, Denominator: Text{"结案的告警数", "alerts closed"}},
	"alert.offline":         {Name: Text{"断网期间送达的告警", "Alerts delivered offline"}, Numerator: Text{"在断网期间由人确认的告警数", "alerts acknowledged by a human while the Internet was away"}, Denominator: Text{"告警数", "alerts"}},
	"wearable.offline":      {Name: Text{"可穿戴设备离线", "Wearables gone offline"}, Numerator: Text{"离线次数", "times that one went offline or fell silent"}},
	"wearable.battery_low":  {Name: Text{"可穿戴设备电量低", "Wearables low on battery"}, Numerator: Text{"电量变低的次数", "times that a battery became low"}},
	"wearable.not_worn":     {Name: Text{"可穿戴设备未佩戴", "Wearables taken off"}, Numerator: Text{"被取下的次数", "times that one was taken off"}},
	"wearable.online":       {Name: Text{"可穿戴设备在线时长", "Wearables online"}, Numerator: Text{"在线设备的秒数", "seconds of devices online"}, Denominator: Text{"已登记设备的秒数", "seconds of registered devices"}},

	"bed.online": {Name: Text{"家庭养老床位在线时长", "Home-care beds online"}, Numerator: Text{"在线床位的秒数", "seconds of beds online"}, Denominator: Text{"已安装床位的秒数", "seconds of installed beds"}},

	"visit.made":    {Name: Text{"上门巡访", "Visits"}, Numerator: Text{"巡访次数", "visits made"}},
	"visit.due":     {Name: Text{"应访已访", "Due visits made"}, Numerator: Text{"对应访老人的首次巡访数", "due elders who were visited"}, Denominator: Text{"当日到期应访的老人数：距上次巡访满约定的间隔，未约定为 7 天；外出者除外", "elders whose visit fell due on the day: as long after the last as is agreed on, or 7 days; those who are away excluded"}},
	"visit.overdue": {Name: Text{"逾期未访", "Visits overdue"}, Numerator: Text{"超过 30 天未访的老人日数", "elder-days without a visit for more than 30 days"}, Denominator: Text{"登记老人日数，外出者除外", "elder-days registered, those who are away excluded"}},

	"rating.good":   {Name: Text{"好评", "Good ratings"}, Numerator: Text{"满意和非常满意的评价数", "ratings of level 4 or 5"}, Denominator: Text{"评价数", "ratings"}},
	"rating.levels": {Name: Text{"评价分布", "Ratings by level"}, Numerator: Text{"评价数，依次为非常不满意至非常满意", "ratings, from very bad to very good"}},
	"rating.given":  {Name: Text{"服务评价率", "Services rated"}, Numerator: Text{"评价数", "ratings"}, Denominator: Text{"服务次数", "services given"}},
	"rating.closed": {Name: Text{"差评按时整改", "Bad ratings closed in time"}, Numerator: Text{"15 天内完成整改的差评数", "bad ratings closed within 15 days"}, Denominator: Text{"当日的差评数", "bad ratings of the day"}},

	"rental.rented": {Name: Text{"辅具租出时长", "Assistive devices rented"}, Numerator: Text{"租出辅具的秒数（86400 秒为一件日）", "seconds of assets rented out; 86400 are an asset-day"}, Denominator: Text{"可供租赁辅具的秒数", "seconds of assets available"}},

	"pickup.night":      {Name: Text{"夜间自提", "Pickups at night"}, Numerator: Text{"22:00 至 06:00 的自提数", "pickups from 22:00 to 06:00"}, Denominator: Text{"自提数", "pickups"}},
	"pickup.excursions": {Name: Text{"冷链超温", "Cold-chain excursions"}, Numerator: Text{"超出 2 至 8 ℃ 的次数", "times that the cold chain left 2 to 8 °C"}},

	"attendance.entries": {Name: Text{"到场人次", "Attendances"}, Numerator: Text{"进入的人次", "people who came in"}},
	"attendance.open":    {Name: Text{"开放天数", "Days open"}, Numerator: Text{"有开放或有人进入则为 1", "1 if the place was open, or anybody came in"}},
	"fitness.tests":      {Name: Text{"体质监测", "Fitness tests"}, Numerator: Text{"完成的测试数，不含结果", "tests done, never their values"}},

	"express.deposits": {Name: Text{"乡村快递到件", "Rural parcels brought"}, Numerator: Text{"到件数", "parcels brought to the point"}},
	"express.pickups":  {Name: Text{"乡村快递取件", "Rural parcels fetched"}, Numerator: Text{"取件数", "parcels fetched from the point"}},
	"express.active":   {Name: Text{"乡村快递点活跃", "Express point active"}, Numerator: Text{"当日有收发则为 1", "1 if anything was brought or fetched on the day"}},

	"site.services":       {Name: Text{"在用服务类型", "Active service types"}, Numerator: Text{"当月有使用的服务类型数", "types of service that were used in the month"}},
	"service.traditional": {Name: Text{"传统方式服务", "Traditional ways"}, Numerator: Text{"以钥匙、卡片、电话、人工方式提供的服务次数", "services given by key, card, telephone or staff"}, Denominator: Text{"全部服务次数", "all services"}},

	"device.online":    {Name: Text{"设备在线时长", "Devices online"}, Numerator: Text{"在线设备的秒数", "seconds of devices online and heard"}, Denominator: Text{"已登记设备的秒数", "seconds of registered devices"}},
	"facility.covered": {Name: Text{"统计覆盖时长", "Time covered"}, Numerator: Text{"网关在运行的秒数", "seconds for which the box was running"}, Denominator: Text{"已过去的秒数", "seconds that passed"}},
	"box.lost":         {Name: Text{"丢失的记录", "Records lost"}, Numerator: Text{"当日发现丢失或损坏而未能计入的记录数上限", "records found on the day to be lost or damaged before they were counted, at most"}},

	"box.offline":    {Name: Text{"断网时长", "Time offline"}, Numerator: Text{"互联网或平台无法连接的秒数，自发现起：监测互联网的网关在 2 分钟内发现，其余自首次发送失败起", "seconds for which the Internet or the platform could not be reached, from when it was noticed: within two minutes where the box watches the Internet, else with the first sending that failed"}, Denominator: Text{"网关运行的秒数", "seconds for which the box was running"}},
	"sync.rows":      {Name: Text{"上报完整率", "Rows accepted"}, Numerator: Text{"平台接收的行数", "rows that the platform accepted"}, Denominator: Text{"应上报的行数：接收、拒收及每轮结束仍未送达者", "rows expected: accepted, refused, and still waiting when a round of sending ended"}},
	"sync.delay":     {Name: Text{"上报时延", "Delay of the rows"}, Numerator: Text{"按产生至接收用时分布的行数，p95 由此读出", "rows by the time from their change to their acceptance; p95 is read from it"}},
	"sync.revisions": {Name: Text{"更正行数", "Revisions"}, Numerator: Text{"已结束日期的更正行数", "rows of days that were over, sent again with another figure"}},
}
