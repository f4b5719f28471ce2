package alert

import "github.com/linli-edge/gateway/devices/texts"

// SignKind is a thing that a rule goes by.
type SignKind string

// The signs. Those of the first group are bad by themselves, those of the
// second make them worse, those of the third less bad.
const (
	SignOutside    SignKind = "outside_fence"   // Minutes ago the latest position, Value metres
	SignOutOfBed   SignKind = "out_of_bed"      // for Minutes
	SignNoLife     SignKind = "no_sign_of_life" // for Minutes of the active hours
	SignNoMeal     SignKind = "meal_not_fetched"
	SignReading    SignKind = "reading" // Value of the vital sign Of, the last of several
	SignNotVisited SignKind = "not_visited"
	SignSilent     SignKind = "silent"
	SignBattery    SignKind = "battery_low" // Value percent, 0 if not known
	SignNotWorn    SignKind = "not_worn"
	SignHot        SignKind = "hot_food_cold"  // Value degrees, for Minutes
	SignCold       SignKind = "cold_food_warm" // Value degrees, for Minutes
	SignOpen       SignKind = "door_open"      // for Minutes, compartment Of
	SignWaiting    SignKind = "not_fetched"    // compartment Of
	SignFault      SignKind = "fault"          // code Of
	SignOff        SignKind = "box_was_off"    // for Minutes, -1 if nobody knows
	SignUnsynced   SignKind = "clock_unsynchronised"
	SignDisk       SignKind = "disk"         // Value percent left
	SignPath       SignKind = "path"         // Of which
	SignDrill      SignKind = "drill_failed" // Of where

	SignNight    SignKind = "night"
	SignDementia SignKind = "dementia"
	SignFallRisk SignKind = "high_fall_risk"
	SignInBed    SignKind = "bed_occupied"
	SignSecond   SignKind = "second_in_a_row"
	SignAsked    SignKind = "asked_no_answer"

	SignLife SignKind = "other_signs_of_life" // Minutes ago
)

// Text says the sign in words, with its figures.
func (s Sign) Text(lang texts.Lang) string {
	t := texts.AlertSigns
	switch s.Sign {
	case SignOutside:
		return t.Outside.In(lang, int(s.Value), s.Minutes)
	case SignOutOfBed:
		return t.OutOfBed.In(lang, s.Minutes)
	case SignNoLife:
		return t.NoLife.In(lang, s.Minutes)
	case SignNoMeal:
		return t.NoMeal.In(lang)
	case SignReading:
		return t.Reading.In(lang, vital(s.Of), s.Value)
	case SignNotVisited:
		return t.NotVisited.In(lang, s.Minutes/60)
	case SignSilent:
		return t.Silent.In(lang)
	case SignBattery:
		return t.Battery.In(lang)
	case SignNotWorn:
		return t.NotWorn.In(lang)
	case SignHot:
		return t.Hot.In(lang, s.Of, s.Value, s.Limit, s.Minutes)
	case SignCold:
		return t.Cold.In(lang, s.Of, s.Value, s.Limit, s.Minutes)
	case SignOpen:
		return t.Open.In(lang, s.Of, s.Minutes)
	case SignWaiting:
		return t.Waiting.In(lang, s.Of)
	case SignFault:
		return t.Fault.In(lang, s.Of)
	case SignOff:
		if s.Minutes < 0 {
			return t.OffUnknown.In(lang)
		}
		return t.Off.In(lang, s.Minutes)
	case SignUnsynced:
		return t.Unsynced.In(lang)
	case SignDisk:
		return t.Disk.In(lang, int(s.Value))
	case SignDrill:
		return texts.AlertDrill.Failed.In(lang, texts.PartsOf(lang, s.Of))
	case SignPath:
		return t.Path.In(lang, texts.Part(lang, s.Of))
	case SignNight:
		return t.Night.In(lang)
	case SignDementia:
		return t.Dementia.In(lang)
	case SignFallRisk:
		return t.FallRisk.In(lang)
	case SignInBed:
		return t.InBed.In(lang)
	case SignSecond:
		return t.Second.In(lang)
	case SignAsked:
		return t.Asked.In(lang)
	case SignLife:
		return t.Life.In(lang, s.Minutes)
	}
	return string(s.Sign)
}

func vital(name string) texts.Text {
	t := texts.AlertSigns
	switch name {
	case "heart_rate":
		return t.HeartRate
	case "spo2":
		return t.SpO2
	case "systolic":
		return t.Systolic
	case "diastolic":
		return t.Diastolic
	}
	return t.Celsius
}
