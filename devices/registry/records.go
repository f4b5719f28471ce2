package registry

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Table is a kind of record.
type Table string

// The tables.
const (
	Facilities Table = "facilities"
	Devices    Table = "devices"
	Elders     Table = "elders"
	Caregivers Table = "caregivers"
)

// Record is one of those that the tables hold, listed in tables.go.
type Record interface {
	table() Table
	id() string
	// validate checks the record by itself, references apart.
	validate() error
	// clone shares no memory with the caller.
	clone() Record
}

// Facility is a place whose use is counted: a locker bank, a meal-pickup
// point. The codes go to the province in place of its name and may be empty
// until they are known.
type Facility struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Region is the statistical division code: 12 digits. RegionEdition is the
	// year of the code's edition, 0 if it is not known.
	Region        string `json:"region,omitempty"`
	RegionEdition int    `json:"region_edition,omitempty"`
	// UrbanRural is the urban-rural class: 111, 112, 121, 122, 210 or 220.
	UrbanRural string `json:"urban_rural,omitempty"`
	// Industry is the class of GB/T 4754: 3 or 4 digits. IndustryEdition is the
	// year of the standard, 0 is DefaultIndustryEdition.
	Industry        string `json:"industry,omitempty"`
	IndustryEdition int    `json:"industry_edition,omitempty"`
	// Operator is the unified social credit code: 18 characters.
	Operator string `json:"operator,omitempty"`
	// Services are the codes of the services offered at the place.
	Services []string `json:"services,omitempty"`
	// DoorMinutes is how long a door may stand open, FoodMinutes how long a hot
	// meal may be below HotCelsius, a cold one above ColdCelsius. A field that is
	// zero stands for the default of its rule.
	DoorMinutes int `json:"door_minutes,omitempty"`
	FoodMinutes int `json:"food_minutes,omitempty"`
	HotCelsius  int `json:"hot_celsius,omitempty"`
	ColdCelsius int `json:"cold_celsius,omitempty"`
}

// Device is a device with what its facility's statistics need to know of it.
type Device struct {
	devices.Device
	// Compartments is how many compartments the device has, 0 if it has none
	// or watches a single one.
	Compartments int `json:"compartments,omitempty"`
	// Interval is within how many seconds the device says something if all is
	// well, 0 for what is usual for its kind: see package supervision.
	Interval int `json:"interval_seconds,omitempty"`
	// Room and Bed say where it is, where that is not where its elder lives:
	// the bathroom, bed 2 of a home.
	Room string `json:"room,omitempty" personal:"true"`
	Bed  string `json:"bed,omitempty" personal:"true"`
}

// Elder is somebody who may call for help.
type Elder struct {
	ID       string `json:"id"`
	Name     string `json:"name" personal:"true"`
	Building string `json:"building,omitempty" personal:"true"`
	Room     string `json:"room,omitempty" personal:"true"`
	// Caregivers are the IDs of those who are paged, in this order.
	Caregivers []string `json:"caregivers,omitempty"`
}

// Caregiver is somebody who answers a call for help.
type Caregiver struct {
	ID   string `json:"id"`
	Name string `json:"name" personal:"true"`
	// Channels lead to the caregiver, the preferred one first.
	Channels []Channel `json:"channels,omitempty" personal:"true"`
	// Quiet are hours in which nothing but calls for help reaches the
	// caregiver.
	Quiet Hours `json:"quiet,omitempty"`
}

// Channel is one way to reach a person.
type Channel struct {
	// Kind names the sender that carries pages there, for instance "webhook".
	Kind string `json:"kind"`
	// Address is what that sender needs: a URL, a telephone number.
	Address string `json:"address"`
}

// Bounds of a device's reporting interval, in seconds: a minute and 31 days.
const (
	leastInterval = 60
	mostInterval  = 31 * 24 * 60 * 60
)

const (
	maxName     = 64   // characters of a name, building or room
	maxAddress  = 1024 // bytes of a channel or bridge address
	maxServices = 100
	maxCelsius  = 100
	maxChannels = 20
	maxPeople   = 100 // caregivers of one elder
)

func (f Facility) table() Table { return Facilities }
func (f Facility) id() string   { return f.ID }
func (f Facility) clone() Record {
	f.Services = slices.Clone(f.Services)
	return f
}

func (f Facility) validate() error {
	if err := checkName("name", f.Name, true); err != nil {
		return err
	}
	if f.Region != "" && !isRegion(f.Region) {
		return texts.Errorf(texts.Registry.Region, f.Region)
	}
	if f.UrbanRural != "" && !slices.Contains(urbanRural, f.UrbanRural) {
		return texts.Errorf(texts.Registry.UrbanRural, strings.Join(urbanRural, ", "), f.UrbanRural)
	}
	if f.Industry != "" && !isIndustry(f.Industry) {
		return texts.Errorf(texts.Registry.Industry, f.Industry)
	}
	for _, e := range []struct {
		field, code string
		year        int
	}{{"region_edition", f.Region, f.RegionEdition}, {"industry_edition", f.Industry, f.IndustryEdition}} {
		if e.year != 0 && (e.code == "" || !isEdition(e.year)) {
			return texts.Errorf(texts.Registry.Edition, e.field, e.year)
		}
	}
	if f.Operator != "" && !isCreditCode(f.Operator) {
		return texts.Errorf(texts.Registry.Operator, f.Operator)
	}
	if err := within([]number{
		{"door_minutes", f.DoorMinutes, maxWait}, {"food_minutes", f.FoodMinutes, maxWait}, {"hot_celsius", f.HotCelsius, maxCelsius}, {"cold_celsius", f.ColdCelsius, maxCelsius},
	}); err != nil {
		return err
	}
	if len(f.Services) > maxServices {
		return texts.Errorf(texts.Registry.TooMany, "services", maxServices, len(f.Services))
	}
	for i, s := range f.Services {
		if devices.CheckCode("services", s) != nil {
			return texts.Errorf(texts.Registry.Code, "services", s)
		}
		if slices.Contains(f.Services[:i], s) {
			return texts.Errorf(texts.Registry.Twice, "services", s)
		}
	}
	return nil
}

