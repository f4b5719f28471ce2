package simulate

import (
	"errors"
	"fmt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/express"
	"github.com/linli-edge/gateway/devices/fitness"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/rental"
	"github.com/linli-edge/gateway/devices/room"
	"github.com/linli-edge/gateway/devices/terminal"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Device is a device of the simulated community.
type Device struct {
	registry.Device
	// Diners are the IDs of the elders who eat from a cabinet, the first from
	// compartment 1.
	Diners []string
}

// Community is who and what there is to register. All names are invented.
type Community struct {
	Facilities []registry.Facility
	Elders     []registry.Elder
	Caregivers []registry.Caregiver
	Devices    []Device
}

// Register enters the whole community in a registry at once, issues each
// device a secret, and returns the secrets by device.
func (c Community) Register(r *registry.Registry) (secrets map[string]string, err error) {
	secrets = map[string]string{}
	err = r.Update(func(tx *registry.Tx) error {
		return errors.Join(
			put(tx, c.Facilities), put(tx, c.Caregivers), put(tx, c.Elders),
			c.registerDevices(tx, secrets))
	})
	return secrets, err
}

func put[R registry.Record](tx *registry.Tx, records []R) error {
	for _, r := range records {
		if err := tx.Put(r); err != nil {
			return err
		}
	}
	return nil
}

func (c Community) registerDevices(tx *registry.Tx, secrets map[string]string) error {
	for _, d := range c.Devices {
		if err := tx.Put(d.Device); err != nil {
			return err
		}
		secret, err := tx.Issue(d.ID)
		if err != nil {
			return err
		}
		secrets[d.ID] = secret
	}
	return nil
}

// region is of the right form, in a county that does not exist.
const region = "329999001001"

// Example is the community of the demo: two locker banks, two meal cabinets,
// twenty elders who each wear one device, and one device of every other kind.
func Example() Community {
	bank := func(id, name, facility string, compartments int) Device {
		return Device{Device: registry.Device{Compartments: compartments, Device: devices.Device{ID: id, Kind: locker.Kind, Name: name, Facility: facility}}}
	}
	meals := func(id, name, facility string, compartments int) Device {
		return Device{Device: registry.Device{Compartments: compartments, Device: devices.Device{ID: id, Kind: cabinet.Kind, Name: name, Facility: facility}}}
	}
	c := Community{
		Facilities: []registry.Facility{
			{ID: "locker-north", Name: "桂花苑北门快递柜", Region: region, UrbanRural: "111", Industry: "602"},
			{ID: "locker-south", Name: "桂花苑南门快递柜", Region: region, UrbanRural: "111", Industry: "602"},
			{ID: "meals-osmanthus", Name: "桂花苑助餐点", Region: region, UrbanRural: "111", Industry: "6241"},
			{ID: "meals-orchid", Name: "兰亭苑助餐点", Region: region, UrbanRural: "111", Industry: "6241"},
		},
		Caregivers: []registry.Caregiver{
			{ID: "zhou", Name: "周护理员"},
			{ID: "xu", Name: "徐护理员"},
			{ID: "duty", Name: "社区值班台"},
		},
		Devices: []Device{
			bank("locker-n1", "北门柜", "locker-north", 36),
			bank("locker-s1", "南门柜", "locker-south", 24),
			meals("meals-o1", "桂花苑取餐柜", "meals-osmanthus", 16),
			meals("meals-l1", "兰亭苑取餐柜", "meals-orchid", 12),
		},
	}
	names := []string{
		"陈桂英", "王德福", "李秀兰", "张建国", "刘玉珍", "杨金山", "赵淑芬", "黄明德", "吴凤仙", "孙长庚",
		"朱慧敏", "马文斌", "胡翠花", "林国栋", "何美玲", "高振华", "罗桂香", "郑守业", "谢春梅", "韩立新",
	}
	for i, name := range names {
		quarter, care := "桂花苑", "zhou"
		if i >= 12 {
			quarter, care = "兰亭苑", "xu"
		}
		e := registry.Elder{
			ID: fmt.Sprintf("elder-%02d", i+1), Name: name,
			Building: fmt.Sprintf("%s%d号楼", quarter, i/3+1), Room: fmt.Sprintf("%d0%d室", i%6+1, i%2+1),
			Caregivers: []string{care, "duty"},
		}
		c.Elders = append(c.Elders, e)
		c.Devices = append(c.Devices, Device{Device: registry.Device{Device: devices.Device{
			ID: fmt.Sprintf("band-%02d", i+1), Kind: wearable.Kind, Name: "手环", Elder: e.ID,
		}}})
		canteen := &c.Devices[2+i/12]
		canteen.Diners = append(canteen.Diners, e.ID)
	}
	return c.withPlaces()
}

// withPlaces adds one of each other kind: a service centre with what stands in
// it, a village's express point, and the homes of two elders.
func (c Community) withPlaces() Community {
	c.Facilities = append(c.Facilities,
		registry.Facility{ID: "centre", Name: "桂花苑社区服务中心", Region: region, UrbanRural: "111", Industry: "8521"},
		registry.Facility{ID: "village", Name: "柳树村快递点", Region: region, UrbanRural: "220", Industry: "602"},
	)
	at := func(facility, elder, id string, kind devices.Kind, name string, compartments int) {
		c.Devices = append(c.Devices, Device{Device: registry.Device{
			Compartments: compartments, Device: devices.Device{ID: id, Kind: kind, Name: name, Facility: facility, Elder: elder},
		}})
	}
	at("centre", "", "terminal-1", terminal.Kind, "自助终端", 0)
	at("centre", "", "rating-1", rating.Kind, "好差评器", 0)
	at("centre", "", "booking-1", booking.Kind, "预约系统", 0)
	at("centre", "", "desk-1", desk.Kind, "服务台", 0)
	at("centre", "", "counter-1", attendance.Kind, "门口客流", 0)
	at("centre", "", "fitness-1", fitness.Kind, "体质监测", 0)
	at("centre", "", "rental-1", rental.Kind, "辅具租赁", 0)
	at("centre", "", "pharmacy-1", pickup.Kind, "24 小时药柜", 12)
	at("village", "", "express-1", express.Kind, "快递点", 0)
	at("", "elder-01", "bed-01", bed.Kind, "床垫", 0)
	at("", "elder-01", "smoke-01", alarm.Kind, "烟感", 0)
	at("", "elder-02", "room-02", room.Kind, "卧室感应器", 0)
	at("", "elder-02", "visit-02", visit.Kind, "巡访牌", 0)
	return c
}
