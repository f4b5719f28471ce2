package simulate

import (
	"fmt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Device is a device of the simulated community.
type Device struct {
	devices.Device
	// Compartments of a locker or cabinet, numbered from 1.
	Compartments int
	// Elders who eat from a cabinet, by ID: the first from compartment 1.
	Elders []string
}

type Facility struct{ ID, Name string }
type Elder struct {
	ID, Name, Building, Room string
	Caregivers               []string
}
type Caregiver struct{ ID, Name string }

// Community is who and what there is to register. All names are invented.
type Community struct {
	Facilities []Facility
	Elders     []Elder
	Caregivers []Caregiver
	Devices    []Device
}

// Example is the community of the demo: two locker banks, two meal cabinets,
// and twenty elders who each wear one device.
func Example() Community {
	c := Community{
		Facilities: []Facility{
			{ID: "locker-north", Name: "桂花苑北门快递柜"},
			{ID: "locker-south", Name: "桂花苑南门快递柜"},
			{ID: "meals-osmanthus", Name: "桂花苑助餐点"},
			{ID: "meals-orchid", Name: "兰亭苑助餐点"},
		},
		Caregivers: []Caregiver{
			{ID: "duty", Name: "社区值班台"},
			{ID: "zhou", Name: "周护理员"},
			{ID: "xu", Name: "徐护理员"},
		},
		Devices: []Device{
			{Device: devices.Device{ID: "locker-n1", Kind: locker.Kind, Name: "北门柜", Facility: "locker-north"}, Compartments: 36},
			{Device: devices.Device{ID: "locker-s1", Kind: locker.Kind, Name: "南门柜", Facility: "locker-south"}, Compartments: 24},
			{Device: devices.Device{ID: "meals-o1", Kind: cabinet.Kind, Name: "桂花苑取餐柜", Facility: "meals-osmanthus"}, Compartments: 16},
			{Device: devices.Device{ID: "meals-l1", Kind: cabinet.Kind, Name: "兰亭苑取餐柜", Facility: "meals-orchid"}, Compartments: 12},
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
		e := Elder{
			ID: fmt.Sprintf("elder-%02d", i+1), Name: name,
			Building: fmt.Sprintf("%s%d号楼", quarter, i/3+1), Room: fmt.Sprintf("%d0%d室", i%6+1, i%2+1),
			Caregivers: []string{care, "duty"},
		}
		c.Elders = append(c.Elders, e)
		c.Devices = append(c.Devices, Device{Device: devices.Device{
			ID: fmt.Sprintf("band-%02d", i+1), Kind: wearable.Kind, Name: "手环", Elder: e.ID,
		}})
		cabinetOf := &c.Devices[2+i/12]
		cabinetOf.Elders = append(cabinetOf.Elders, e.ID)
	}
	return c
}