func (d Device) table() Table  { return Devices }
func (d Device) id() string    { return d.ID }
func (d Device) clone() Record { return d }

func (d Device) validate() error {
	if devices.CheckCode("kind", string(d.Kind)) != nil {
		return texts.Errorf(texts.Registry.Code, "kind", string(d.Kind))
	}
	for _, f := range []struct{ field, value string }{{"name", d.Name}, {"room", d.Room}, {"bed", d.Bed}} {
		if err := checkName(f.field, f.value, false); err != nil {
			return err
		}
	}
	if d.Compartment != 0 && devices.CheckCompartment(d.Compartment) != nil {
		return texts.Errorf(texts.Registry.Compartment, "compartment", d.Compartment)
	}
	if d.Compartments != 0 && devices.CheckCompartment(d.Compartments) != nil {
		return texts.Errorf(texts.Registry.Compartment, "compartments", d.Compartments)
	}
	if d.Interval != 0 && (d.Interval < leastInterval || d.Interval > mostInterval) {
		return texts.Errorf(texts.Supervision.Interval, d.Interval)
	}
	switch {
	case d.ID == devices.GatewayDevice || d.Kind == devices.KindGateway:
		return texts.Errorf(texts.Registry.Reserved, devices.GatewayDevice)
	case d.Compartment != 0 && d.Compartments != 0:
		return texts.Errorf(texts.Registry.OneOrMany)
	case d.Compartment != 0 && d.Facility == "":
		return texts.Errorf(texts.Registry.NoFacility, d.Compartment)
	case d.Kind == devices.KindBridge && d.Profile == "":
		return texts.Errorf(texts.Registry.BridgeProfile)
	case d.Kind == devices.KindBridge && d.Bridge != "":
		return texts.Errorf(texts.Registry.BridgeBehind)
	case d.Kind != devices.KindBridge && d.Profile != "":
		return texts.Errorf(texts.Registry.ProfileOfBridge)
	case (d.Bridge == "") != (d.Address == ""):
		return texts.Errorf(texts.Registry.BridgeAddress)
	}
	return checkAddress("address", d.Address)
}

func (e Elder) table() Table { return Elders }
func (e Elder) id() string   { return e.ID }
func (e Elder) clone() Record {
	e.Caregivers = slices.Clone(e.Caregivers)
	return e
}

func (e Elder) validate() error {
	if err := checkName("name", e.Name, true); err != nil {
		return err
	}
	if err := checkName("building", e.Building, false); err != nil {
		return err
	}
	if err := checkName("room", e.Room, false); err != nil {
		return err
	}
	if len(e.Caregivers) > maxPeople {
		return texts.Errorf(texts.Registry.TooMany, "caregivers", maxPeople, len(e.Caregivers))
	}
	for i, id := range e.Caregivers {
		if slices.Contains(e.Caregivers[:i], id) {
			return texts.Errorf(texts.Registry.Twice, "caregivers", id)
		}
	}
	return nil
}

func (c Caregiver) table() Table { return Caregivers }
func (c Caregiver) id() string   { return c.ID }
func (c Caregiver) clone() Record {
	c.Channels = slices.Clone(c.Channels)
	return c
}

func (c Caregiver) validate() error {
	if err := checkName("name", c.Name, true); err != nil {
		return err
	}
	if len(c.Channels) > maxChannels {
		return texts.Errorf(texts.Registry.TooMany, "channels", maxChannels, len(c.Channels))
	}
	for i, ch := range c.Channels {
		if devices.CheckCode("kind", ch.Kind) != nil {
			return texts.Errorf(texts.Registry.Code, "channels.kind", ch.Kind)
		}
		if slices.Contains(c.Channels[:i], ch) {
			return texts.Errorf(texts.Registry.Twice, "channels", ch.Kind+" "+ch.Address)
		}
		if err := checkAddress("channels.address", ch.Address); err != nil {
			return err
		}
	}
	return checkHours("quiet", c.Quiet)
}

func checkName(field, s string, required bool) error {
	if required && strings.TrimSpace(s) == "" {
		return texts.Errorf(texts.Registry.Missing, field)
	}
	if utf8.RuneCountInString(s) > maxName || !isText(s) {
		return texts.Errorf(texts.Registry.Name, field, maxName, s)
	}
	return nil
}

func checkAddress(field, s string) error {
	if len(s) > maxAddress || !isText(s) {
		return texts.Errorf(texts.Registry.Address, field, maxAddress, s)
	}
	return nil
}

func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
